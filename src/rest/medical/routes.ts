import type { FastifyRequest } from 'fastify';
import { allows, callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, readTime } from '../schemas.ts';
import { Injury, MedicalQuery, NewInjury, NewOutcome, NewTherapy, Outcome, OUTCOME_KINDS, OutcomeQuery, Therapy } from './schemas.ts';

const tags = ['medical'];

const mayReadDiagnoses = (request: FastifyRequest): boolean => allows(callerOf(request).scopes, 'medical');

function requireMedical(request: FastifyRequest): void {
  if (!mayReadDiagnoses(request)) throw new ProblemError('insufficient-scope', 'Injury outcomes need the scope medical');
}

/** What athletes say of themselves; the rest is for staff to record. */
const SELF_KINDS: readonly Outcome['kind'][] = ['session-rpe', 'wellness'];

function requireOwnKind(request: FastifyRequest, kind: Outcome['kind']): void {
  if (callerOf(request).athleteId !== null && !SELF_KINDS.includes(kind))
    throw new ProblemError(
      'insufficient-scope',
      `An athlete's key records ${SELF_KINDS.join(' and ')}; outcomes of kind ${kind} come from staff`,
    );
}

export const medical = resource('medical', async (app, { repositories }) => {
  const athleteOf = async (request: FastifyRequest, id: string): Promise<string | null> => {
    const team = teamOf(request);
    found(await repositories.athletes.get(team, id), 'athlete', id);
    return team;
  };

  app.get(
    '/v1/athletes/:id/injuries',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'listInjuries',
        summary: 'Injuries of an athlete, newest onset first',
        params: IdParams,
        querystring: MedicalQuery,
        response: { 200: PageOf(Injury), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { open } = request.query;
      const team = await athleteOf(request, id);
      return pageReply(
        'injuries',
        await repositories.medical.listInjuries(team, id, open === undefined ? {} : { open }, pageRequest('injuries', request.query)),
      );
    },
  );

  app.post(
    '/v1/athletes/:id/injuries',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'createInjury',
        summary: 'Record an injury',
        description: "A confirmed injury freezes the athlete's baselines until clearance.",
        params: IdParams,
        body: NewInjury,
        response: { 201: Injury, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const injury = { ...request.body, onset: readTime(request.body.onsetAt) };
      return reply.code(201).send(found(await repositories.medical.createInjury(teamOf(request), id, injury), 'athlete', id));
    },
  );

  app.post(
    '/v1/injuries/:id/clear',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'clearInjury',
        summary: 'Clear an athlete after an injury: a signed decision',
        params: IdParams,
        response: { 200: Injury, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return found(await repositories.medical.clearInjury(teamOf(request), id, callerOf(request).name), 'injury', id);
    },
  );

  app.get(
    '/v1/athletes/:id/therapies',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'listTherapies',
        summary: 'Therapies of an athlete, newest start first',
        params: IdParams,
        querystring: MedicalQuery,
        response: { 200: PageOf(Therapy), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { open } = request.query;
      const team = await athleteOf(request, id);
      return pageReply(
        'therapies',
        await repositories.medical.listTherapies(team, id, open === undefined ? {} : { open }, pageRequest('therapies', request.query)),
      );
    },
  );

  app.post(
    '/v1/athletes/:id/therapies',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'createTherapy',
        summary: 'Prescribe a therapy for an injury',
        params: IdParams,
        body: NewTherapy,
        response: { 201: Therapy, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { startsAt, endsAt } = request.body;
      const starts = readTime(startsAt);
      const ends = endsAt === undefined ? null : readTime(endsAt);
      if (ends !== null && ends <= starts) {
        throw new ProblemError('validation-failed', 'A therapy ends after it starts', [
          { in: 'body', path: '/endsAt', message: 'must be after startsAt' },
        ]);
      }
      const therapy = { ...request.body, starts, ends, by: callerOf(request).name };
      return reply.code(201).send(found(await repositories.medical.createTherapy(teamOf(request), id, therapy), 'athlete', id));
    },
  );

  app.post(
    '/v1/therapies/:id/end',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'endTherapy',
        summary: 'End a therapy now',
        params: IdParams,
        response: { 200: Therapy, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => found(await repositories.medical.endTherapy(teamOf(request), request.params.id), 'therapy', request.params.id),
  );

  app.get(
    '/v1/athletes/:id/outcomes',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'listOutcomes',
        summary: 'Outcomes of an athlete, newest first',
        description: 'Injury outcomes are left out without the scope medical.',
        params: IdParams,
        querystring: OutcomeQuery,
        response: { 200: PageOf(Outcome), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { kind } = request.query;
      if (kind === 'injury') requireMedical(request);
      const team = await athleteOf(request, id);
      const visible = OUTCOME_KINDS.filter((name) => name !== 'injury' || mayReadDiagnoses(request));
      const kinds = kind === undefined ? visible : [kind];
      return pageReply('outcomes', await repositories.medical.listOutcomes(team, id, { kinds }, pageRequest('outcomes', request.query)));
    },
  );

  app.post(
    '/v1/athletes/:id/outcomes',
    {
      onRequest: app.requires('write', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'createOutcome',
        summary: 'Record an outcome: session RPE, wellness, performance or injury',
        description: "An athlete's key records its own session RPE and wellness.",
        params: IdParams,
        body: NewOutcome,
        response: { 201: Outcome, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      requireOwnKind(request, request.body.kind);
      if (request.body.kind === 'injury') requireMedical(request);
      const outcome = { ...request.body, at: readTime(request.body.at) };
      return reply.code(201).send(found(await repositories.medical.createOutcome(teamOf(request), id, outcome), 'athlete', id));
    },
  );
});
