/** npm run admin, as it is run: the built program in a process of its own. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/admin.js', import.meta.url));
const HEADER = 'external_id,name,team,sex,birth_date,height_m,mass_kg,device';

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], env: Record<string, string>): Promise<Ended> {
  const { PATH = '' } = process.env;
  return new Promise((done) => {
    execFile(process.execPath, [PROGRAM, ...args], { env: { PATH, ...env }, timeout: 60_000 }, (error, stdout, stderr) =>
      done({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

/** What the commands print with --json; each command prints some of it. */
interface Made {
  readonly id: string;
  readonly key: string;
  readonly token: string;
  readonly name: string;
  readonly teamId: string;
}
const lastLine = (text: string): Made => JSON.parse(text.trim().split('\n').at(-1) ?? '') as Made;

let api: RestApp;
let directory: string;
const admin = (...args: string[]) => run(args, { DATABASE_URL: api.database.connectionString });
const file = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};
beforeAll(async () => {
  api = await startRestApp();
  directory = mkdtempSync(join(tmpdir(), 'kwa-'));
});
afterAll(async () => {
  await api.close();
  rmSync(directory, { recursive: true, force: true });
});

// Each command is a process that loads the store and looks at the migrations: seconds on a busy machine.
describe('npm run admin', { timeout: 180_000 }, () => {
  it('explains itself, and says what is wrong with a command line', async () => {
    const help = await admin('--help');
    expect([help.status, help.stderr]).toEqual([0, '']);
    for (const command of ['create-key', 'create-gateway', 'create-athlete', 'import-roster', '--json'])
      expect(help.stdout).toContain(command);
    for (const args of [
      [],
      ['create-team'],
      ['create-key', '--scope', 'read'],
      ['create-key', '--scopes', 'root'],
      ['create-key', '--role', 'surgeon'],
      ['create-key', '--role', 'coach', '--scopes', 'read'],
      ['create-key', '--role', 'athlete', '--team', 'A'],
      ['create-key', '--role', 'coach', '--external-id', '7'],
      ['create-gateway', '--team', 'A'],
      ['import-roster'],
      ['create-key', 'x'],
    ]) {
      const wrong = await admin(...args);
      expect([wrong.status, wrong.stdout], args.join(' ')).toEqual([2, '']);
      expect(wrong.stderr).toContain('--help');
    }
  });

  it('creates keys that open the API, and gateways whose token does', async () => {
    const made = await admin('create-key', '--name', 'Bench', '--scopes', 'read', '--team', 'First', '--expires-days', '30', '--json');
    expect(made.status, made.stderr).toBe(0);
    const { key, teamId } = lastLine(made.stdout);
    expect((await api.call(key, 'GET', '/v1/teams')).json()).toMatchObject({ items: [{ id: teamId, name: 'First' }], nextCursor: null });
    const athleteId = await api.athlete(teamId, '7');
    const own = lastLine((await admin('create-key', '--role', 'athlete', '--team', 'First', '--external-id', '7', '--json')).stdout);
    expect((await api.call(own.key, 'GET', `/v1/athletes/${athleteId}`)).statusCode).toBe(200);
    expect((await api.call(own.key, 'GET', '/v1/athletes')).statusCode).toBe(403);
    const nobody = await admin('create-key', '--role', 'athlete', '--team', 'First', '--external-id', '8');
    expect([nobody.status, nobody.stderr]).toEqual([1, 'First has no athlete 8\n']);
    const plain = await admin('create-key');
    const all = /kw_\S+/.exec(plain.stdout)?.[0] ?? '';
    expect((await api.call(all, 'POST', '/v1/teams', { name: 'Second' })).statusCode).toBe(201);
    const gateway = lastLine((await admin('create-gateway', '--team', 'First', '--name', 'Pitch', '--json')).stdout);
    expect(gateway.teamId).toBe(teamId);
    expect((await api.call(gateway.token, 'GET', '/v1/gateways/me/progress')).statusCode).toBe(200);
    const again = await admin('create-gateway', '--team', 'First', '--name', 'Pitch');
    expect([again.status, again.stderr]).toEqual([1, 'The team has a gateway Pitch already\n']);
  });

  it('creates an athlete with a device', async () => {
    const args = [
      'create-athlete',
      '--team',
      'First',
      '--external-id',
      '9',
      '--name',
      'Nia "9"',
      '--mass-kg',
      '61',
      '--device',
      'imu-9:imu',
      '--json',
    ];
    const made = await admin(...args);
    expect(made.status, made.stderr).toBe(0);
    const { id, teamId } = lastLine(made.stdout);
    const key = await api.key(teamId, ['read']);
    expect((await api.call(key, 'GET', `/v1/athletes/${id}`)).json()).toMatchObject({ name: 'Nia "9"', massKg: 61 });
    expect((await api.call(key, 'GET', '/v1/devices?serial=imu-9')).json()).toMatchObject({ items: [{ athleteId: id, kind: 'imu' }] });
    const again = await admin(...args);
    expect([again.status, again.stderr]).toEqual([1, 'First has an athlete 9 already\n']);
    expect((await admin('create-athlete', '--team', 'A', '--external-id', '1', '--name', 'x', '--mass-kg', 'much')).stderr).toBe(
      'mass_kg "much" is not a number from 15 to 350\n',
    );
  });

  it('imports a roster whole or not at all, and names the line that is at fault', async () => {
    const good = file('good.csv', `${HEADER}\n1,Ann,Roster,f,2001-04-09,1.7,60,r-1:imu;r-2\n2,Ben,Roster,,,,,r-3\n3,Cem,Other,,,,,r-1\n`);
    const done = await admin('import-roster', good, '--json');
    expect(done.status, done.stderr).toBe(0);
    expect(lastLine(done.stdout)).toMatchObject({
      teamsCreated: 2,
      devicesCreated: 4,
      athletes: [{ externalId: '1' }, { externalId: '2' }, { externalId: '3' }],
    });
    const count = async (): Promise<string | undefined> =>
      (await api.database.pool.query<{ n: string }>('SELECT count(*) AS n FROM athlete')).rows[0]?.n;
    const before = await count();
    const late = await admin('import-roster', file('late.csv', `${HEADER}\n10,Dan,New team,,,,,\n2,Eva,Roster,,,,,\n`));
    expect([late.status, late.stderr]).toEqual([1, 'line 3: Roster has an athlete 2 already\n']);
    const taken = await admin('import-roster', file('taken.csv', `${HEADER}\n10,Dan,Roster,,,,,\n11,Eva,Roster,,,,,r-1\n`));
    expect([taken.status, taken.stderr]).toEqual([1, 'line 3: device r-1 is assigned to 1\n']);
    const shape = await admin('import-roster', file('shape.csv', `${HEADER}\n10,Dan,Roster,z,,,,\n`));
    expect([shape.status, shape.stderr]).toEqual([1, 'line 2: sex "z" is neither f nor m\n']);
    const odd = file('odd.csv', `${HEADER}\nx\u001b[2J,Fay,Odd,,,,,\n`);
    expect((await admin('import-roster', odd)).status).toBe(0);
    const again = await admin('import-roster', odd);
    expect([again.status, again.stderr]).toEqual([1, 'line 2: Odd has an athlete x\\u{1b}[2J already\n']);
    expect((await admin('import-roster', join(directory, 'absent.csv'))).stderr).toContain('cannot read');
    expect(Number(await count())).toBe(Number(before) + 1);
    expect((await api.database.pool.query(`SELECT 1 FROM team WHERE name = 'New team'`)).rowCount).toBe(0);
  });

  it('works on the embedded database whether the service holds it or not', async () => {
    const env = { KINEWATCH_DIR: join(directory, 'data') };
    const alone = await run(['create-key', '--json'], env);
    expect(alone.status, alone.stderr).toBe(0);
    const service = await startEmbeddedPostgres({ directory: env.KINEWATCH_DIR });
    try {
      const beside = await run(['create-key', '--name', 'beside', '--json'], env);
      expect(beside.status, beside.stderr).toBe(0);
      expect(lastLine(beside.stdout).name).toBe('beside');
    } finally {
      await service.stop();
    }
  });

  it('lists every fault of the environment and stops', async () => {
    const wrong = await run(['create-key'], { DATABASE_URL: 'mysql://x', PORT: 'none' });
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain('DATABASE_URL');
    expect(wrong.stderr).toContain('PORT');
  });
});
