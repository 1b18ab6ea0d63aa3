/** The only reader of process.env: one schema, one frozen value, every fault reported at once. */
import { Type, type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { KinewatchError } from './contracts/errors.ts';

export const ROLES = ['gateway', 'score', 'asms', 'api', 'webhook'] as const;
export type Role = (typeof ROLES)[number];

const Environment = Type.Object({
  DATABASE_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://',
      description: 'a postgresql:// URL; absent means an embedded PostgreSQL under KINEWATCH_DIR',
    }),
  ),
  REDIS_URL: Type.Optional(
    Type.String({ pattern: '^rediss?://', description: 'a redis:// URL; absent means the queues run on PostgreSQL' }),
  ),
  ROLES: Type.String({
    default: 'all',
    pattern: `^(all|(${ROLES.join('|')})(,(${ROLES.join('|')}))*)$`,
    description: `"all" or a comma-separated list of ${ROLES.join(', ')}`,
  }),
  EXECUTION_PROVIDER: Type.String({ default: 'auto', pattern: '^(auto|cuda|cpu)$', description: 'auto, cuda or cpu' }),
  HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'the address to listen on' }),
  PORT: Type.Integer({ default: 8080, minimum: 0, maximum: 65_535, description: 'a port, 0 for any free one' }),
  KINEWATCH_DIR: Type.String({ default: '.kinewatch', minLength: 1, description: 'the folder of the embedded database' }),
  MODEL_DIR: Type.String({
    default: 'models',
    minLength: 1,
    description: 'the folder of the model that the first start registers: binn.json and binn.onnx',
  }),
  LOG_LEVEL: Type.String({
    default: 'info',
    pattern: '^(trace|debug|info|warn|error|fatal|silent)$',
    description: 'trace, debug, info, warn, error, fatal or silent',
  }),
  SHARDS: Type.Integer({ default: 1, minimum: 1, maximum: 64, description: 'the number of worker threads that score, 1 to 64' }),
  COMMIT_INTERVAL_MS: Type.Integer({
    default: 25,
    minimum: 1,
    maximum: 50,
    description: 'the milliseconds a frame may wait for its commit, 1 to 50',
  }),
  RAW_RETENTION_DAYS: Type.Integer({ default: 14, minimum: 1, maximum: 3_650, description: 'the days raw frames are kept, 1 to 3650' }),
  SCORE_RETENTION_DAYS: Type.Integer({ default: 730, minimum: 1, maximum: 36_500, description: 'the days scores are kept, 1 to 36500' }),
  SESSION_SILENCE_S: Type.Integer({
    default: 900,
    minimum: 5,
    maximum: 86_400,
    description: 'the seconds of silence that close a session, 5 to 86400',
  }),
  WEBHOOK_ALLOW_PRIVATE: Type.Boolean({ default: false, description: 'true or false (may webhooks go to private addresses)' }),
});

export interface Config {
  /** null: embedded PostgreSQL under `directory`. */
  readonly databaseUrl: string | null;
  /** null: BullMQ on PostgreSQL. */
  readonly redisUrl: string | null;
  readonly roles: ReadonlySet<Role>;
  readonly executionProvider: 'auto' | 'cuda' | 'cpu';
  readonly host: string;
  readonly port: number;
  readonly directory: string;
  readonly modelDirectory: string;
  readonly logLevel: string;
  readonly shardCount: number;
  readonly commitIntervalMs: number;
  readonly rawRetentionDays: number;
  readonly scoreRetentionDays: number;
  readonly sessionSilenceS: number;
  readonly webhookAllowPrivate: boolean;
}

type Properties = typeof Environment.properties;

const descriptionOf = (schema: TSchema): string => ('description' in schema ? String(schema.description) : 'valid');

/** One line a faulty variable, in the order of the schema. Each is checked by itself: a checker of the whole stops after some errors. */
function faultsOf(values: Record<string, unknown>): string[] {
  return (Object.keys(Environment.properties) as (keyof Properties)[])
    .filter((name) => values[name] !== undefined && !Value.Check(Environment.properties[name], values[name]))
    .map((name) => `${name}=${JSON.stringify(values[name])}: give ${descriptionOf(Environment.properties[name])}`);
}

/**
 * Reads and checks the configuration. Variables that are empty count as absent.
 * @throws KinewatchError `bad-configuration` whose message lists every fault, one a line.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given: Record<string, unknown> = {};
  for (const name of Object.keys(Environment.properties)) {
    const value = environment[name];
    if (value !== undefined && value.trim() !== '') given[name] = name === 'ROLES' ? value.replaceAll(' ', '') : value.trim();
  }
  const values = Value.Convert(Environment, Value.Default(Environment, given)) as Record<string, unknown>;
  const faults = faultsOf(values);
  const parsed = values as Static<typeof Environment>;
  const split = typeof parsed.ROLES === 'string' && parsed.ROLES !== 'all' && new Set(parsed.ROLES.split(',')).size < ROLES.length;
  if (split && parsed.DATABASE_URL === undefined) {
    faults.push(`ROLES=${JSON.stringify(parsed.ROLES)} splits the roles over processes, which needs a DATABASE_URL that all of them share`);
  }
  if (faults.length > 0)
    throw new KinewatchError('bad-configuration', `The configuration is faulty:\n${faults.map((line) => `  ${line}`).join('\n')}`);
  return Object.freeze({
    databaseUrl: parsed.DATABASE_URL ?? null,
    redisUrl: parsed.REDIS_URL ?? null,
    roles: new Set(parsed.ROLES === 'all' ? ROLES : (parsed.ROLES.split(',') as Role[])),
    executionProvider: parsed.EXECUTION_PROVIDER as Config['executionProvider'],
    host: parsed.HOST,
    port: parsed.PORT,
    directory: parsed.KINEWATCH_DIR,
    modelDirectory: parsed.MODEL_DIR,
    logLevel: parsed.LOG_LEVEL,
    shardCount: parsed.SHARDS,
    commitIntervalMs: parsed.COMMIT_INTERVAL_MS,
    rawRetentionDays: parsed.RAW_RETENTION_DAYS,
    scoreRetentionDays: parsed.SCORE_RETENTION_DAYS,
    sessionSilenceS: parsed.SESSION_SILENCE_S,
    webhookAllowPrivate: parsed.WEBHOOK_ALLOW_PRIVATE,
  });
}
