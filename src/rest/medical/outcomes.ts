import type { FastifyRequest } from 'fastify';
import { callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { recordOutcome } from '../feedback/admit.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, readTime } from '../schemas.ts';
import { seesDiagnoses } from './caller.ts';
import { NewOutcome, Outcome, OUTCOME_KINDS, OutcomeQuery } from './schemas.ts';

const tags = ['medical'];

function requireMedical(request: FastifyRequest): void {
  if (!seesDiagnoses(request)) throw new ProblemError('insufficient-scope', 'Injury outcomes need the scope medical');
}

/** What athletes do not say of themselves. */
const STAFF_KINDS: readonly Outcome['kind'][] = ['performance', 'injury'];

function requireStaff(request: FastifyRequest, kind: Outcome['kind']): void {
  if (callerOf(request).athleteId !== null && STAFF_KINDS.includes(kind))
    throw new ProblemError('insufficient-scope', `An athlete's key records its own ratings; outcomes of kind ${kind} come from staff`);
}

export const outcomes = resource('outcomes', async (app, { repositories, onDaysChanged }) => {
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
      const team = teamOf(request);
      found(await repositories.athletes.get(team, id), 'athlete', id);
      const visible = OUTCOME_KINDS.filter((name) => name !== 'injury' || seesDiagnoses(request));
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
        summary: 'Record an outcome: session RPE, performance or injury',
        description:
          "An athlete's key records its own session RPE. performance: value {sessionId, metric, unit, value}, the metric one of the team's; injury: " +
          'value {region, severity}, at the onset. Both teach and need a session or time with scores. session-rpe: value {rpe 0 to 10, minutes, sessionId?}. One ' +
          'that contradicts an outcome in force, is out of range, lies in the future, or rates minutes that another rating has rated is refused; one that says the ' +
          'same again is answered with the one that stands. ' +
          'wellness and the ln rMSSD of a morning are entered under a consent, at routes of their own.',
        params: IdParams,
        body: NewOutcome,
        response: { 201: Outcome, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      requireStaff(request, request.body.kind);
      if (request.body.kind === 'injury') requireMedical(request);
      const sent = { ...request.body, at: readTime(request.body.at), replaces: null };
      const stored = await recordOutcome(repositories, teamOf(request), id, sent, Date.now());
      const created = found(stored, 'athlete', id);
      onDaysChanged(id);
      return reply.code(201).send(created);
    },
  );
});
