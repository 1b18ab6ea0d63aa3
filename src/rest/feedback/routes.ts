import type { FastifyRequest } from 'fastify';
import { INJURY_TARGET } from '../../asms/feedback/targets.ts';
import { allows, callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { readDayRange } from '../hazard/view.ts';
import { Outcome } from '../medical/schemas.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, readTime } from '../schemas.ts';
import { admit, type Sent } from './admit.ts';
import {
  AthleteFeedback,
  Calibration,
  CalibrationQuery,
  Correction,
  NewMetric,
  OutcomeParams,
  StepParams,
  StepQuery,
  Steps,
  TeamFeedback,
  TeamMetric,
  TeamMetrics,
  Undo,
  Undone,
} from './schemas.ts';
import { viewCalibration, viewStanding, viewStep, viewVerdicts } from './view.ts';

const tags = ['feedback'];
const CALIBRATION_DAYS = 84;
/** Twice the mean 7-day hazard of the seasons the model is fitted on, about. (chosen) */
const THRESHOLD = 0.05;

const mayReadInjuries = (request: FastifyRequest): boolean => allows(callerOf(request).scopes, 'medical');

function requireMedical(request: FastifyRequest): void {
  if (!mayReadInjuries(request)) throw new ProblemError('insufficient-scope', 'What was learned from injuries needs the scope medical');
}

export const feedback = resource('feedback', async (app, { repositories, onDaysChanged }) => {
  const athleteOf = async (request: FastifyRequest, id: string): Promise<void> => {
    found(await repositories.athletes.get(teamOf(request), id), 'athlete', id);
  };

  app.post(
    '/v1/athletes/:id/outcomes/:outcomeId/corrections',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'correctOutcome',
        summary: 'Correct an outcome: a new one stands in its place, the one before is kept',
        description:
          'The kind stays. What was learned from the outcome is learned again from the correction on, and everything after it too. An outcome that was corrected ' +
          'already is refused: correct the newest. Injury outcomes need the scope medical.',
        params: OutcomeParams,
        body: Correction,
        response: { 201: Outcome, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id, outcomeId } = request.params;
      await athleteOf(request, id);
      const at = request.body.at === undefined ? null : readTime(request.body.at);
      const session = request.body.value['sessionId'];
      const corrected = await repositories.feedback.record(teamOf(request), id, typeof session === 'string' ? session : null, (rows) => {
        const former = rows.outcomes.find((one) => one.id === outcomeId.toLowerCase());
        if (former === undefined) throw new ProblemError('not-found', `The athlete has no outcome ${outcomeId}`);
        const kind = former.kind as Sent['kind'];
        if (kind === 'injury') requireMedical(request);
        const sent = { kind, at: at ?? new Date(former.atUs / 1_000), value: request.body.value, replaces: former.id };
        return admit(sent, rows, Date.now() * 1_000);
      });
      onDaysChanged(id);
      return reply.code(201).send(found(corrected, 'athlete', id));
    },
  );

  app.get(
    '/v1/athletes/:id/feedback',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'getAthleteFeedback',
        summary: "An athlete's own parameters beside the population's, and whose forecasts are shown",
        description: 'What was learned from injuries is left out without the scope medical.',
        params: IdParams,
        response: { 200: AthleteFeedback, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const standing = found(await repositories.feedback.standing(teamOf(request), id), 'athlete', id);
      return viewStanding(
        id,
        standing.filter(({ target }) => target !== INJURY_TARGET || mayReadInjuries(request)),
      );
    },
  );

  app.get(
    '/v1/athletes/:id/feedback/steps',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listFeedbackSteps',
        summary: 'What each outcome taught, newest first: parameters and loss before and after, in numbers and in a sentence',
        description: 'Steps that were undone stand among them. Those of the target injury are left out without the scope medical.',
        params: IdParams,
        querystring: StepQuery,
        response: { 200: Steps, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { target } = request.query;
      if (target === INJURY_TARGET) requireMedical(request);
      await athleteOf(request, id);
      const targets = {
        ...(target === undefined ? {} : { only: target }),
        ...(mayReadInjuries(request) ? {} : { but: INJURY_TARGET }),
      };
      const { items, next } = await repositories.feedback.steps(id, targets, pageRequest('feedback-steps', request.query));
      return { athleteId: id, ...pageReply('feedback-steps', { items: items.map(viewStep), next }) };
    },
  );

  app.post(
    '/v1/athletes/:id/feedback/steps/:stepId/undo',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'undoFeedbackStep',
        summary: 'Leave the outcome of a step out of what is learned',
        description:
          'The step stays in the list, with who undid it and why. Steps after it are learned again without it within a minute or two. The outcome comes back ' +
          'only by a correction. A step of the target injury needs the scope medical.',
        params: StepParams,
        body: Undo,
        response: { 200: Undone, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id, stepId } = request.params;
      await athleteOf(request, id);
      const why = { by: callerOf(request).name, reason: request.body.reason };
      const check = (target: string): void => {
        if (target === INJURY_TARGET) requireMedical(request);
      };
      const step = found(await repositories.feedback.undo(id, stepId, why, check), 'feedback step', stepId);
      onDaysChanged(id);
      return { athleteId: id, step: viewStep(step) };
    },
  );

  app.get(
    '/v1/teams/:id/feedback',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'getTeamFeedback',
        summary: "The guard's verdict on each target: do personal parameters help this squad?",
        description:
          'Each forecast is judged with what had been learned before it was made, over the squad, against an intercept alone. Judged again as outcomes come in.',
        params: IdParams,
        response: { 200: TeamFeedback, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return viewVerdicts(id, found(await repositories.feedback.verdicts(teamOf(request), id), 'team', id));
    },
  );

  app.get(
    '/v1/teams/:id/performance-metrics',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listPerformanceMetrics',
        summary: 'Tests and measures of performance that the team records',
        params: IdParams,
        response: { 200: TeamMetrics, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const metrics = found(await repositories.feedback.metrics(teamOf(request), id), 'team', id);
      return { teamId: id, items: metrics.map((metric) => ({ teamId: id, ...metric })) };
    },
  );

  app.post(
    '/v1/teams/:id/performance-metrics',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'putPerformanceMetric',
        summary: 'Name a measure of performance, or change what it means',
        description: 'Of the same name: it is changed, and what was learned from it is learned again.',
        params: IdParams,
        body: NewMetric,
        response: { 201: TeamMetric, ...problems(401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const metric = found(await repositories.feedback.putMetric(teamOf(request), id, request.body, callerOf(request).name), 'team', id);
      return reply.code(201).send({ teamId: id, ...metric });
    },
  );

  app.get(
    '/v1/teams/:id/calibration',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'getTeamCalibration',
        summary: 'Expected against observed injuries of the squad by week, before and after feedback',
        description:
          'Of the daily hazards of the active model. Days under an accepted plan and days whose seven days are not over are counted and enter no figure. ' +
          'The positive predictive value is of athlete-days at or above the threshold.',
        params: IdParams,
        querystring: CalibrationQuery,
        response: { 200: Calibration, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const timeZone = found(await repositories.feedback.timeZone(teamOf(request), id), 'team', id);
      const nowMs = Date.now();
      const range = readDayRange(request.query, timeZone, nowMs, CALIBRATION_DAYS);
      const squad = await repositories.feedback.squadDays(id, range);
      const { threshold = THRESHOLD, candidate = squad.serves } = request.query;
      return viewCalibration(id, range, squad, { threshold, candidate, nowMs });
    },
  );
});
