/** The ledger as rows of feedback_step: read whole, written from the first step that differs on. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { FeedbackLedger, FeedbackStep, JudgedForecast } from '../queue/daily/ports.ts';

type Lesson = FeedbackLedger['lessons'][number];

interface StepRow {
  readonly lesson_id: string;
  readonly lesson: Lesson;
  readonly outcome_ids: readonly string[];
  readonly known_us: string;
  readonly method_version: string;
  readonly population_version: string;
  readonly lessons: number;
  readonly intercept_only: FeedbackStep['interceptOnly'];
  readonly personal: FeedbackStep['personal'];
  readonly reason: string;
  readonly undone_at: Date | null;
  readonly undone_by: string | null;
  readonly undone_reason: string | null;
}

const stepOf = (row: StepRow): FeedbackStep => ({
  lessonId: row.lesson_id,
  outcomeIds: row.outcome_ids,
  knownUs: Number(row.known_us),
  methodVersion: row.method_version,
  populationVersion: row.population_version,
  lessons: row.lessons,
  interceptOnly: row.intercept_only,
  personal: row.personal,
  reason: row.reason,
});

/** Steps in force with their lessons, by position, and those undone. The caller holds the athlete's lock where it writes. */
export async function readLedger(client: pg.Pool | pg.PoolClient, athleteId: string, target: string): Promise<FeedbackLedger> {
  const { rows } = await client.query<StepRow>(
    `SELECT lesson_id, lesson, outcome_ids, known_us, method_version, population_version, lessons, intercept_only, personal, reason,
       undone_at, undone_by, undone_reason
     FROM feedback_step WHERE athlete_id = $1 AND target = $2 ORDER BY position, undone_at`,
    [athleteId, target],
  );
  const inForce = rows.filter((row) => row.undone_at === null);
  return {
    lessons: inForce.map((row) => row.lesson),
    steps: inForce.map(stepOf),
    undone: rows.flatMap((row) =>
      row.undone_at === null
        ? []
        : [{ step: stepOf(row), undoneAtUs: row.undone_at.getTime() * 1_000, by: row.undone_by ?? '', reason: row.undone_reason ?? '' }],
    ),
  };
}

/** BOUNDED: steps an insert; a first replay may bring hundreds. */
const STEPS_AT_ONCE = 200;

/**
 * Steps that both ledgers share stay as they are; those after them are written anew. A step that `after` has undone and `before` has not keeps its row, marked.
 * @param judged of after.lessons, in order
 */
export async function writeLedger(
  client: pg.PoolClient,
  athleteId: string,
  target: string,
  before: FeedbackLedger,
  after: FeedbackLedger,
  judged: readonly JudgedForecast[],
): Promise<void> {
  for (const { step, undoneAtUs, by, reason } of after.undone.slice(before.undone.length)) {
    await client.query(
      `UPDATE feedback_step SET undone_at = to_timestamp($4::float8 / 1e6), undone_by = $5, undone_reason = $6
       WHERE athlete_id = $1 AND target = $2 AND lesson_id = $3 AND undone_at IS NULL`,
      [athleteId, target, step.lessonId, undoneAtUs, by, reason],
    );
  }
  const differs = after.steps.findIndex((step, i) => step !== before.steps[i]);
  const kept = differs < 0 ? after.steps.length : differs;
  if (kept < before.steps.length) {
    await client.query('DELETE FROM feedback_step WHERE athlete_id = $1 AND target = $2 AND position >= $3 AND undone_at IS NULL', [
      athleteId,
      target,
      kept,
    ]);
  }
  for (let at = kept; at < after.steps.length; at += STEPS_AT_ONCE) {
    const rows = after.steps.slice(at, at + STEPS_AT_ONCE).map((step, i) => rowOf(step, after.lessons[at + i]!, judged[at + i], at + i));
    await insertSteps(client, athleteId, target, rows);
  }
}

const rowOf = (step: FeedbackStep, lesson: Lesson, judged: JudgedForecast | undefined, position: number) => ({
  id: randomUUID(),
  position,
  lesson_id: step.lessonId,
  lesson,
  outcome_ids: step.outcomeIds,
  forecast_us: lesson.forecastUs,
  known_us: step.knownUs,
  method_version: step.methodVersion,
  population_version: step.populationVersion,
  lessons: step.lessons,
  intercept_only: step.interceptOnly,
  personal: step.personal,
  judged: judged ?? null,
  reason: step.reason,
});

const COLUMNS = `id, position, lesson_id, lesson, outcome_ids, forecast_us, known_us, method_version, population_version, lessons, intercept_only, personal,
  judged, reason`;

const insertSteps = (client: pg.PoolClient, athleteId: string, target: string, rows: readonly ReturnType<typeof rowOf>[]) =>
  client.query(
    `INSERT INTO feedback_step (athlete_id, target, ${COLUMNS})
     SELECT $1, $2, ${COLUMNS} FROM json_populate_recordset(null::feedback_step, $3)`,
    [athleteId, target, JSON.stringify(rows)],
  );

/** 'kwdy': the daily job, an undo and a correction of one athlete wait for each other. */
const DAILY_LOCK = 0x6b776479;

/** Held to the end of the transaction. */
export const lockDaily = (client: pg.PoolClient, athleteId: string): Promise<unknown> =>
  client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [DAILY_LOCK, athleteId]);
