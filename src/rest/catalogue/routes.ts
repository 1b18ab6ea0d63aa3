import type { FastifyRequest } from 'fastify';
import { DEFAULT_REGIONS } from '../../asms/catalogue.ts';
import { BODY_REGIONS } from '../../asms/feedback/outcomes.ts';
import { checkEntry, type ScopeRegions } from '../../asms/plan/check-entry.ts';
import type { Intervention } from '../../asms/plan/problem.ts';
import { allows, callerOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { CatalogueEntry, CatalogueList, CatalogueQuery, EntryBody, EntryParams, RetireBody, type StoredEntry } from './schemas.ts';

const tags = ['plans'];
const REGIONS: ScopeRegions = { risk: DEFAULT_REGIONS.map(({ code }) => code), recovery: BODY_REGIONS };

/** Whose catalogue: the caller's team, or for a key of every team the one it names; null: the default. */
function whose(request: FastifyRequest, named: string | undefined): string | null {
  const { teamId } = callerOf(request);
  if (teamId !== null && named !== undefined && named !== teamId)
    throw new ProblemError('other-team', 'The key belongs to another team: leave teamId out, or use a key of that team');
  return teamId ?? named ?? null;
}

/** The default is everybody's: it takes the scope admin to change. */
function requireRight(request: FastifyRequest, teamId: string | null): void {
  if (teamId === null && !allows(callerOf(request).scopes, 'admin'))
    throw new ProblemError('insufficient-scope', 'The default catalogue is changed with the scope admin; name a team to change its own');
}

const asIntervention = ({ entryId, entry }: StoredEntry): Intervention => ({
  ...(entry as unknown as Omit<Intervention, 'id'>),
  id: entryId,
});
const shown = (stored: StoredEntry): CatalogueEntry => stored as CatalogueEntry;

export const catalogue = resource('catalogue', async (app, { repositories }) => {
  app.get(
    '/v1/catalogue',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listCatalogue',
        summary: 'Interventions that plans choose from',
        description:
          'The team’s own version of an entry stands before the default. A key of every team sees the default, or the catalogue of the team it names.',
        querystring: CatalogueQuery,
        response: { 200: CatalogueList, ...problems(401, 403) },
      },
    },
    async (request) => {
      const { entryId, history = false, limit = 200, teamId: named } = request.query;
      const teamId = whose(request, named);
      const items = await repositories.catalogue.list(teamId, { history, ...(entryId === undefined ? {} : { entryId }) });
      return { teamId, items: items.slice(0, limit).map(shown), regions: [...REGIONS.risk], bodyRegions: [...REGIONS.recovery] };
    },
  );

  app.put(
    '/v1/catalogue/:entryId',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'putCatalogueEntry',
        summary: 'Add an intervention, or change one by a new version',
        description:
          'For the team; a key of every team with the scope admin that names no team changes the default. Plans that were made keep the version they were made from.',
        params: EntryParams,
        body: EntryBody,
        response: { 200: CatalogueEntry, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { entryId } = request.params;
      const { teamId: named, ...entry } = request.body;
      const teamId = whose(request, named);
      requireRight(request, teamId);
      const stored = await repositories.catalogue.put({ teamId, entryId, entry, reason: null, by: callerOf(request).name }, (inForce) =>
        checkEntry({ ...entry, id: entryId }, REGIONS, inForce.map(asIntervention)),
      );
      return shown(found(stored, 'intervention', entryId));
    },
  );

  app.post(
    '/v1/catalogue/:entryId/retire',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'retireCatalogueEntry',
        summary: 'Retire an intervention: plans do not choose it any more',
        description: 'A team retires a default for itself. A new version brings it back.',
        params: EntryParams,
        body: RetireBody,
        response: { 200: CatalogueEntry, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { entryId } = request.params;
      const { teamId: named, reason } = request.body;
      const teamId = whose(request, named);
      requireRight(request, teamId);
      const stored = await repositories.catalogue.put(
        { teamId, entryId, entry: null, reason, by: callerOf(request).name },
        () => undefined,
      );
      return shown(found(stored, 'intervention', entryId));
    },
  );
});
