/** The days of one athlete, from the records to the ledger: pooled movement, hazard, lessons, steps. */
import {
  LOAD_LOOKBACK_DAYS,
  RECOMPUTED_DAYS,
  dayNumber,
  dayOfNumber,
  dayOfTime,
  hazardsOf,
  riskFacts,
  type DailyRecords,
} from '../../asms/daily-hazard.ts';
import { hazardForecasts, injuryLessons, performanceLessons } from '../../asms/feedback/daily-lessons.ts';
import type { Lesson } from '../../asms/feedback/lessons.ts';
import type { PerformanceMetric, PerformanceOutcome } from '../../asms/feedback/outcomes.ts';
import { injuryTarget, performanceTarget, type FeedbackTarget } from '../../asms/feedback/params.ts';
import { asOutcome, injuriesOf, storedInForce } from '../../asms/feedback/stored-outcomes.ts';
import { INJURY_TARGET, hazardReference, headOf, performanceTargetName } from '../../asms/feedback/targets.ts';
import type { HazardModel } from '../../asms/hazard.ts';
import { readHazardFile } from '../../asms/hazard-file.ts';
import { TREND_DAYS, morningDays } from '../../asms/morning-hrv.ts';
import { HORIZON_DAYS } from '../../asms/risk-set.ts';
import { shiftDay, teamDayOf, teamDays, type CalendarDay } from '../../asms/team-days.ts';
import { learnInThread } from './learn-thread.ts';
import type { ActiveModel, DailyRecordRows, DailyTransaction } from './ports.ts';

/** Windows that no mark told of (they were scored long after their session was over) are looked for so many days back. (chosen) */
const UNMARKED_DAYS = 3;
const DAY_MS = 86_400_000;

/** Returns the last day of the team that is over: what was done. @throws RangeError where the time zone is unknown */
export async function computeDays(day: DailyTransaction, nowMs: number): Promise<{ readonly lastDay: string }> {
  const lastDay = shiftDay(teamDayOf(nowMs, day.athlete.timeZone), -1);
  const { model } = day;
  if (model === null) return { lastDay };
  const days = teamDays(shiftDay(lastDay, 1 - LOAD_LOOKBACK_DAYS - RECOMPUTED_DAYS), lastDay, day.athlete.timeZone);
  await poolNewWindows(day, model, days);
  const rows = await day.records(new Date((days[0]?.fromUs ?? 0) / 1_000 - DAY_MS), new Date((days.at(-1)?.toUs ?? 0) / 1_000 + DAY_MS));
  const records = await assemble(day, model, days, rows, nowMs * 1_000);
  const source = readHazardFile(model.hazard, model);
  const inSquad = days.filter((one) => one.day >= records.arrivalDay).length;
  await day.saveHazards(model.version, hazardsOf(records, source, Math.min(RECOMPUTED_DAYS, inSquad)));
  if ('model' in source) await learnInjuries(day, model, source.model, records, rows);
  await learnPerformances(day, model, rows);
  return { lastDay };
}

/** Days with more windows than their stored movement was made of. One with fewer keeps it: its scores are past their retention. */
async function poolNewWindows(day: DailyTransaction, { version }: ActiveModel, days: readonly CalendarDay[]): Promise<void> {
  const recent = days.slice(day.isMarked ? -RECOMPUTED_DAYS : -UNMARKED_DAYS);
  for (const { day: one, windows, pooled } of await day.countWindows(version, recent)) {
    if (windows > pooled) await day.saveMovement(version, one.day, windows, await day.poolDay(version, one));
  }
}

async function assemble(
  day: DailyTransaction,
  { version }: ActiveModel,
  days: readonly CalendarDay[],
  rows: DailyRecordRows,
  nowUs: number,
): Promise<DailyRecords> {
  const { birthDate, createdUs } = day.athlete;
  const movements = await day.movements(version);
  const firstUs = Math.min(createdUs, ...rows.ratings.slice(0, 1).map(({ atUs }) => atUs));
  const firstDay = dayOfNumber(dayOfTime(days, firstUs));
  const [firstMoved = firstDay] = [...movements.keys()].toSorted();
  return {
    days,
    nowUs,
    ratings: rows.ratings,
    sessions: rows.sessions,
    mornings: await readMornings(day, days.slice(1 - RECOMPUTED_DAYS - TREND_DAYS)),
    movements,
    injuries: [...rows.injuries, ...injuriesOf(rows.outcomes)],
    birthDate,
    // Who was recorded before the row was made was there before it.
    arrivalDay: firstMoved < firstDay ? firstMoved : firstDay,
  };
}

/** ln rMSSD by day, of days that have one: the series that the athlete consents to, as GET morning-hrv shows it. */
async function readMornings(day: DailyTransaction, days: readonly CalendarDay[]): Promise<ReadonlyMap<string, number>> {
  const mornings = morningDays(days, await day.mornings(days));
  return new Map(mornings.flatMap(({ day: one, lnRmssd }): [string, number][] => (lnRmssd === null ? [] : [[one, lnRmssd]])));
}

/** Replays from the earliest lesson that changed, came or went; nothing is written where none did. */
async function learnFrom(day: DailyTransaction, target: string, feedback: FeedbackTarget, lessons: readonly Lesson[]): Promise<void> {
  const before = await day.ledger(target);
  const inForce = new Set(lessons.map(({ lessonId }) => lessonId));
  const gone = before.lessons.filter(({ lessonId }) => !inForce.has(lessonId)).map(({ lessonId }) => lessonId);
  const { ledger, judged } = await learnInThread(before, feedback, lessons, gone);
  await day.saveLedger(target, before, ledger, judged);
}

async function learnInjuries(
  day: DailyTransaction,
  { version }: ActiveModel,
  hazard: HazardModel,
  records: DailyRecords,
  rows: DailyRecordRows,
): Promise<void> {
  const stored = await day.hazards(version);
  const [first] = stored;
  if (first === undefined) return;
  const lastDay = records.days.at(-1)!.day;
  const calendar = teamDays(
    first.day < records.days[0]!.day ? first.day : records.days[0]!.day,
    shiftDay(lastDay, HORIZON_DAYS),
    day.athlete.timeZone,
  );
  const ends = new Map(calendar.map((one) => [dayNumber(one.day), one.toUs]));
  // A day that the calendar left out ends where the one before it does.
  const endOf = (number: number): number => ends.get(number) ?? ends.get(number - 1) ?? 0;
  const facts = riskFacts({ ...records, days: calendar.filter((one) => one.day <= lastDay) }, null);
  const forecastDays = stored.map(({ day: one, probability }) => ({ day: one, endUs: endOf(dayNumber(one)), probability }));
  const forecasts = hazardForecasts(day.athlete.athleteId, forecastDays, facts, rows.plans, endOf);
  const reference = hazardReference(hazard);
  await learnFrom(day, INJURY_TARGET, injuryTarget(reference), injuryLessons(forecasts, reference));
}

async function learnPerformances(day: DailyTransaction, model: ActiveModel, rows: DailyRecordRows): Promise<void> {
  if (day.metrics.length === 0) return;
  const outcomes = storedInForce(rows.outcomes).flatMap((stored): PerformanceOutcome[] => {
    const outcome = asOutcome(stored);
    return outcome?.kind === 'performance' && Number.isFinite(outcome.value) ? [outcome] : [];
  });
  await poolSessions(day, model.version, outcomes);
  const sessions = await day.sessionMovements(model.version);
  for (const metric of day.metrics) await learnMetric(day, model, metric, outcomes, sessions);
}

async function learnMetric(
  day: DailyTransaction,
  model: ActiveModel,
  metric: PerformanceMetric,
  outcomes: readonly PerformanceOutcome[],
  sessions: Awaited<ReturnType<DailyTransaction['sessionMovements']>>,
): Promise<void> {
  const name = performanceTargetName(metric.name);
  const head = headOf(await day.population(name, model.version), metric.name, model);
  await learnFrom(day, name, performanceTarget(head), performanceLessons(outcomes, sessions, metric, head));
}

/** Pooled F_attn of the sessions that a performance names. */
async function poolSessions(day: DailyTransaction, version: string, outcomes: readonly PerformanceOutcome[]): Promise<void> {
  const named = [...new Set(outcomes.map(({ sessionId }) => sessionId))];
  for (const session of await day.sessionsToPool(version, named)) {
    const movement = await day.poolSession(version, session);
    if (movement !== null) await day.saveSessionMovement(version, movement);
  }
}
