/** The audit log: who was told or changed what of whose record. An answer leaves only after its entry has been committed. */
import fp from 'fastify-plugin';
import { callerOrNull } from '../auth.ts';
import type { Repositories } from '../ports.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Paths whose own rows are athletes; elsewhere a row says whose it is in `athleteId`. */
const ATHLETES = '/v1/athletes';

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

/**
 * Athletes that a request or its answer names, each once, in order: `athleteId` of path, query, body, answer and the answer's items, and ids of athletes
 * themselves under /v1/athletes. What is no UUID is left out.
 */
export function athletesNamed(route: string, sources: { readonly request: readonly unknown[]; readonly answer: unknown }): string[] {
  const items = field(sources.answer, 'items');
  const rows = [...sources.request, sources.answer, ...(Array.isArray(items) ? items : [])];
  const named = rows.map((row) => field(row, 'athleteId'));
  const ofAthletes = route === ATHLETES || route.startsWith(`${ATHLETES}/`);
  // A recommendation under an athlete has an id of its own, the path's is the athlete's.
  const own = ofAthletes ? sources.request.map((row) => field(row, 'id')) : [];
  const listed = route === ATHLETES || route === `${ATHLETES}/:id` ? rows.map((row) => field(row, 'id')) : [];
  const ids = [...named, ...own, ...listed].filter((id): id is string => typeof id === 'string' && UUID.test(id));
  return [...new Set(ids.map((id) => id.toLowerCase()))];
}

/**
 * Records every answered request of a known key that names an athlete, refused ones too. Where the entry cannot be written the request fails: reads show nothing,
 * and a change that was made already is answered with the failure.
 */
export const auditPlugin = fp<{ readonly repositories: Pick<Repositories, 'audit'> }>(
  async (app, { repositories }) => {
    app.addHook('preSerialization', async (request, reply, payload: unknown) => {
      const caller = callerOrNull(request);
      const route = request.routeOptions.url;
      if (caller === null || route === undefined) return payload;
      const athleteIds = athletesNamed(route, { request: [request.params, request.query, request.body], answer: payload });
      if (athleteIds.length === 0) return payload;
      const { schema } = request.routeOptions;
      await repositories.audit.record({
        keyId: caller.keyId,
        caller: caller.name,
        teamId: caller.teamId,
        action: schema?.operationId ?? `${request.method} ${route}`,
        statusCode: reply.statusCode,
        athleteIds,
      });
      return payload;
    });
  },
  { name: 'kinewatch-audit', dependencies: ['kinewatch-auth'] },
);
