import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { planDays } from '../../asms/plan/assemble.ts';
import { PlanInfeasible } from '../../plan/infeasible.ts';
import type { StoredPlan } from '../../plan/ports.ts';
import { allows, callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { requireLimits } from '../plan-settings/check-limits.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, Uuid } from '../schemas.ts';
import { PlanBody, PlanDecisionBody, PlanPage, PlanQuery, PlanView, WhatIfAnswer, WhatIfBody } from './schemas.ts';
import { viewPlan, viewSolved } from './view.ts';

const tags = ['plans'];
const PlanParams = Type.Object({ id: Uuid, planId: Uuid });

const mayReadMedical = (request: FastifyRequest): boolean => allows(callerOf(request).scopes, 'medical');
const shown = (request: FastifyRequest, stored: StoredPlan): PlanView =>
  viewPlan(stored, planDays(stored.sources.firstDay, stored.problem.days.length), mayReadMedical(request));

/** What cannot hold together, in words that the caller may read. */
async function naming<T>(request: FastifyRequest, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PlanInfeasible) throw new ProblemError('plan-infeasible', error.inWords(mayReadMedical(request)));
    throw error;
  }
}

export const plans = resource('plans', async (app, { repositories, planning, onPlan }) => {
  app.get(
    '/v1/athletes/:id/plans',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'listPlans',
        summary: 'Plans of an athlete, newest first',
        params: IdParams,
        querystring: PlanQuery,
        response: { 200: PlanPage, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const team = teamOf(request);
      found(await repositories.athletes.get(team, id), 'athlete', id);
      const { limit, after } = pageRequest('plans', request.query);
      const stored = await repositories.plans.list(team, id, { limit: limit + 1, after, status: request.query.status ?? null });
      const items = stored.slice(0, limit).map((one) => shown(request, one));
      const page = pageReply('plans', { items, next: stored.length > limit ? (items.at(-1)?.id ?? null) : null });
      return { athleteId: id, ...page, lastAttempt: await repositories.plans.lastAttempt(id) };
    },
  );

  app.post(
    '/v1/athletes/:id/plans',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'createPlan',
        summary: 'Plan for an athlete now',
        description:
          'The plan is a proposal and a recommendation; what was proposed before is superseded. What the limits cost and the next best plan follow within seconds.',
        params: IdParams,
        body: PlanBody,
        response: { 201: PlanView, ...problems(401, 403, 404, 422, 503) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const team = teamOf(request);
      const made = found(await naming(request, planning.planNow(team, id, request.body)), 'athlete', id);
      onPlan(made.planId, made.deliveryIds);
      return reply.code(201).send(shown(request, found(await repositories.plans.get(team, id, made.planId), 'plan', made.planId)));
    },
  );

  app.post(
    '/v1/athletes/:id/plans/what-if',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'planWhatIf',
        summary: 'What the plan would be under other limits or with fixed choices; nothing is stored',
        description:
          'Limits that cannot hold together are an answer, not a fault. Where too many ask at once the answer is 503 with Retry-After.',
        params: IdParams,
        body: WhatIfBody,
        response: { 200: WhatIfAnswer, ...problems(401, 403, 404, 422, 503) },
      },
    },
    async (request) => {
      const { id } = request.params;
      if (request.body.limits !== undefined) requireLimits(request.body.limits);
      const isMedical = mayReadMedical(request);
      try {
        const solved = found(await planning.whatIf(teamOf(request), id, request.body), 'athlete', id);
        return {
          athleteId: id,
          status: 'planned' as const,
          plan: viewSolved({ ...solved, alternatives: 'not-asked' }, isMedical),
          conflict: null,
        };
      } catch (error) {
        if (!(error instanceof PlanInfeasible)) throw error;
        const conflict = { sentence: error.inWords(isMedical), isSmallest: error.isSmallest };
        return { athleteId: id, status: 'infeasible' as const, plan: null, conflict };
      }
    },
  );

  app.get(
    '/v1/athletes/:id/plans/:planId',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'getPlan',
        summary: 'A plan, with what the limits cost and the next best plan once they are there',
        params: PlanParams,
        response: { 200: PlanView, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id, planId } = request.params;
      return shown(request, found(await repositories.plans.get(teamOf(request), id, planId), 'plan', planId));
    },
  );

  app.patch(
    '/v1/athletes/:id/plans/:planId',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'decidePlan',
        summary: 'Accept, change or decline a plan',
        description:
          'Once decided it stays so, and its recommendation with it. Changed and declined need a reason. A changed plan is evaluated again: it must keep the limits it was made for, and is shown with its own outlook.',
        params: PlanParams,
        body: PlanDecisionBody,
        response: { 200: PlanView, ...problems(401, 403, 404, 409, 422, 503) },
      },
    },
    async (request) => {
      const { id, planId } = request.params;
      const { status, reason, doses = [], loads = [] } = request.body;
      const isChange = doses.length + loads.length > 0;
      if (status !== 'accepted' && reason === undefined)
        throw new ProblemError('validation-failed', `A plan is ${status} with a reason`, [
          { in: 'body', path: '/reason', message: 'is required' },
        ]);
      if (isChange !== (status === 'changed'))
        throw new ProblemError(
          'validation-failed',
          isChange ? 'Only a changed plan has doses and loads' : 'A changed plan names the doses or loads that are other',
          [{ in: 'body', path: '/doses', message: isChange ? 'is for changed' : 'is required, or loads' }],
        );
      const decision = { status, by: callerOf(request).name, reason: reason ?? null, change: isChange ? { doses, loads } : null };
      return shown(request, found(await naming(request, planning.decide(teamOf(request), id, planId, decision)), 'plan', planId));
    },
  );
});
