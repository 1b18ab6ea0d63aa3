import { teamFor, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, readTime } from '../schemas.ts';
import { Athlete, AthletePatch, AthleteQuery, NewAthlete } from './schemas.ts';

const tags = ['athletes'];

/** Where the day is now that comes first: a person born there today is no mistake. */
const EARLIEST_ZONE_MS = 14 * 3_600_000;

/** The format allows days the database cannot keep, and days to come. */
function checkBirthDate({ birthDate }: { readonly birthDate?: string | null }): void {
  if (birthDate === undefined || birthDate === null) return;
  if (readTime(birthDate).getTime() > Date.now() + EARLIEST_ZONE_MS)
    throw new ProblemError('time-out-of-range', `birthDate ${birthDate} lies in the future: give the day of birth, or null`);
}

export const athletes = resource('athletes', async (app, { repositories }) => {
  app.get(
    '/v1/athletes',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listAthletes',
        summary: 'Athletes of the team',
        querystring: AthleteQuery,
        response: { 200: PageOf(Athlete), ...problems(401, 403) },
      },
    },
    async (request) => {
      const { externalId, active = true } = request.query;
      const filter = externalId === undefined ? { active } : { active, externalId };
      return pageReply('athletes', await repositories.athletes.list(teamOf(request), filter, pageRequest('athletes', request.query)));
    },
  );

  app.post(
    '/v1/athletes',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'createAthlete',
        summary: 'Create an athlete',
        body: NewAthlete,
        response: { 201: Athlete, ...problems(401, 403, 409, 422) },
      },
    },
    async (request, reply) => {
      const { teamId, ...athlete } = request.body;
      checkBirthDate(athlete);
      return reply.code(201).send(await repositories.athletes.create(teamFor(request, teamId), athlete));
    },
  );

  app.get(
    '/v1/athletes/:id',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'getAthlete',
        summary: 'One athlete',
        params: IdParams,
        response: { 200: Athlete, ...problems(401, 403, 404) },
      },
    },
    async (request) => found(await repositories.athletes.get(teamOf(request), request.params.id), 'athlete', request.params.id),
  );

  app.patch(
    '/v1/athletes/:id',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'changeAthlete',
        summary: 'Change an athlete',
        params: IdParams,
        body: AthletePatch,
        response: { 200: Athlete, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      checkBirthDate(request.body);
      return found(await repositories.athletes.update(teamOf(request), id, request.body), 'athlete', id);
    },
  );

  app.delete(
    '/v1/athletes/:id',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'deactivateAthlete',
        summary: 'Deactivate an athlete',
        description: 'Nothing is erased: the athlete leaves the lists, takes no new records, and can be made active again with PATCH.',
        params: IdParams,
        response: { 200: Athlete, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return found(await repositories.athletes.update(teamOf(request), id, { active: false }), 'athlete', id);
    },
  );
});
