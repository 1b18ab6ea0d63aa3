/** npm run replay: plays recordings over a real WebSocket into a running service, or an embedded one. */
import { runReplay } from './replay/run.ts';
import { processOutput } from './run-command.ts';

process.exitCode = await runReplay(process.argv.slice(2), processOutput);
