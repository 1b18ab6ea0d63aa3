/** What loads are made with: an athlete's heart rates and high-speed threshold, and the team's threshold. Rows are added, never changed. */
import { limitsAt, limitsRowAt, measuredLoads, type LimitsRecord } from '../../asms/load-limits.ts';
import { callerOf, teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import type { NewAthleteLimits as NewRow } from '../ports.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, microsOf, readTime } from '../schemas.ts';
import { AthleteLimits, LimitsOfAthlete, LimitsOfTeam, NewAthleteLimits, NewTeamLimits, TeamLimits } from './schemas.ts';

/** BOUNDED: rows shown; all count. */
const SHOWN = 200;

/** @throws ProblemError `time-out-of-range` where it has not come yet */
function readValidFrom(text: string | undefined): Date {
  const now = new Date();
  const validFrom = text === undefined ? now : readTime(text);
  if (validFrom > now)
    throw new ProblemError('time-out-of-range', `validFrom ${text} lies in the future: record the limits when they hold`);
  return validFrom;
}

/** A threshold between two bins of the stored histograms could not be kept. @throws ProblemError `validation-failed` */
function checkThreshold(mps: number | null | undefined): void {
  if (typeof mps !== 'number' || Math.abs(mps * 10 - Math.round(mps * 10)) < 1e-6) return;
  throw new ProblemError('validation-failed', 'The threshold is given in steps of 0.1 m/s', [
    { in: 'body', path: '/highSpeedMps', message: `must be a multiple of 0.1, such as ${(Math.round(mps * 10) / 10).toFixed(1)}` },
  ]);
}

interface Given {
  readonly restBpm?: number | null;
  readonly maximumBpm?: number | null;
  readonly highSpeedMps?: number | null;
}

/** The new row, whole: what was not given stays as it was at that time. @throws ProblemError `limits-contradict` */
function completed(given: Given, validFrom: Date, record: LimitsRecord): Omit<NewRow, 'source' | 'by'> {
  const before = limitsRowAt(record.athlete, microsOf(validFrom));
  const kept = (name: keyof Given): number | null => {
    const value = given[name];
    return value === undefined ? (before?.[name] ?? null) : value;
  };
  const row = { validFrom, restBpm: kept('restBpm'), maximumBpm: kept('maximumBpm'), highSpeedMps: kept('highSpeedMps') };
  if (row.restBpm !== null && row.maximumBpm !== null && row.maximumBpm <= row.restBpm) {
    throw new ProblemError(
      'limits-contradict',
      `The maximum heart rate ${row.maximumBpm} is not above the resting one ${row.restBpm}: send both, or null for the one that is not known`,
    );
  }
  return row;
}

export const limits = resource('limits', async (app, { repositories }) => {
  app.get(
    '/v1/athletes/:id/limits',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'getAthleteLimits',
        summary: 'What the loads of an athlete are made with',
        params: IdParams,
        response: { 200: LimitsOfAthlete, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { record, rows } = found(await repositories.limits.ofAthlete(teamOf(request), id, SHOWN), 'athlete', id);
      const { restBpm, maximumBpm, highSpeedMps, highSpeedOf } = limitsAt(record, Date.now() * 1_000);
      return { athleteId: id, inForce: { restBpm, maximumBpm, highSpeedMps, highSpeedOf }, history: [...rows] };
    },
  );

  app.post(
    '/v1/athletes/:id/limits',
    {
      onRequest: app.requires('write'),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'recordAthleteLimits',
        summary: 'Record resting and maximum heart rate, or a high-speed threshold, from a time on',
        description:
          'The loads of all measured sessions are made anew under the limits that hold at their start; each says which they were.',
        params: IdParams,
        body: NewAthleteLimits,
        response: { 201: AthleteLimits, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { validFrom, source = null, ...given } = request.body;
      checkThreshold(given.highSpeedMps);
      const from = readValidFrom(validFrom);
      const by = callerOf(request).name;
      const decide = (record: LimitsRecord): NewRow => ({ ...completed(given, from, record), source, by });
      const row = await repositories.limits.recordOfAthlete(teamOf(request), id, decide, measuredLoads);
      return reply.code(201).send(found(row, 'athlete', id));
    },
  );

  app.get(
    '/v1/teams/:id/limits',
    {
      onRequest: app.requires('read'),
      schema: {
        tags: ['teams'],
        security,
        operationId: 'getTeamLimits',
        summary: "The team's high-speed threshold, of athletes without one of their own",
        params: IdParams,
        response: { 200: LimitsOfTeam, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return { teamId: id, history: [...found(await repositories.limits.ofTeam(teamOf(request), id, SHOWN), 'team', id)] };
    },
  );

  app.post(
    '/v1/teams/:id/limits',
    {
      onRequest: app.requires('write'),
      schema: {
        tags: ['teams'],
        security,
        operationId: 'recordTeamLimits',
        summary: "Record the team's high-speed threshold from a time on; null: the default",
        description: 'The high-speed distances of all measured sessions of athletes without a threshold of their own are made anew.',
        params: IdParams,
        body: NewTeamLimits,
        response: { 201: TeamLimits, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { validFrom, highSpeedMps, source = null } = request.body;
      checkThreshold(highSpeedMps);
      const row = { validFrom: readValidFrom(validFrom), highSpeedMps, source, by: callerOf(request).name };
      return reply.code(201).send(found(await repositories.limits.recordOfTeam(teamOf(request), id, row, measuredLoads), 'team', id));
    },
  );
});
