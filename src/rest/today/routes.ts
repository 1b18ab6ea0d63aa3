/** What staff open in the morning: the squad of a team on one page, those to look at first at the top. */
import { availabilityAt } from '../../asms/availability.ts';
import { FLAGGED_SHARE, flagThreshold } from '../../asms/morning.ts';
import { shiftDay, teamDayOf, teamDays, type CalendarDay } from '../../asms/team-days.ts';
import { teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { viewCalibration } from '../feedback/view.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams } from '../schemas.ts';
import { Today } from './schemas.ts';
import { viewMorning } from './view.ts';

/** BOUNDED: athletes of one answer. (chosen) A club's teams are a tenth of it. */
const MOST_ATHLETES = 500;
const USUAL_DAYS = 28;
/** Outcomes that the predictive value is taken from. (chosen) Half a season: injuries are few. */
const JUDGED_DAYS = 180;
/** A session rated this long after its day began may still be yesterday's. */
const RECORD_DAYS = 2;

export const today = resource('today', async (app, { repositories }) => {
  app.get(
    '/v1/teams/:id/today',
    {
      onRequest: app.requires('read'),
      schema: {
        tags: ['teams'],
        security,
        operationId: 'getTeamToday',
        summary: 'The squad this morning: whom to look at first, and why',
        description:
          "Availability, the probability of a new injury within 7 days at the squad's own threshold, deviation from the athlete's own normal, planned against actual load, " +
          'and how good the data were. Days are those of the team. No diagnosis stands here. A flag asks for a look; most flagged days are followed by no injury (ppv).',
        params: IdParams,
        response: { 200: Today, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const team = teamOf(request);
      const timeZone = found(await repositories.feedback.timeZone(team, id), 'team', id);
      const nowMs = Date.now();
      const day = teamDayOf(nowMs, timeZone);
      const [yesterday, now] = teamDays(shiftDay(day, -1), day, timeZone) as [CalendarDay, CalendarDay];
      const range = { from: shiftDay(day, -JUDGED_DAYS), to: shiftDay(day, -1) };
      const [rows, health, squad] = await Promise.all([
        repositories.today.read(
          team,
          id,
          {
            yesterday: yesterday.day,
            today: day,
            recordsFrom: new Date(yesterday.fromUs / 1_000 - RECORD_DAYS * 86_400_000),
            windowsFromUs: yesterday.fromUs,
          },
          MOST_ATHLETES + 1,
        ),
        repositories.medical.availability(id, null),
        repositories.feedback.squadDays(id, range),
      ]);
      const since = shiftDay(day, -USUAL_DAYS);
      const recent = new Map(squad.athletes.map(({ athleteId, days }) => [athleteId, days.filter((one) => one.day >= since)]));
      const probabilities = [...recent.values()].flatMap((days) => days.map(({ probability }) => probability));
      const threshold = flagThreshold(probabilities);
      const alarms = threshold === null ? null : viewCalibration(id, range, squad, { threshold, candidate: squad.serves, nowMs }).alarms;
      const nowUs = nowMs * 1_000;
      const problemsOf = new Map(health.map(({ athleteId, problems: own }) => [athleteId, own]));
      const subjects = rows.slice(0, MOST_ATHLETES).map((stored) => ({
        stored,
        availability: availabilityAt(problemsOf.get(stored.athleteId) ?? [], nowUs),
        usualHazards: (recent.get(stored.athleteId) ?? [])
          .filter((one) => one.day !== stored.hazard?.day)
          .map(({ probability }) => probability),
      }));
      return {
        teamId: id,
        day,
        timeZone,
        threshold: {
          probability: threshold,
          flaggedShare: FLAGGED_SHARE,
          athleteDays: probabilities.length,
          ppv: alarms?.ppv ?? null,
          ppvInterval: alarms?.ppvInterval ?? null,
          judged: alarms === null ? 0 : alarms.rightly + alarms.falsely,
        },
        ...viewMorning(subjects, { nowUs, yesterday, today: now, threshold }),
        truncated: rows.length > MOST_ATHLETES,
      };
    },
  );
});
