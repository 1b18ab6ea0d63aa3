/** What commands share in being run: options, help, exit status, and where they write. */
import { KinewatchError } from '../contracts/errors.ts';

/** Where a command writes; the process's own streams but in tests. */
export interface Output {
  readonly stdout: (text: string) => void;
  /** One line, without its end. */
  readonly log: (line: string) => void;
}

/** 0: all done, 1: something of it failed, 2: wrong use. */
export type ExitStatus = 0 | 1 | 2;

export interface CommandLine<Options extends { readonly help: boolean }> {
  /** As `npm run` knows it. */
  readonly name: string;
  readonly help: string;
  /** Throws KinewatchError `usage` with a sentence on wrong use. */
  readonly readOptions: (args: readonly string[]) => Options;
  readonly run: (options: Options, output: Output) => Promise<ExitStatus>;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const processOutput: Output = {
  stdout: (text) => process.stdout.write(text),
  log: (line) => process.stderr.write(`${line}\n`),
};

/** Runs a command, or prints its help; a fault is told in a sentence. Never rejects. */
export async function runCommand<Options extends { readonly help: boolean }>(
  { name, help, readOptions, run }: CommandLine<Options>,
  args: readonly string[],
  output: Output,
): Promise<ExitStatus> {
  try {
    const options = readOptions(args);
    if (!options.help) return await run(options, output);
    output.stdout(`${help}\n`);
    return 0;
  } catch (error) {
    const isUsage = error instanceof KinewatchError && error.code === 'usage';
    output.log(messageOf(error));
    if (isUsage) output.log(`npm run ${name} -- --help tells how it is used.`);
    return isUsage ? 2 : 1;
  }
}
