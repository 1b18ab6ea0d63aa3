/** npm run rescore: past windows scored again under another version of the model, from the stored raw frames. */
import { runRescore } from './rescore/run.ts';
import { processOutput } from './run-command.ts';

const status = await runRescore(process.argv.slice(2), processOutput);
// Everything is closed and awaited; what would keep the process is a timer of ten seconds that the schema engine leaves behind.
process.stdout.write('', () => process.exit(status));
