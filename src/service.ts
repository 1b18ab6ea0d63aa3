/** The composition root: starts the roles asked for, wires them, and stops them in reverse order. */
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import pino, { type Logger } from 'pino';
import { asmsParams } from './asms/params.ts';
import type { Config } from './config.ts';
import type { LiveEvent } from './contracts/events.ts';
import {
  QUEUE_ASMS,
  QUEUE_DAILY,
  QUEUE_EXPLAIN,
  QUEUE_METRICS,
  QUEUE_PLAN,
  QUEUE_PLAN_ALTERNATIVES,
  QUEUE_WEBHOOK,
} from './contracts/jobs.ts';
import type { ModelContract, ModelPackage } from './contracts/model.ts';
import { KinewatchError } from './contracts/errors.ts';
import { DEFAULT_LIMITS } from './contracts/protocol.ts';
import { createExplainer } from './explain/explainer.ts';
import { createGatewayMetrics } from './gateway/metrics.ts';
import { gatewayPlugin } from './gateway/plugin.ts';
import type { FrameSink } from './gateway/ports.ts';
import { createUnusedDescriber } from './gateway/unused-channels.ts';
import { DEFAULT_CATALOGUE } from './asms/catalogue.ts';
import { createPlanner } from './plan/planner.ts';
import { createPlanning } from './plan/planning.ts';
import { startPlanSweeper } from './queue/plan-sweeper.ts';
import { PLAN_CONCURRENCY, createPlanWorker } from './queue/plan-worker.ts';
import { createAsmsWorker } from './queue/asms-worker.ts';
import { DAILY_METHODS, createDailyWorker } from './queue/daily/worker.ts';
import { createNoticeSweep } from './queue/notice-sweep.ts';
import { openQueues, type Queues } from './queue/queues.ts';
import { createMetricsWorker } from './queue/session-metrics-worker.ts';
import { createWatch } from './queue/watch.ts';
import { processTimers, startSweeper } from './queue/sweeper.ts';
import { WEBHOOK_CONCURRENCY, createWebhookWorker } from './queue/webhook-worker.ts';
import { restPlugin, restServerOptions } from './rest/plugin.ts';
import type { AthleteProgress, Readiness, Repositories } from './rest/ports.ts';
import { ensureFirstAdminKey } from './rest/credentials.ts';
import { readModelPackage } from './score/model-package.ts';
import { openFrameTail, type FrameTail } from './shard/frame-tail.ts';
import { startShards, type ShardPool } from './shard/pool.ts';
import { createAsmsStore } from './store/asms-store.ts';
import { countStored, type StoredCounts } from './store/count-stored.ts';
import { createDailyStore } from './store/daily-store.ts';
import { createDeliveryStore } from './store/delivery-store.ts';
import { createExplanationStore, dropOldExplanations } from './store/explanation-store.ts';
import { startEmbeddedPostgres } from './store/embedded-postgres.ts';
import { createFrameNotices, listenFrames } from './store/frame-notices.ts';
import { createFrameLanes } from './store/frame-lanes.ts';
import { createGatewayDirectory, newestReceiptUs } from './store/gateway-directory.ts';
import { listenLive } from './store/live.ts';
import { createMetricsStore } from './store/metrics-store.ts';
import { followModels, type ModelFollower } from './store/model-follower.ts';
import { createModelRegistry, type ModelsInUse } from './store/model-registry.ts';
import { migrate } from './store/migrate.ts';
import { dropOldObservations } from './store/observations.ts';
import { dropOldPartitions, ensurePartitions } from './store/partitions.ts';
import { openPool } from './store/pool.ts';
import { openPrisma } from './store/prisma.ts';
import { createPlanStore } from './store/plan-store.ts';
import { seedCatalogue } from './store/repositories/plan-settings.ts';
import { createRepositories } from './store/repositories/index.ts';
import { holdRoleLocks } from './store/role-locks.ts';
import { createNoticeStore } from './store/notice-store.ts';
import { createTailStore } from './store/tail-store.ts';
import { createWatchStore } from './store/watch-store.ts';
import { dropOldWebhookEvents } from './store/webhook-outbox.ts';
import { createModelReadings, gatewayReadings, shardReadings, workerReadings, writerReadings } from './readings.ts';
import { createTelemetry, type Reading, type Telemetry } from './telemetry.ts';

const HOUR_MS = 3_600_000;
/** BOUNDED: frames that wait for a commit; at this the sockets are paused. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
/** Connections that store frames side by side: two keep a PostgreSQL of two cores busy (bench/README.md, `acknowledged`). */
const FRAME_LANES = 2;
/** A stop waits this long for windows that are due; it has to be out within 10 s. */
const DRAIN_LIMIT_MS = 5_000;
/** Requests under way when a stop begins have this long. */
const SOCKET_GRACE_MS = 2_000;
/** Connections a pool opens: PostgreSQL's default of 100 serves a handful of processes. */
const CONTROL_CONNECTIONS = 8;

export interface Service {
  /** http://host:port */
  readonly url: string;
  /** Set on the very first start with this database: the only time it can be known. */
  readonly adminKey: string | null;
  /** Rows in the tables now. */
  countStored(): Promise<StoredCounts>;
  /** Rejects when a part died that cannot be brought back here; whoever started the service should stop it and start again. */
  readonly failed: Promise<never>;
  /** Takes nothing new, finishes what is under way, stops every role. */
  close(): Promise<void>;
}

/** What is closed on the way out, last opened first; one that fails does not keep the others from closing. */
interface Opened {
  readonly name: string;
  readonly close: () => Promise<unknown>;
}

class Closing {
  private readonly opened: Opened[] = [];
  private readonly log: Logger;
  constructor(log: Logger) {
    this.log = log;
  }
  add(name: string, close: () => Promise<unknown>): void {
    this.opened.push({ name, close });
  }
  async run(): Promise<void> {
    for (const { name, close } of this.opened.splice(0).toReversed()) {
      await close().catch((error: unknown) => this.log.error({ err: error, part: name }, 'a part did not close'));
    }
  }
}

/** Everything the roles share. */
interface House {
  readonly config: Config;
  readonly log: Logger;
  readonly closing: Closing;
  readonly connectionString: string;
  readonly pool: ReturnType<typeof openPool>;
  readonly models: ModelFollower;
  /** Called after each look into the registry. */
  readonly onModels: Set<(models: ModelsInUse) => void>;
  readonly app: FastifyInstance;
  readonly checks: Map<string, () => Readiness['checks'][string]>;
  readonly readings: (() => readonly Reading[] | Promise<readonly Reading[]>)[];
}

const has = (house: House, role: Parameters<Config['roles']['has']>[0]): boolean => house.config.roles.has(role);

/** The contract of the active model now. */
function activeContract({ models }: Pick<House, 'models'>): ModelContract {
  const contract = models.contractOf(models.models.active ?? '');
  if (contract === undefined) throw new KinewatchError('unknown-model', 'no model is active: npm run admin -- model list');
  return contract;
}

const describeModels = ({ active, shadow }: ModelsInUse): string => `model ${active}${shadow === null ? '' : `, shadow ${shadow}`}`;

async function openDatabase(config: Config, log: Logger, closing: Closing): Promise<string> {
  if (config.databaseUrl !== null) return config.databaseUrl;
  const embedded = await startEmbeddedPostgres({ directory: resolve(config.directory), log: (message) => log.info(message) });
  closing.add('embedded PostgreSQL', () => embedded.stop());
  return embedded.connectionString;
}

/** Partitions for the days to come, and those past their retention gone, old webhook events too: at the start and every hour. */
async function keepPartitions(house: House): Promise<void> {
  const { config, pool, log, closing } = house;
  const keep = async (): Promise<void> => {
    await ensurePartitions(pool, Date.now() * 1000, 2);
    const dropped = await dropOldPartitions(pool, Date.now() * 1000, {
      raw_frame: config.rawRetentionDays,
      score: config.scoreRetentionDays,
    });
    if (dropped.length > 0) log.info({ dropped }, 'partitions past their retention are gone');
    await dropOldWebhookEvents(pool, Date.now());
    await dropOldObservations(pool, Date.now(), config.scoreRetentionDays);
    await dropOldExplanations(pool, Date.now(), config.scoreRetentionDays);
  };
  await keep();
  const timer = setInterval(() => {
    keep().catch((error: unknown) => log.error({ err: error }, 'partitions could not be kept'));
  }, HOUR_MS);
  timer.unref();
  closing.add('partitions', () => Promise.resolve(clearInterval(timer)));
}

/** Role score without role gateway: frames come from the tables, where gateway processes commit them. */
async function openTail(house: House): Promise<FrameTail> {
  const { log, closing, pool, connectionString } = house;
  const early = new Set<string>();
  let tail: FrameTail | null = null;
  const onError = (error: unknown): void => log.warn({ err: error }, 'stored frames could not be followed');
  // Before the first snapshot: what is committed after that is told of.
  const listener = await listenFrames(
    connectionString,
    (athleteIds) => {
      if (tail !== null) tail.notice(athleteIds);
      else for (const athleteId of athleteIds) early.add(athleteId);
    },
    { onError, onReopened: () => void tail?.sweep() },
  );
  closing.add('frame notices', () => listener.close());
  const opened = await openFrameTail({ store: createTailStore(pool), onError });
  tail = opened;
  opened.notice(early);
  closing.add('frame tail', () => opened.close());
  house.readings.push(() => workerReadings('frame_tail', opened.stats()));
  return opened;
}

const faultOf = ({ modelFault }: ShardPool): string => (modelFault === null ? '' : `; ${modelFault}`);

/** Role score: worker threads that own the athletes. */
async function startScoring(house: House, telemetry: Telemetry, queues: Queues, onFault: (error: Error) => void): Promise<ShardPool> {
  const { config, log, closing } = house;
  const tail = has(house, 'gateway') ? null : await openTail(house);
  const shards = await startShards({
    count: config.shardCount,
    connectionString: house.connectionString,
    models: { active: activeContract(house).version, shadow: house.models.models.shadow },
    onModels: (models, fault) => {
      if (fault === null) log.info({ models }, 'models changed');
      else log.error({ models, fault }, 'a model of the registry does not score');
    },
    executionProvider: config.executionProvider,
    ...(tail === null ? {} : { liveFromUs: tail.liveFromUs }),
    onScored(scored) {
      for (const window of scored) {
        telemetry.observeScoreLatency((window.committedUs - window.closedByUs) / 1e6);
        queues.enqueueAsms(window.athleteId);
      }
    },
    onClock: (jumps) => jumps.forEach((jump) => log.warn({ jump }, 'a device clock jumped')),
    onFault(error) {
      log.fatal({ err: error }, 'a shard died');
      onFault(error);
    },
    log: (level, message, detail) => log[level](detail, message),
  });
  house.onModels.add(({ active, shadow }) => {
    if (active !== null) shards.useModels({ active, shadow });
  });
  tail?.start(shards);
  closing.add('shards', async () => {
    await tail?.close();
    // What is left unscored after this is scored by the next start, from the stored frames.
    await Promise.race([shards.drain(), delay(DRAIN_LIMIT_MS, undefined, { ref: false })]);
    await shards.close();
  });
  log.info(
    { provider: shards.provider, note: shards.providerNote, models: shards.models, fault: shards.modelFault, shards: config.shardCount },
    'scoring',
  );
  const note = shards.providerNote === null ? '' : ` (${shards.providerNote})`;
  house.checks.set('scoring', () => ({
    ok: true,
    detail: `${shards.provider}${note}, ${describeModels(shards.models)}${faultOf(shards)}`,
  }));
  house.checks.set('executionProvider', () => ({ ok: true, detail: `${shards.provider}${note}` }));
  house.readings.push(async () => shardReadings(await shards.stats(), shards));
  return shards;
}

/** The frame writer as the gateway sees it: also full while a shard holds more than its bound (BOUNDED: the sockets are paused). */
function untilScored(writer: FrameSink, shards: ShardPool): FrameSink {
  return {
    append: (frame, owner) => writer.append(frame, owner) && shards.isReady,
    whenDrained: async () => {
      await Promise.all([writer.whenDrained(), shards.whenReady()]);
    },
  };
}

/** Role gateway: sockets in, frames to the store, and after the commit to the shards, or word of them to the process that scores. */
async function startGateway(house: House, shards: ShardPool | null): Promise<void> {
  const { config, pool, log, closing, app } = house;
  const notices = createFrameNotices(pool, (error) => log.warn({ err: error }, 'the scoring process could not be told of new frames'));
  closing.add('frame notices', () => notices.close());
  const athletesOf = (items: readonly { readonly athleteId: string }[]): string[] => items.map(({ athleteId }) => athleteId);
  const writer = createFrameLanes(FRAME_LANES, {
    pool,
    commitIntervalMs: config.commitIntervalMs,
    maxBufferedBytes: MAX_BUFFERED_BYTES,
    onCommitted: (frames) => (shards === null ? notices.tell(athletesOf(frames)) : shards.push(frames)),
    log: (message) => log.warn(message),
  });
  closing.add('frame writer', () => writer.close());
  const metrics = createGatewayMetrics();
  await app.register(gatewayPlugin, {
    directory: createGatewayDirectory(pool),
    sink: shards === null ? writer : untilScored(writer, shards),
    // Receipt stamps go on rising where the machine's clock was set back between two starts.
    newestReceiptUs: await newestReceiptUs(pool),
    describeUnused: (declaration) => createUnusedDescriber(activeContract(house))(declaration),
    onOpened: (streams) => (shards === null ? notices.tell(athletesOf(streams)) : shards.open(streams)),
    limits: { ...DEFAULT_LIMITS, commitIntervalMs: config.commitIntervalMs },
    metrics,
    log,
  });
  house.checks.set('store', () => {
    const { healthy, bufferedBytes } = writer.stats();
    return { ok: healthy, detail: `${bufferedBytes} bytes wait for a commit` };
  });
  house.readings.push(
    () => gatewayReadings(metrics),
    () => writerReadings(writer.stats()),
  );
}

/** Beside role asms: a thread of the lowest priority that explains scores, one at a time. */
async function startExplainer(house: House, queues: Queues): Promise<void> {
  const { connectionString, config, closing, readings } = house;
  const explainer = createExplainer({ connectionString, executionProvider: config.executionProvider });
  const counters = { settled: 0, failed: 0 };
  const explain = async (id: string): Promise<void> => {
    try {
      await explainer.explain(id);
      counters.settled += 1;
    } catch (error) {
      counters.failed += 1;
      throw error;
    }
  };
  await queues.startWorker(QUEUE_EXPLAIN, ({ explanationId }) => explain(explanationId), 1);
  // Before the queues close: they wait for the job in hand. Its row is found again by the next start.
  closing.add('explainer', () => explainer.close());
  readings.push(() => workerReadings('explanations', counters));
}

/** Roles asms and webhook: workers on the queues, and the sweeper that finds what no hint named. */
async function startWorkers(house: House, queues: Queues): Promise<void> {
  const { config, pool, log, closing, models } = house;
  const asms = has(house, 'asms') ? createAsmsStore(pool) : null;
  const metrics = asms === null ? null : createMetricsStore(pool);
  const daily = asms === null ? null : createDailyStore(pool, { methods: DAILY_METHODS });
  const deliveries = has(house, 'webhook') ? createDeliveryStore(pool) : null;
  if (asms !== null && metrics !== null) {
    const worker = createAsmsWorker({
      store: asms,
      // Scores of a version from before there was a registry are judged as the active one's are.
      paramsOf: (version) => asmsParams(models.contractOf(version) ?? activeContract(house)),
      onDeliveries: (ids) => ids.forEach((id) => queues.enqueueWebhook(id)),
    });
    const measure = createMetricsWorker({
      store: metrics,
      onRefused: (error, sessionId) => log.warn({ err: error, sessionId }, 'a session could not be measured'),
      onObserved: (athleteId) => queues.enqueueAsms(athleteId),
    });
    await queues.startWorker(QUEUE_ASMS, worker.work, 4);
    await queues.startWorker(QUEUE_METRICS, measure.work, 1);
    house.readings.push(
      () => workerReadings('asms', worker.counters()),
      () => workerReadings('session_metrics', measure.counters()),
    );
  }
  if (asms !== null) await startExplainer(house, queues);
  if (daily !== null) {
    const worker = createDailyWorker({ store: daily });
    await queues.startWorker(QUEUE_DAILY, worker.work, 1);
    house.readings.push(() => workerReadings('daily', worker.counters()));
  }
  if (deliveries !== null) {
    const worker = createWebhookWorker({ store: deliveries, allowPrivate: config.webhookAllowPrivate });
    await queues.startWorker(QUEUE_WEBHOOK, worker.work, WEBHOOK_CONCURRENCY);
    // Before the queues close: they wait for jobs, and a job waits for its receiver.
    closing.add('webhook attempts', () => Promise.resolve(worker.stop()));
    house.readings.push(() => workerReadings('webhook', worker.counters()));
  }
  if (asms === null && deliveries === null) return;
  const onError = (error: unknown, what: string): void => log.error({ err: error }, what);
  const silentS = asmsParams(activeContract(house)).alarms['data-stopped'].silentS;
  const watch = asms === null ? null : createWatch({ store: createWatchStore(pool), silentS, onError });
  if (watch !== null) house.readings.push(() => workerReadings('watch', watch.counters()));
  const onDeliveries = (ids: readonly string[]): void => ids.forEach((id) => queues.enqueueWebhook(id));
  const notices = asms === null ? null : createNoticeSweep({ store: createNoticeStore(pool), onDeliveries });
  if (notices !== null) house.readings.push(() => workerReadings('notices', notices.counters()));
  const sweeper = startSweeper({
    asms,
    deliveries,
    metrics,
    watch,
    explanations: asms === null ? null : createExplanationStore(pool),
    daily,
    ...(notices === null ? {} : { notices: notices.sweep }),
    queues,
    sessionSilenceMs: config.sessionSilenceS * 1000,
    onError,
  });
  closing.add('sweeper', () => sweeper.close());
}

const onPlanOf =
  (queues: Queues) =>
  (planId: string, deliveryIds: readonly string[]): void => {
    queues.enqueuePlanAlternatives(planId);
    for (const id of deliveryIds) queues.enqueueWebhook(id);
  };

/** Role asms: plans where they are due, on a planner of their own. */
async function startPlans({ pool, log, closing, readings }: House, queues: Queues): Promise<void> {
  const planner = createPlanner();
  closing.add('planner of the jobs', () => planner.close());
  const store = createPlanStore(pool);
  const worker = createPlanWorker({ planning: createPlanning({ store, planner }), onPlan: onPlanOf(queues) });
  await queues.startWorker(QUEUE_PLAN, worker.plan, PLAN_CONCURRENCY);
  await queues.startWorker(QUEUE_PLAN_ALTERNATIVES, worker.alternatives, 1);
  readings.push(() => workerReadings('plan', worker.counters()));
  const onError = (error: unknown, what: string): void => log.error({ err: error }, what);
  const sweeper = startPlanSweeper({ store, queues, timers: processTimers, onError });
  closing.add('sweeper of plans', () => sweeper.close());
}

async function shardProgress(shards: ShardPool, athleteIds: readonly string[]): Promise<AthleteProgress[]> {
  const asked = new Set(athleteIds);
  const { perAthlete } = await shards.stats();
  return perAthlete
    .filter(({ athleteId }) => asked.has(athleteId))
    .map(({ athleteId, due, scored }) => ({ athleteId, windowsDue: due, windowsScored: scored }));
}

/** Where a role is not in this process its counts come from the tables. */
async function storedProgress(pool: House['pool'], athleteIds: readonly string[]): Promise<AthleteProgress[]> {
  const found = await pool.query<{ athlete_id: string; scored: string }>(
    'SELECT athlete_id, count(*) AS scored FROM score WHERE athlete_id = ANY($1::uuid[]) AND NOT shadow GROUP BY athlete_id',
    [athleteIds],
  );
  return found.rows.map((row) => ({ athleteId: row.athlete_id, windowsDue: Number(row.scored), windowsScored: Number(row.scored) }));
}

async function readiness(house: House): Promise<Readiness> {
  const database = await house.pool.query('SELECT 1').then(
    () => ({ ok: true }),
    (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
  );
  const checks: Record<string, Readiness['checks'][string]> = { database };
  for (const [name, check] of house.checks) checks[name] = check();
  return { ready: Object.values(checks).every((check) => check.ok), checks };
}

/** Role api: the coaches' API. Without it only health and metrics are served. */
async function startApi(
  house: House,
  repositories: Repositories,
  shards: ShardPool | null,
  queues: Queues,
  telemetry: Telemetry,
): Promise<void> {
  const { app, config, log, closing, pool } = house;
  const listeners = new Set<(event: LiveEvent) => void>();
  const hasApi = has(house, 'api');
  // What coaches ask for waits behind no squad: a planner beside that of the jobs. Its threads start with the first question.
  const planner = createPlanner();
  closing.add('planner of the API', () => planner.close());
  if (hasApi) {
    const live = await listenLive(
      house.connectionString,
      (event) => {
        for (const listener of listeners) listener(event);
      },
      { onError: (error) => log.warn({ err: error }, 'the live channel was interrupted') },
    );
    closing.add('live channel', () => live.close());
  }
  await app.register(restPlugin, {
    resources: hasApi,
    repositories,
    live: {
      subscribe(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    readiness: () => readiness(house),
    metricsText: () => telemetry.text(),
    alarmRules: () => asmsParams(activeContract(house)).alarms,
    progress: (athleteIds) => (shards === null ? storedProgress(pool, athleteIds) : shardProgress(shards, athleteIds)),
    onGatewayRevoked(gatewayId) {
      if (has(house, 'gateway')) app.gateway.revoke(gatewayId);
    },
    onSessionClosed: (sessionId) => queues.enqueueMetrics(sessionId),
    planning: createPlanning({ store: createPlanStore(pool), planner }),
    onPlan: onPlanOf(queues),
    onDaysChanged: (id) => queues.enqueueDaily({ subject: 'athlete', id }),
    onWebhookTest: (deliveryId) => queues.enqueueWebhook(deliveryId),
    webhookAllowPrivate: config.webhookAllowPrivate,
  });
}

/**
 * Starts the roles of `config` and listens.
 * @throws KinewatchError where the database, the model or the execution provider does not fit; everything opened until then is closed again
 */
export async function startService(config: Config): Promise<Service> {
  const log = pino(
    { level: config.logLevel, base: null, redact: ['token', 'secret', 'authorization', 'req.headers.authorization'] },
    pino.destination(2),
  );
  const closing = new Closing(log);
  try {
    return await start(config, log, closing);
  } catch (error) {
    await closing.run();
    throw error;
  }
}

/** A promise that only ever rejects, and the way to make it. */
function faultLine(): { readonly failed: Promise<never>; readonly raise: (error: Error) => void } {
  let raise: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    raise = reject;
  });
  failed.catch(() => undefined);
  return { failed, raise };
}

/** The model of MODEL_DIR, or why there is none: it is needed on the first start only. */
function shippedModel(config: Config): ModelPackage | Error {
  try {
    return readModelPackage(resolve(config.modelDirectory));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * The first start registers and activates the model that came with the package. Later ones leave the registry as it is and say where the
 * package differs: which version scores is decided by people, never by an update.
 */
async function settleModels(pool: House['pool'], shipped: ModelPackage | Error, log: Logger): Promise<void> {
  const registry = createModelRegistry(pool);
  if (!(shipped instanceof Error) && (await registry.ensureFirst(shipped, 'first start')))
    log.info({ model: shipped.contract.version }, 'the model of the package is registered and active');
  const { active } = await registry.inUse();
  if (shipped instanceof Error) {
    if (active === null) throw shipped;
    log.warn({ err: shipped, active }, 'the model of the package cannot be read; the registry has its own');
    return;
  }
  for (const leftOut of shipped.leftOut) log.warn({ model: shipped.contract.version }, leftOut);
  const { version, sha256 } = shipped.contract;
  if (active === version && (await registry.get(version))?.sha256 !== sha256)
    log.warn(
      { version },
      'the package brings another graph under the version that is active: it is not used, a changed model takes a new version',
    );
  if (active !== version)
    log.warn(
      { active, package: version },
      `model ${active} stays active; the package brings ${version}: npm run admin -- model register, then model shadow or model activate`,
    );
}

async function start(config: Config, log: Logger, closing: Closing): Promise<Service> {
  const shipped = shippedModel(config);
  const connectionString = await openDatabase(config, log, closing);
  const fault = faultLine();
  const locks = await holdRoleLocks({
    connectionString,
    scores: config.roles.has('score'),
    isGateway: config.roles.has('gateway'),
    onLost(error) {
      log.fatal({ err: error }, 'another process has taken the role');
      fault.raise(error);
    },
    log: (message) => log.warn(message),
  });
  closing.add('role locks', () => locks.close());
  const { applied } = await migrate(connectionString);
  if (applied.length > 0) log.info({ applied }, 'migrations applied');
  const pool = openPool(connectionString, { max: CONTROL_CONNECTIONS, name: 'kinewatch' });
  closing.add('pool', () => pool.end());
  const prisma = openPrisma(connectionString, { max: CONTROL_CONNECTIONS });
  closing.add('prisma', () => prisma.$disconnect());
  await settleModels(pool, shipped, log);
  await seedCatalogue(pool, DEFAULT_CATALOGUE);
  const onModels: House['onModels'] = new Set();
  const models = await followModels({
    pool,
    connectionString,
    onLook: (inUse) => onModels.forEach((listener) => listener(inUse)),
    onError: (error) => log.warn({ err: error }, 'the model registry could not be followed'),
  });
  closing.add('model registry', () => models.close());
  const repositories = createRepositories(prisma, pool);
  const adminKey = await ensureFirstAdminKey(repositories);
  const loggerInstance: FastifyBaseLogger = log;
  const app = Fastify({
    ...restServerOptions,
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
  });
  const house: House = { config, log, closing, connectionString, pool, models, onModels, app, checks: new Map(), readings: [] };
  house.checks.set('model', () => ({ ok: models.models.active !== null, detail: describeModels(models.models) }));
  const modelReadings = createModelReadings();
  house.readings.push(() => modelReadings(models.models));
  await keepPartitions(house);
  const queues = await openQueues({ redisUrl: config.redisUrl, connectionString, log });
  closing.add('queues', () => queues.close());
  const telemetry = createTelemetry(async () => (await Promise.all(house.readings.map(async (read) => read()))).flat());
  const shards = has(house, 'score') ? await startScoring(house, telemetry, queues, fault.raise) : null;
  if (has(house, 'gateway')) await startGateway(house, shards);
  await startWorkers(house, queues);
  if (has(house, 'asms')) await startPlans(house, queues);
  await startApi(house, repositories, shards, queues, telemetry);
  closing.add('sockets', async () => {
    // To Node a connection that has not asked anything yet (browsers open them ahead) is not idle: it would hold up the stop.
    const cut = setTimeout(() => app.server.closeAllConnections(), SOCKET_GRACE_MS);
    await app.close();
    clearTimeout(cut);
  });
  const url = await app.listen({ host: config.host, port: config.port });
  return { url, adminKey, failed: fault.failed, countStored: () => countStored(pool), close: () => closing.run() };
}
