/** Programs that some tests drive and that a user's machine may not have. */
import { spawnSync } from 'node:child_process';

/**
 * True where the program is there. Where it is not, says that `what` is not tested; with KINEWATCH_REQUIRE_TOOLS set (CI) that is an error instead,
 * so that CI never skips.
 */
export function haveTool(program: string, what: string): boolean {
  if (spawnSync(program, ['--version']).error === undefined) return true;
  const sentence = `${what} not tested: there is no ${program} here`;
  if ((process.env.KINEWATCH_REQUIRE_TOOLS ?? '') !== '') throw new Error(sentence);
  console.warn(sentence);
  return false;
}
