import type { FastifyRequest } from 'fastify';
import { callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { checkRating, isTaught, recordOutcome } from '../feedback/admit.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, readTime } from '../schemas.ts';
import { seesDiagnoses } from './caller.ts';
import { NewOutcome, Outcome, OUTCOME_KINDS, OutcomeQuery } from './schemas.ts';

const tags = ['medical'];

function requireMedical(request: FastifyRequest): void {
  if (!seesDiagnoses(request)) throw new ProblemError('insufficient-scope', 'Injury outcomes need the scope medical');
}

/** What athletes say of themselves; the rest is for staff to record. */
const SELF_KINDS: readonly Outcome['kind'][] = ['session-rpe'];

function requireOwnKind(request: FastifyRequest, kind: Outcome['kind']): void {
  if (callerOf(request).athleteId !== null && !SELF_KINDS.includes(kind))
    throw new ProblemError(
      'insufficient-scope',
      `An athlete's key records ${SELF_KINDS.join(' and ')}; outcomes of kind ${kind} come from staff`,
    );
}

/** What athletes say of themselves is taken under their consent alone, which no outcome asks for. @throws ProblemError `outcome-refused` */
function refuseWellness(kind: Outcome['kind'], athleteId: string): void {
  if (kind === 'wellness')
    throw new ProblemError(
      'outcome-refused',
      `Wellness is entered under a consent: record it at POST /v1/athletes/${athleteId}/consents, then enter at POST /v1/athletes/${athleteId}/wellness`,
    );
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
          'value {region, severity}, at the onset. Both teach, and one that contradicts an outcome in force, names no session with scores or lies in the future is ' +
          'refused; one that says the same again is answered with the one that stands. wellness feeds no figure: ln rMSSD of a morning goes to ' +
          'POST /v1/athletes/{id}/morning-hrv, under a consent.',
        params: IdParams,
        body: NewOutcome,
        response: { 201: Outcome, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      refuseWellness(request.body.kind, id);
      requireOwnKind(request, request.body.kind);
      if (request.body.kind === 'injury') requireMedical(request);
      const outcome = { ...request.body, at: readTime(request.body.at) };
      if (outcome.kind === 'session-rpe') checkRating(id, outcome.at, outcome.value, Date.now());
      const stored = isTaught(outcome.kind)
        ? await recordOutcome(repositories, teamOf(request), id, { ...outcome, replaces: null }, Date.now())
        : await repositories.medical.createOutcome(teamOf(request), id, outcome);
      const created = found(stored, 'athlete', id);
      onDaysChanged(id);
      return reply.code(201).send(created);
    },
  );
});
