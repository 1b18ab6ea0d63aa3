/** The coaches' API over a real database, with what main.ts would wire replaced by recorders. */
import Fastify, { type FastifyInstance, type InjectOptions, type LightMyRequestResponse } from 'fastify';
import { defaultAlarmRules } from '../../src/asms/alarm-rules.ts';
import type { LiveEvent } from '../../src/contracts/events.ts';
import { mintApiKey } from '../../src/rest/credentials.ts';
import { restPlugin, restServerOptions } from '../../src/rest/plugin.ts';
import type { Readiness, Repositories, RestOptions, Scope } from '../../src/rest/ports.ts';
import { openPrisma } from '../../src/store/prisma.ts';
import { createRepositories } from '../../src/store/repositories/index.ts';
import { createPlanner, type Planner } from '../../src/plan/planner.ts';
import { createPlanning } from '../../src/plan/planning.ts';
import { DEFAULT_CATALOGUE } from '../../src/asms/catalogue.ts';
import { createPlanStore } from '../../src/store/plan-store.ts';
import { seedCatalogue } from '../../src/store/repositories/plan-settings.ts';
import { startTestDatabase, type TestDatabase } from './database.ts';

export interface RestApp {
  readonly app: FastifyInstance;
  readonly database: TestDatabase;
  readonly repositories: Repositories;
  /** Ids the callbacks were called with, in order. */
  readonly calls: {
    readonly gatewaysRevoked: string[];
    readonly sessionsClosed: string[];
    readonly daysChanged: string[];
    readonly webhooksTested: string[];
    readonly plansMade: string[];
  };
  readonly subscribers: () => number;
  readonly setReadiness: (readiness: Readiness) => void;
  publish(event: LiveEvent): void;
  /** A key made behind the API's back. */
  key(teamId: string | null, scopes: readonly Scope[], expiresAt?: Date): Promise<string>;
  team(name: string): Promise<string>;
  athlete(teamId: string, externalId: string): Promise<string>;
  call(key: string | null, method: InjectOptions['method'] & string, url: string, body?: unknown): Promise<LightMyRequestResponse>;
  close(): Promise<void>;
}

const READY: Readiness = {
  ready: true,
  checks: { model: { ok: true, detail: 'binn 1.0.0' }, executionProvider: { ok: true, detail: 'cpu' } },
};

export async function startRestApp(options: Partial<RestOptions> = {}, usedPlanner?: Planner): Promise<RestApp> {
  const database = await startTestDatabase();
  const prisma = openPrisma(database.connectionString);
  const repositories = createRepositories(prisma, database.pool);
  const listeners = new Set<(event: LiveEvent) => void>();
  const calls = {
    gatewaysRevoked: [] as string[],
    sessionsClosed: [] as string[],
    daysChanged: [] as string[],
    webhooksTested: [] as string[],
    plansMade: [] as string[],
  };
  const planner = usedPlanner ?? createPlanner();
  await seedCatalogue(database.pool, DEFAULT_CATALOGUE);
  let readiness = READY;
  const app = Fastify(restServerOptions);
  await app.register(restPlugin, {
    repositories,
    live: {
      subscribe(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
    readiness: async () => readiness,
    metricsText: async () => '# TYPE kinewatch_up gauge\nkinewatch_up 1\n',
    alarmRules: () => defaultAlarmRules({ high: 0.99, low: 0.7, k: 3, n: 5, source: 'test' }),
    progress: async (athleteIds) => athleteIds.map((athleteId) => ({ athleteId, windowsDue: 4, windowsScored: 3 })),
    onGatewayRevoked: (id) => void calls.gatewaysRevoked.push(id),
    onSessionClosed: (id) => void calls.sessionsClosed.push(id),
    onDaysChanged: (id) => void calls.daysChanged.push(id),
    onWebhookTest: (id) => void calls.webhooksTested.push(id),
    planning: createPlanning({ store: createPlanStore(database.pool), planner }),
    onPlan: (id) => void calls.plansMade.push(id),
    webhookAllowPrivate: false,
    ...options,
  });
  await app.ready();
  return {
    app,
    database,
    repositories,
    calls,
    subscribers: () => listeners.size,
    setReadiness: (next) => (readiness = next),
    publish: (event) => listeners.forEach((listener) => listener(event)),
    async key(teamId, scopes, expiresAt) {
      const { secret, prefix, hash } = mintApiKey();
      await repositories.apiKeys.create({ teamId, name: `key ${scopes.join(' ')}`, scopes, prefix, hash, expiresAt: expiresAt ?? null });
      return secret;
    },
    team: async (name) => (await repositories.teams.create({ name })).id,
    athlete: async (teamId, externalId) => (await repositories.athletes.create(teamId, { externalId, name: `Athlete ${externalId}` })).id,
    call: (key, method, url, body) =>
      app.inject({
        method: method as 'GET',
        url,
        ...(key === null ? {} : { headers: { authorization: `Bearer ${key}` } }),
        ...(body === undefined ? {} : { payload: body as object }),
      }),
    async close() {
      await app.close();
      await planner.close();
      await prisma.$disconnect();
      await database.stop();
    },
  };
}
