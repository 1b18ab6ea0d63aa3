/** The command itself on one and on two threads; from dist, since Node runs no .ts file in a thread. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('writes the same files on one thread and on two', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kinewatch-threads-'));
  try {
    const written = async (threads: number): Promise<Map<string, Buffer>> => {
      const out = join(folder, String(threads));
      const asked = ['--out', out, '--athletes', '5', '--seconds', '30', '--prior-athletes', '2', '--ceiling', 'none'];
      await run(process.execPath, [resolve('dist/src/cli/dataset.js'), ...asked, '--threads', String(threads)]);
      const names = (await readdir(out)).toSorted();
      return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(out, name))] as const)));
    };
    const [one, two] = [await written(1), await written(2)];
    expect([...one.keys()]).toEqual(['dataset.json', 'sessions.json', 'windows-0000.arrow']);
    expect([...two.keys()]).toEqual([...one.keys()]);
    for (const [name, bytes] of one) expect(two.get(name)!.equals(bytes), name).toBe(true);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 240_000);
