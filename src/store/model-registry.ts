/**
 * The model registry: every version with its contract and graph as bytes, which one is active and which scores beside it, and who changed that.
 * A change is told on a channel of its own when it commits; whoever scores or reads scores follows it without a restart.
 */
import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { KinewatchError } from '../contracts/errors.ts';
import type { ModelContract, ModelPackage } from '../contracts/model.ts';
import type { Model, ModelRepository, ModelStatus } from '../rest/ports.ts';
import { listenOn, type Listener, type ListenOptions } from './listen.ts';
import { inTransaction } from './transaction.ts';

const MODELS_CHANNEL = 'kinewatch_models';
/** 'kwmo' as a number: one change of the registry at a time. */
const REGISTRY_LOCK = 0x6b776d6f;

/** What scores now. Null where nothing was registered yet. */
export interface ModelsInUse {
  readonly active: string | null;
  readonly shadow: string | null;
}

export interface ModelRegistry extends ModelRepository {
  /** @throws KinewatchError `already-exists`, naming what differs from what is there */
  register(model: ModelPackage, by: string): Promise<Model>;
  /** Registers and activates the model unless there is one already; true where it did. The same version without a hazard file takes that of the package. */
  ensureFirst(model: ModelPackage, by: string): Promise<boolean>;
  inUse(): Promise<ModelsInUse>;
  /** The contracts of every version: small beside the graphs. */
  contracts(): Promise<ReadonlyMap<string, ModelContract>>;
  /** @throws KinewatchError `unknown-model` */
  load(version: string): Promise<{ readonly contract: ModelContract; readonly graph: Uint8Array }>;
}

interface ModelRow {
  readonly version: string;
  readonly name: string;
  readonly status: ModelStatus;
  readonly sha256: string;
  readonly contract_sha256: string;
  readonly metrics: Model['metrics'];
  readonly registered_at: Date;
  readonly registered_by: string;
  readonly activated_at: Date | null;
  readonly history: Model['history'];
}

const VIEW = `SELECT version, name, status, sha256, contract_sha256, metrics, registered_at, registered_by, activated_at,
  (SELECT coalesce(json_agg(json_build_object('at', to_char(c.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'from', c.from_status,
     'to', c.to_status, 'by', c.by) ORDER BY c.at DESC, c.id), '[]') FROM model_change c WHERE c.version = model.version) AS history
  FROM model`;

const view = (row: ModelRow): Model => ({
  version: row.version,
  name: row.name,
  status: row.status,
  sha256: row.sha256,
  contractSha256: row.contract_sha256,
  metrics: row.metrics,
  registeredAt: row.registered_at.toISOString(),
  registeredBy: row.registered_by,
  activatedAt: row.activated_at?.toISOString() ?? null,
  history: row.history,
});

const sha256Of = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

const unknown = (version: string): KinewatchError => new KinewatchError('unknown-model', `there is no model ${version} in the registry`);

async function get(client: pg.Pool | pg.PoolClient, version: string): Promise<Model | null> {
  const { rows } = await client.query<ModelRow>(`${VIEW} WHERE version = $1`, [version]);
  return rows[0] === undefined ? null : view(rows[0]);
}

async function insert(client: pg.PoolClient, model: ModelPackage, status: ModelStatus, by: string): Promise<void> {
  const { contract, contractText, graph, metrics, hazardText } = model;
  const evaluated = metrics === null || metrics === undefined ? null : JSON.stringify(metrics);
  await client.query(
    `INSERT INTO model (version, name, status, sha256, contract_sha256, contract, graph, metrics, registered_by, hazard, activated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $3 = 'active' THEN now() END)`,
    [
      contract.version,
      contract.name,
      status,
      sha256Of(graph),
      sha256Of(contractText),
      contractText,
      Buffer.from(graph),
      evaluated,
      by,
      hazardText,
    ],
  );
  await note(client, contract.version, null, status, by);
}

/** A version that was registered without its hazard file takes the one that lies beside the very same graph now. One that has a file keeps it. */
const completeHazard = (client: pg.PoolClient, { contract, graph, hazardText }: ModelPackage): Promise<unknown> =>
  client.query('UPDATE model SET hazard = $3 WHERE version = $1 AND sha256 = $2 AND hazard IS NULL', [
    contract.version,
    sha256Of(graph),
    hazardText,
  ]);

const note = (client: pg.PoolClient, version: string, from: ModelStatus | null, to: ModelStatus, by: string): Promise<unknown> =>
  client.query('INSERT INTO model_change (id, version, from_status, to_status, by) VALUES ($1, $2, $3, $4, $5)', [
    randomUUID(),
    version,
    from,
    to,
    by,
  ]);

async function move(client: pg.PoolClient, version: string, from: ModelStatus, to: ModelStatus, by: string): Promise<void> {
  await client.query(
    `UPDATE model SET status = $2, activated_at = CASE WHEN $2 = 'active' THEN now() ELSE activated_at END WHERE version = $1`,
    [version, to],
  );
  await note(client, version, from, to, by);
}

/** One at a time, and told to everybody who listens once it is committed. */
const changing = <T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [REGISTRY_LOCK]);
    const done = await work(client);
    await client.query('SELECT pg_notify($1, $2)', [MODELS_CHANNEL, '']);
    return done;
  });

async function standing(client: pg.PoolClient): Promise<Map<string, ModelStatus>> {
  const { rows } = await client.query<{ version: string; status: ModelStatus }>('SELECT version, status FROM model');
  return new Map(rows.map((row) => [row.version, row.status]));
}

const holderOf = (models: ReadonlyMap<string, ModelStatus>, status: ModelStatus): string | undefined =>
  [...models].find(([, held]) => held === status)?.[0];

type Changes = readonly (readonly [version: string, to: ModelStatus])[];

/** Everything a wish changes. A shadow that becomes active changes places with the one that was; any other puts it aside. */
function changesFor(models: ReadonlyMap<string, ModelStatus>, version: string, to: 'active' | 'shadow' | 'retired'): Changes {
  const from = models.get(version);
  if (from === to) return [];
  if (from === 'active') throw new KinewatchError('model-active', `model ${version} is the active one: activate another first`);
  const holder = to === 'retired' ? undefined : holderOf(models, to);
  const makesRoom: Changes = holder === undefined ? [] : [[holder, from === 'shadow' ? 'shadow' : 'retired']];
  return [...makesRoom, [version, to]];
}

/** A place is free before somebody takes it: first all leave theirs. */
async function apply(client: pg.PoolClient, models: ReadonlyMap<string, ModelStatus>, changes: Changes, by: string): Promise<void> {
  await client.query(`UPDATE model SET status = 'retired' WHERE version = ANY($1)`, [changes.map(([version]) => version)]);
  for (const [version, to] of changes) await move(client, version, models.get(version) ?? to, to, by);
}

export function createModelRegistry(pool: pg.Pool): ModelRegistry {
  return {
    list: async () => (await pool.query<ModelRow>(`${VIEW} ORDER BY registered_at DESC, version`)).rows.map(view),
    get: (version) => get(pool, version),
    setStatus: (version, to, by) =>
      changing(pool, async (client) => {
        const models = await standing(client);
        if (!models.has(version)) return null;
        await apply(client, models, changesFor(models, version, to), by);
        return get(client, version);
      }),
    register: (model, by) =>
      changing(pool, async (client) => {
        const { version } = model.contract;
        const known = await get(client, version);
        if (known !== null) throw new KinewatchError('already-exists', describeKnown(known, model));
        await insert(client, model, 'registered', by);
        return (await get(client, version)) as Model;
      }),
    ensureFirst: (model, by) =>
      changing(pool, async (client) => {
        const models = await standing(client);
        await completeHazard(client, model);
        if (holderOf(models, 'active') !== undefined) return false;
        const { version } = model.contract;
        const from = models.get(version);
        if (from === undefined) await insert(client, model, 'active', by);
        else await move(client, version, from, 'active', by);
        return true;
      }),
    async inUse() {
      const { rows } = await pool.query<{ version: string; status: string }>(
        `SELECT version, status FROM model WHERE status IN ('active', 'shadow')`,
      );
      const versionOf = (status: string): string | null => rows.find((row) => row.status === status)?.version ?? null;
      return { active: versionOf('active'), shadow: versionOf('shadow') };
    },
    async contracts() {
      const { rows } = await pool.query<{ version: string; contract: string }>('SELECT version, contract FROM model');
      return new Map(rows.map((row) => [row.version, JSON.parse(row.contract) as ModelContract]));
    },
    async load(version) {
      const { rows } = await pool.query<{ contract: string; graph: Buffer }>('SELECT contract, graph FROM model WHERE version = $1', [
        version,
      ]);
      const [row] = rows;
      if (row === undefined) throw unknown(version);
      return { contract: JSON.parse(row.contract) as ModelContract, graph: new Uint8Array(row.graph) };
    },
  };
}

function describeKnown(known: Model, { contract, contractText, graph }: ModelPackage): string {
  const differs = [
    ...(known.sha256 === sha256Of(graph) ? [] : ['graph']),
    ...(known.contractSha256 === sha256Of(contractText) ? [] : ['contract']),
  ];
  const same = `model ${contract.version} is registered already (${known.status})`;
  return differs.length === 0 ? same : `${same} with another ${differs.join(' and ')}: a changed model takes a new version`;
}

/** Calls `onChange` after every change of the registry, and when the channel was lost and may have missed one. @throws the driver's error where the first connection fails */
export function listenModels(
  connectionString: string,
  onChange: () => void,
  options: Pick<ListenOptions, 'onError' | 'reconnectMs'> = {},
): Promise<Listener> {
  return listenOn({ ...options, connectionString, channel: MODELS_CHANNEL, onPayload: onChange, onReopened: onChange });
}
