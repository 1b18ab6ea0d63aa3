/** What people do with an alert. Each goes through changeAlert, in one transaction with history, live stream and webhooks. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { changeAlert, type AlertChange } from '../../alert/rules/lifecycle.ts';
import { allows, callerOf, teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import type { RestOptions } from '../ports.ts';
import { ProblemError, problems } from '../problems.ts';
import { found } from '../resource.ts';
import { IdParams, microsOf, readTime } from '../schemas.ts';
import { Acknowledge, AlertWithHistory, Assign, Conclude, Rate, Snooze } from './schemas.ts';
import { shownWithHistory } from './view.ts';

const tags = ['alerts'];
const US_PER_MINUTE = 60e6;

const isMedical = (request: FastifyRequest): boolean => allows(callerOf(request).scopes, 'medical');

/** @throws ProblemError `insufficient-scope` for a confirmed injury without the scope medical */
function readConclusion(request: FastifyRequest, { outcome, note = '', injuryId }: Conclude) {
  if (outcome === 'injury-confirmed' && !isMedical(request))
    throw new ProblemError('insufficient-scope', 'Confirming an injury needs the scope medical');
  return { by: callerOf(request).name, outcome, note, injuryId: injuryId ?? null };
}

/** @throws ProblemError `validation-failed` where both or none are given */
function eitherOf(a: readonly [name: string, value: unknown], b: readonly [name: string, value: unknown]): void {
  if ((a[1] === undefined) !== (b[1] === undefined)) return;
  throw new ProblemError('validation-failed', `Give either ${a[0]} or ${b[0]}`, [
    { in: 'body', path: `/${a[0]}`, message: `either this or ${b[0]}, not both and not neither` },
  ]);
}

const noted = (note: string | undefined): { readonly note?: string } => (note === undefined ? {} : { note });

export const changeRoutes: FastifyPluginAsyncTypebox<RestOptions> = async (app, { repositories }) => {
  const change = async (request: FastifyRequest, id: string, made: (atUs: number) => AlertChange): Promise<AlertWithHistory> => {
    const changed = await repositories.alerts.change(teamOf(request), id, (alert, atUs) => {
      if (alert.outcome === 'injury-confirmed' && !isMedical(request))
        throw new ProblemError('insufficient-scope', 'The alert was closed with an outcome that only the scope medical may change');
      return changeAlert(alert, made(atUs), atUs);
    });
    return shownWithHistory(isMedical(request), found(changed, 'alert', id));
  };

  app.post(
    '/v1/alerts/:id/acknowledge',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'acknowledgeAlert',
        summary: 'Acknowledge an alert',
        description: 'May be repeated: the first acknowledgement stands.',
        params: IdParams,
        body: Acknowledge,
        response: { 200: AlertWithHistory, ...problems(401, 403, 404, 409) },
      },
    },
    (request) =>
      change(request, request.params.id, () => ({
        change: 'acknowledged',
        by: callerOf(request).name,
        ...noted(request.body.note),
      })),
  );

  app.post(
    '/v1/alerts/:id/snooze',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'snoozeAlert',
        summary: 'Keep an active alert quiet for a while',
        description: 'Nobody is told of it before; it stays in the lists. For longer than a week change the alarm settings.',
        params: IdParams,
        body: Snooze,
        response: { 200: AlertWithHistory, ...problems(401, 403, 404, 409, 422) },
      },
    },
    (request) => {
      const { minutes, until, note } = request.body;
      eitherOf(['minutes', minutes], ['until', until]);
      const untilUs = until === undefined ? null : microsOf(readTime(until));
      return change(request, request.params.id, (atUs) => ({
        change: 'snoozed',
        by: callerOf(request).name,
        untilUs: untilUs ?? atUs + (minutes ?? 0) * US_PER_MINUTE,
        ...noted(note),
      }));
    },
  );

  app.post(
    '/v1/alerts/:id/assign',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'assignAlert',
        summary: 'Assign an alert to a person or to an API key',
        description: 'May be done again: the newest stands, all are in the history.',
        params: IdParams,
        body: Assign,
        response: { 200: AlertWithHistory, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { to, keyId, note } = request.body;
      eitherOf(['to', to], ['keyId', keyId]);
      const name = keyId === undefined ? (to ?? '') : await repositories.alerts.assignee(teamOf(request), id, keyId);
      if (name === null)
        throw new ProblemError(
          'unknown-reference',
          `There is no valid API key ${keyId} that can see the alert: GET /v1/api-keys lists them`,
        );
      return change(request, id, () => ({ change: 'assigned', by: callerOf(request).name, to: name, ...noted(note) }));
    },
  );

  app.post(
    '/v1/alerts/:id/close',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'closeAlert',
        summary: 'Close an alert with what came of it',
        description:
          'Acknowledges and clears it too: the next alert of its type is a new one, after the rule has seen the athlete below its lower threshold.',
        params: IdParams,
        body: Conclude,
        response: { 200: AlertWithHistory, ...problems(401, 403, 404, 409, 422) },
      },
    },
    (request) => {
      const conclusion = readConclusion(request, request.body);
      return change(request, request.params.id, () => ({ change: 'closed', ...conclusion }));
    },
  );

  app.post(
    '/v1/alerts/:id/outcome',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'correctAlertOutcome',
        summary: 'Correct the outcome of a closed alert',
        description:
          'The history keeps the one before. A new normal that is taken back is withdrawn where no window has been judged by it yet, and kept where one has.',
        params: IdParams,
        body: Conclude,
        response: { 200: AlertWithHistory, ...problems(401, 403, 404, 409, 422) },
      },
    },
    (request) => {
      const conclusion = readConclusion(request, request.body);
      return change(request, request.params.id, () => ({ change: 'outcome-corrected', ...conclusion }));
    },
  );

  app.put(
    '/v1/alerts/:id/rating',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'rateAlert',
        summary: 'Rate an alert from 1 to 5',
        description:
          'For clinicians: one rating an API key and alert. Rated again, the newest stands and the history keeps the one before.',
        params: IdParams,
        body: Rate,
        response: { 200: AlertWithHistory, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { keyId, name } = callerOf(request);
      const { rating, note = null } = request.body;
      const rated = await repositories.alerts.rate(teamOf(request), id, { keyId, rater: name, rating, note });
      return shownWithHistory(isMedical(request), found(rated, 'alert', id));
    },
  );
};
