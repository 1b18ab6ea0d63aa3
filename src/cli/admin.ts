/** npm run admin: what must exist before the API can be asked, made in the database itself. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readConfig } from '../config.ts';
import { KinewatchError } from '../contracts/errors.ts';
import { mintApiKey, mintGatewayToken } from '../rest/credentials.ts';
import { ROLES, ROLE_SCOPES, SCOPES, type Repositories, type Role, type Scope } from '../rest/ports.ts';
import { migrate } from '../store/migrate.ts';
import { openPool } from '../store/pool.ts';
import { openPrisma } from '../store/prisma.ts';
import { createModelRegistry } from '../store/model-registry.ts';
import { createRepositories } from '../store/repositories/index.ts';
import { readModelCommand } from './admin/models.ts';
import { parseRoster, printable } from './admin/roster.ts';
import { UsageError, type Command, type Done } from './admin/command.ts';
import { openCommandDatabase } from './database.ts';

const HELP = `npm run admin -- COMMAND [options]

Works on DATABASE_URL, or on the embedded database under KINEWATCH_DIR (.kinewatch), whether the service runs or not.

  create-key      an API key, shown once
    --name NAME          what it is for (default "admin")
    --role ROLE          coach, medical, analyst, admin, or athlete (with --team and --external-id: that athlete's own record, nothing else)
    --scopes LIST        in place of a role: of read,write,medical,admin (default: all of them)
    --team NAME          bound to one team (default: every team)
    --external-id ID     with --role athlete
    --expires-days N     default: never
  create-gateway  a sensor gateway and its token, shown once
    --team NAME --name NAME
  create-athlete  an athlete
    --team NAME --external-id ID --name NAME [--sex f|m] [--birth-date YYYY-MM-DD] [--height-m M] [--mass-kg KG] [--device SERIAL[:KIND][;...]]
  import-roster FILE.csv
    columns external_id,name,team,sex,birth_date,height_m,mass_kg,device; all of it or nothing, faults name their line.
    It only creates, in teams old or new: an athlete whose external_id the team has already is a fault, as is a device that somebody wears, so that
    the same file cannot be imported twice. Athletes are changed with PATCH /v1/athletes/{id}.
    device: SERIAL or SERIAL:KIND (imu, force-plate, wearable, emg, mocap, position; wearable unless told), several with ; between
  model list                every version: status, digest, when and by whom
  model register DIR        binn.json and binn.onnx of a folder (and evaluation.json, where it is of that version); refused where they do not fit,
                            naming each difference. It scores nothing until it is
  model activate VERSION    the one whose scores count, from each athlete's next window on; no restart. A shadow changes places with it
  model shadow VERSION      scores beside the active one, seen only by who asks for it (?modelVersion=)
  model retire VERSION      scores no more; what it scored stays
    --by NAME               who stands in the history (default "npm run admin")

A team that does not exist is created.

  --json          one JSON object as the last line of stdout
  --help          this text
`;

const OPTIONS = {
  name: { type: 'string' },
  role: { type: 'string' },
  scopes: { type: 'string' },
  team: { type: 'string' },
  'expires-days': { type: 'string' },
  'external-id': { type: 'string' },
  sex: { type: 'string' },
  'birth-date': { type: 'string' },
  'height-m': { type: 'string' },
  'mass-kg': { type: 'string' },
  device: { type: 'string' },
  by: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<typeof parse>['values'];
const parse = (args: readonly string[]) => parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });

function required(values: Values, name: 'team' | 'name' | 'external-id'): string {
  const value = values[name];
  if (value === undefined || value.trim() === '') throw new UsageError(`--${name} is missing`);
  return value;
}

const DAY_MS = 86_400_000;

function readExpiry(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const days = Number(text);
  if (!(days > 0 && days <= 36_500)) throw new UsageError(`--expires-days "${text}" is not a number of days`);
  return new Date(Date.now() + days * DAY_MS);
}

function readScopes(text: string | undefined): readonly Scope[] {
  const scopes = text === undefined ? [...SCOPES] : text.split(',').map((scope) => scope.trim());
  const unknown = scopes.filter((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (unknown.length > 0) throw new UsageError(`--scopes: ${unknown.join(', ')} is not one of ${SCOPES.join(', ')}`);
  return scopes as Scope[];
}

/** @throws UsageError where there is no such role, scopes stand beside it, or --external-id is missing or idle */
function readRole(values: Values): Role | null {
  const { role = null } = values;
  if (role !== null && !(ROLES as readonly string[]).includes(role))
    throw new UsageError(`--role: ${role} is not one of ${ROLES.join(', ')}`);
  if (role !== null && values.scopes !== undefined) throw new UsageError('a key has a role or scopes, not both');
  if (role === 'athlete') {
    required(values, 'team');
    required(values, 'external-id');
  } else if (values['external-id'] !== undefined) throw new UsageError('--external-id goes with --role athlete');
  return role as Role | null;
}

async function findTeam({ teams }: Repositories, name: string): Promise<string | null> {
  for (let after: string | null = null; ;) {
    const page: Awaited<ReturnType<typeof teams.list>> = await teams.list(null, { limit: 200, after });
    const team = page.items.find((item) => item.name === name);
    if (team !== undefined) return team.id;
    if (page.next === null) return null;
    after = page.next;
  }
}

async function ensureTeam(repositories: Repositories, name: string): Promise<string> {
  return (await findTeam(repositories, name)) ?? (await repositories.teams.create({ name })).id;
}

async function findAthlete(repositories: Repositories, team: string, externalId: string): Promise<{ id: string; teamId: string }> {
  const teamId = await findTeam(repositories, team);
  if (teamId === null) throw new KinewatchError('unknown-reference', `There is no team ${team}`);
  const { items } = await repositories.athletes.list(teamId, { externalId }, { limit: 1, after: null });
  const [athlete] = items;
  if (athlete === undefined) throw new KinewatchError('unknown-reference', `${team} has no athlete ${externalId}`);
  return athlete;
}

function createKey(values: Values): Command {
  const role = readRole(values);
  const scopes = role === null ? readScopes(values.scopes) : ROLE_SCOPES[role];
  const expiresAt = readExpiry(values['expires-days']);
  const name = values.name ?? 'admin';
  return async (repositories) => {
    const athlete = role === 'athlete' ? await findAthlete(repositories, values.team ?? '', values['external-id'] ?? '') : null;
    const teamId = athlete?.teamId ?? (values.team === undefined ? null : await ensureTeam(repositories, values.team));
    const athleteId = athlete?.id ?? null;
    const { secret, prefix, hash } = mintApiKey();
    const key = await repositories.apiKeys.create({ teamId, name, role, athleteId, scopes, expiresAt, prefix, hash });
    return {
      lines: [`API key "${name}" (${role ?? scopes.join(', ')}), shown this once:`, secret],
      result: { id: key.id, key: secret, name, role, scopes, teamId, athleteId, expiresAt: key.expiresAt },
    };
  };
}

function createGateway(values: Values): Command {
  const name = required(values, 'name');
  const team = required(values, 'team');
  return async (repositories) => {
    const teamId = await ensureTeam(repositories, team);
    const { secret, prefix, hash } = mintGatewayToken();
    const gateway = await repositories.gateways.create(teamId, { name, prefix, hash });
    return {
      lines: [`Gateway "${name}" of ${team}, token shown this once:`, secret],
      result: { id: gateway.id, token: secret, name, teamId },
    };
  };
}

const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** One row of a roster, checked and written as one. */
function createAthlete(values: Values): Command {
  const fields = [required(values, 'external-id'), required(values, 'name'), required(values, 'team')];
  const optional = [values.sex, values['birth-date'], values['height-m'], values['mass-kg'], values.device].map((value) => value ?? '');
  const header = 'external_id,name,team,sex,birth_date,height_m,mass_kg,device';
  const rows = withoutLine(() => parseRoster(`${header}\n${[...fields, ...optional].map(quote).join(',')}\n`));
  return async (repositories) => {
    const { athletes } = await repositories.athletes.importRoster(null, rows).catch((error: unknown) => withoutLine(() => raise(error)));
    const [athlete] = athletes;
    return { lines: [`Athlete ${athlete?.externalId} created: ${athlete?.id}`], result: { ...athlete } };
  };
}

function raise(error: unknown): never {
  throw error;
}

/** There is no file here: a fault of "line 2" is a fault of the options. */
function withoutLine<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof KinewatchError)
      throw new KinewatchError(error.code, error.message.replaceAll(/^line \d+: /gm, ''), { cause: error });
    throw error;
  }
}

async function importRoster(file: string | undefined): Promise<Command> {
  if (file === undefined) throw new UsageError('import-roster needs a file');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new KinewatchError('roster-refused', `cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  const rows = parseRoster(text);
  return async (repositories) => {
    const { teamsCreated, athletes, devicesCreated } = await repositories.athletes.importRoster(null, rows);
    return {
      lines: [`${athletes.length} athletes imported; ${teamsCreated} teams and ${devicesCreated} devices created`],
      result: { athletes, teamsCreated, devicesCreated },
    };
  };
}

async function readCommand(positionals: readonly string[], values: Values): Promise<Command> {
  const [name, file, ...rest] = positionals;
  if (name === 'model') return readModelCommand(positionals.slice(1), values.by ?? 'npm run admin');
  if (rest.length > 0 || (file !== undefined && name !== 'import-roster'))
    throw new UsageError(`too many arguments: ${positionals.slice(1).join(' ')}`);
  switch (name) {
    case 'create-key':
      return createKey(values);
    case 'create-gateway':
      return createGateway(values);
    case 'create-athlete':
      return createAthlete(values);
    case 'import-roster':
      return importRoster(file);
    case undefined:
      throw new UsageError('a command is missing');
    default:
      throw new UsageError(`there is no command ${name}`);
  }
}

async function run(command: Command): Promise<Done> {
  const database = await openCommandDatabase(readConfig(), log);
  try {
    await migrate(database.connectionString);
    const prisma = openPrisma(database.connectionString, { max: 2 });
    const pool = openPool(database.connectionString, { max: 1, name: 'kinewatch admin' });
    try {
      return await command(createRepositories(prisma, pool), createModelRegistry(pool));
    } finally {
      await prisma.$disconnect();
      await pool.end();
    }
  } finally {
    await database.close();
  }
}

const log = (message: string): void => void process.stderr.write(`${message}\n`);

/** Exit status: 0 done, 1 refused, 2 wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help) {
      process.stdout.write(HELP);
      return 0;
    }
    const { lines, result } = await run(await readCommand(positionals, values));
    process.stdout.write(`${values.json ? JSON.stringify(result) : lines.join('\n')}\n`);
    return 0;
  } catch (error) {
    const isUsage =
      error instanceof UsageError || (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
    // A fault of the database quotes the file as it is.
    log(printable(error instanceof Error ? error.message : String(error)));
    if (isUsage) log('See npm run admin -- --help');
    else if (!(error instanceof KinewatchError) && error instanceof Error) log(printable(error.stack ?? ''));
    return isUsage ? 2 : 1;
  }
}

const status = await main(process.argv.slice(2));
// Everything is closed and awaited; what would keep the process is a timer of ten seconds that the schema engine leaves behind.
process.stdout.write('', () => process.exit(status));
