/** npm run replay: plays recordings over a real WebSocket into a running service, or an embedded one. */
import { runReplay } from './replay/run.ts';

process.exitCode = await runReplay(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  log: (line) => process.stderr.write(`${line}\n`),
});
