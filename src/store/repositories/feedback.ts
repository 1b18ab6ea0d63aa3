import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { KinewatchError } from '../../contracts/errors.ts';
import type {
  FeedbackRepository,
  Outcome,
  OutcomeRows,
  PerformanceMetric,
  SquadDays,
  Standing,
  StoredMetric,
  StoredOutcome,
  StoredStep,
  StoredVerdict,
} from '../../rest/feedback/ports.ts';
import type { TeamScope } from '../../rest/ports.ts';
import { readAcceptedPlans } from '../accepted-plans.ts';
import { ACTIVE, CLOSING_US, readInjuries, readMetrics } from '../daily-store.ts';
import { lockDaily } from '../feedback-rows.ts';
import type { FeedbackStepModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { Rollback, inTransaction } from '../transaction.ts';
import { readLearned, readServes } from './hazard.ts';
import { iso, pageOf } from './support.ts';
import { us } from '../sql-json.ts';

type Client = pg.Pool | pg.PoolClient;

const isVisible = async (client: Client, team: TeamScope, athleteId: string): Promise<boolean> =>
  (await client.query('SELECT 1 FROM athlete WHERE id = $1 AND ($2::uuid IS NULL OR team_id = $2)', [athleteId, team])).rowCount === 1;

async function timeZoneOf(client: Client, team: TeamScope, teamId: string): Promise<string | null> {
  const { rows } = await client.query<{ time_zone: string }>('SELECT time_zone FROM team WHERE id = $1 AND ($2::uuid IS NULL OR id = $2)', [
    teamId,
    team,
  ]);
  return rows[0]?.time_zone ?? null;
}

interface OutcomeRow {
  readonly id: string;
  readonly athlete_id: string;
  readonly kind: string;
  readonly at_us: string;
  readonly value: unknown;
  readonly replaces: string | null;
}

const storedOf = ({ id, kind, at_us, value, replaces }: OutcomeRow): StoredOutcome => ({ id, kind, atUs: Number(at_us), value, replaces });

const readOutcomes = async (client: Client, athleteIds: readonly string[], kinds: readonly string[] | null): Promise<OutcomeRow[]> =>
  (
    await client.query<OutcomeRow>(
      `SELECT id, athlete_id, kind, ${us('at')} AS at_us, value, replaces FROM outcome
       WHERE athlete_id = ANY($1::uuid[]) AND ($2::text[] IS NULL OR kind = ANY($2)) ORDER BY created_at, id`,
      [athleteIds, kinds],
    )
  ).rows;

/** Scores go with their retention, the days made of them stay. */
async function firstScoredUs(client: Client, athleteId: string): Promise<number | null> {
  const { rows } = await client.query<{ first: string | null }>(
    `SELECT least((SELECT start_us FROM score WHERE athlete_id = $1 AND NOT shadow ORDER BY window_index LIMIT 1),
       (SELECT ${us('min(day)::timestamptz')} FROM day_movement WHERE athlete_id = $1)) AS first`,
    [athleteId],
  );
  const first = rows[0]?.first ?? null;
  return first === null ? null : Number(first);
}

/** A session's windows are those closed by a receipt stamp of it; one active window that could be scored is enough to learn from. */
async function readSession(client: Client, athleteId: string, sessionId: string | null): Promise<OutcomeRows['sessions']> {
  const { rows } = await client.query<{ id: string; start_us: string; scored: boolean }>(
    `SELECT s.id, ${us('s.started_at')} AS start_us,
       EXISTS (SELECT 1 FROM session_movement m WHERE m.session_id = s.id)
       OR EXISTS (SELECT 1 FROM score w WHERE w.athlete_id = $1 AND w.closed_by_us BETWEEN s.first_received_us AND s.last_received_us + ${CLOSING_US} AND ${ACTIVE}) AS scored
     FROM session s WHERE s.athlete_id = $1 AND s.id::text = $2`,
    [athleteId, sessionId],
  );
  return rows.map((row) => ({ sessionId: row.id, startUs: Number(row.start_us), scoredWindows: row.scored ? 1 : 0 }));
}

async function readContext(client: Client, athleteId: string, sessionId: string | null): Promise<OutcomeRows> {
  const { rows } = await client.query<{ team_id: string }>('SELECT team_id FROM athlete WHERE id = $1', [athleteId]);
  return {
    firstScoredUs: await firstScoredUs(client, athleteId),
    sessions: await readSession(client, athleteId, sessionId),
    metrics: await readMetrics(client, rows[0]?.team_id ?? ''),
    outcomes: (await readOutcomes(client, [athleteId], null)).map(storedOf),
  };
}

async function readOutcome(client: Client, id: string): Promise<Outcome> {
  const { rows } = await client.query<{
    id: string;
    athlete_id: string;
    kind: Outcome['kind'];
    at: Date;
    value: unknown;
    created_at: Date;
    replaces: string | null;
  }>('SELECT id, athlete_id, kind, at, value, created_at, replaces FROM outcome WHERE id = $1', [id]);
  const row = rows[0]!;
  return {
    id: row.id,
    athleteId: row.athlete_id,
    kind: row.kind,
    at: iso(row.at),
    value: row.value,
    createdAt: iso(row.created_at),
    replaces: row.replaces,
  };
}

const viewStep = (row: FeedbackStepModel): StoredStep => ({
  id: row.id,
  target: row.target,
  position: row.position,
  lessonId: row.lessonId,
  label: (row.lesson as unknown as { readonly label: number }).label,
  outcomeIds: row.outcomeIds,
  knownUs: Number(row.knownUs),
  methodVersion: row.methodVersion,
  populationVersion: row.populationVersion,
  lessons: row.lessons,
  interceptOnly: row.interceptOnly as unknown as StoredStep['interceptOnly'],
  personal: row.personal as unknown as StoredStep['personal'],
  judged: row.judged as unknown as StoredStep['judged'],
  reason: row.reason,
  learnedAt: iso(row.learnedAt),
  undone: row.undoneAt === null ? null : { at: iso(row.undoneAt), by: row.undoneBy ?? '', reason: row.undoneReason ?? '' },
});

/** Everything learned after the step was learned with it: those steps go, and the next job learns them again without it. */
async function undoStep(
  client: pg.PoolClient,
  athleteId: string,
  stepId: string,
  { by, reason }: { readonly by: string; readonly reason: string },
  check: (target: string) => void,
): Promise<boolean> {
  await lockDaily(client, athleteId);
  const { rows } = await client.query<{ target: string; position: number; undone: boolean }>(
    'SELECT target, position, undone_at IS NOT NULL AS undone FROM feedback_step WHERE id = $1 AND athlete_id = $2',
    [stepId, athleteId],
  );
  const [step] = rows;
  if (step === undefined) return false;
  check(step.target);
  if (step.undone) throw new KinewatchError('already-undone', 'The step was undone before: a correction of its outcome brings it back');
  await client.query('UPDATE feedback_step SET undone_at = now(), undone_by = $2, undone_reason = $3 WHERE id = $1', [stepId, by, reason]);
  await client.query('DELETE FROM feedback_step WHERE athlete_id = $1 AND target = $2 AND position > $3 AND undone_at IS NULL', [
    athleteId,
    step.target,
    step.position,
  ]);
  await client.query('INSERT INTO daily_work AS w (athlete_id) VALUES ($1) ON CONFLICT (athlete_id) DO UPDATE SET marks = w.marks + 1', [
    athleteId,
  ]);
  return true;
}

async function readStanding(pool: pg.Pool, athleteId: string): Promise<Standing[]> {
  const { rows } = await pool.query<{
    target: string;
    steps: number;
    known_us: string;
    intercept_only: Standing['last']['interceptOnly'];
    personal: Standing['last']['personal'];
    population_version: string;
    method_version: string;
    mean_loss: Standing['meanLoss'];
    verdict: Standing['verdict'];
  }>(
    `SELECT DISTINCT ON (s.target) s.target, s.position + 1 AS steps, s.known_us, s.intercept_only, s.personal, s.population_version, s.method_version, v.verdict,
       (SELECT json_build_object('population', avg((j.judged->'loss'->>'population')::float8), 'interceptOnly', avg((j.judged->'loss'->>'interceptOnly')::float8),
          'personal', avg((j.judged->'loss'->>'personal')::float8))
        FROM feedback_step j WHERE j.athlete_id = s.athlete_id AND j.target = s.target AND j.undone_at IS NULL) AS mean_loss
     FROM feedback_step s JOIN athlete a ON a.id = s.athlete_id LEFT JOIN feedback_verdict v ON v.team_id = a.team_id AND v.target = s.target
     WHERE s.athlete_id = $1 AND s.undone_at IS NULL ORDER BY s.target, s.position DESC`,
    [athleteId],
  );
  return rows.map((row) => ({
    target: row.target,
    steps: row.steps,
    last: {
      knownUs: Number(row.known_us),
      interceptOnly: row.intercept_only,
      personal: row.personal,
      populationVersion: row.population_version,
      methodVersion: row.method_version,
    },
    meanLoss: row.mean_loss,
    verdict: row.verdict,
  }));
}

async function readVerdicts(pool: pg.Pool, teamId: string): Promise<StoredVerdict[]> {
  const { rows } = await pool.query<{
    target: string;
    verdict: StoredVerdict['verdict'];
    judged_at: Date;
    version: string | null;
    sessions: number;
    athletes: number;
    created_at: Date;
  }>(
    `SELECT v.target, v.verdict, v.judged_at, p.version, p.sessions, p.athletes, p.created_at FROM feedback_verdict v
     LEFT JOIN feedback_population p ON p.team_id = v.team_id AND p.target = v.target AND p.model_version = (SELECT version FROM model WHERE status = 'active')
     WHERE v.team_id = $1 ORDER BY v.target`,
    [teamId],
  );
  return rows.map((row) => ({
    target: row.target,
    verdict: row.verdict,
    judgedAt: iso(row.judged_at),
    population:
      row.version === null ? null : { version: row.version, sessions: row.sessions, athletes: row.athletes, fittedAt: iso(row.created_at) },
  }));
}

async function readTeamMetrics(client: Client, teamId: string, name: string | null): Promise<StoredMetric[]> {
  const { rows } = await client.query<Omit<StoredMetric, 'updatedAt'> & { readonly updatedAt: Date }>(
    `SELECT name, unit, smallest_worthwhile_change AS "smallestWorthwhileChange", reference, higher_is_better AS "higherIsBetter",
       updated_at AS "updatedAt", updated_by AS "updatedBy"
     FROM performance_metric WHERE team_id = $1 AND ($2::text IS NULL OR name = $2) ORDER BY name`,
    [teamId, name],
  );
  return rows.map((row) => ({ ...row, updatedAt: iso(row.updatedAt) }));
}

/** Labels of a metric are counted from its reference in its smallest worthwhile changes: with another of them the head and every step are made anew. */
async function writeMetric(client: pg.PoolClient, teamId: string, metric: PerformanceMetric, by: string): Promise<void> {
  const { name, unit, smallestWorthwhileChange, reference, higherIsBetter } = metric;
  await client.query(
    `INSERT INTO performance_metric (team_id, name, unit, smallest_worthwhile_change, reference, higher_is_better, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (team_id, name) DO UPDATE SET unit = excluded.unit, smallest_worthwhile_change = excluded.smallest_worthwhile_change,
       reference = excluded.reference, higher_is_better = excluded.higher_is_better, updated_by = excluded.updated_by, updated_at = now()`,
    [teamId, name, unit, smallestWorthwhileChange, reference, higherIsBetter, by],
  );
  await client.query('DELETE FROM feedback_population WHERE team_id = $1 AND target = $2', [teamId, `performance:${name}`]);
  await client.query('UPDATE daily_work w SET marks = marks + 1 FROM athlete a WHERE a.id = w.athlete_id AND a.team_id = $1', [teamId]);
}

async function readSquadDays(
  pool: pg.Pool,
  teamId: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<SquadDays> {
  const { rows: days } = await pool.query<{ athlete_id: string; last_day: string | null; day: string; probability: number }>(
    `SELECT h.athlete_id, CASE WHEN a.active THEN NULL ELSE w.done_day::text END AS last_day, h.day::text AS day, h.probability
     FROM daily_hazard h JOIN athlete a ON a.id = h.athlete_id LEFT JOIN daily_work w ON w.athlete_id = a.id
     WHERE a.team_id = $1 AND h.day BETWEEN $2 AND $3 AND h.probability IS NOT NULL AND h.model_version = (SELECT version FROM model WHERE status = 'active')
     ORDER BY h.athlete_id, h.day`,
    [teamId, from, to],
  );
  const ids = [...new Set(days.map((row) => row.athlete_id))];
  const [injuries, outcomes, learned, plans] = await Promise.all([
    readInjuries(pool, ids),
    readOutcomes(pool, ids, ['injury']),
    readLearned(pool, ids),
    readAcceptedPlans(pool, ids),
  ]);
  return {
    timeZone: (await timeZoneOf(pool, teamId, teamId)) ?? 'UTC',
    serves: await readServes(pool, teamId),
    athletes: ids.map((athleteId) => {
      const own = days.filter((row) => row.athlete_id === athleteId);
      return {
        athleteId,
        lastDay: own[0]?.last_day ?? null,
        days: own.map(({ day, probability }) => ({ day, probability })),
        injuries: injuries.get(athleteId) ?? [],
        outcomes: outcomes.filter((row) => row.athlete_id === athleteId).map(storedOf),
        plans: plans.get(athleteId) ?? [],
        learned: learned.get(athleteId) ?? [],
      };
    }),
  };
}

export function createFeedbackRepository(prisma: PrismaClient, pool: pg.Pool): FeedbackRepository {
  return {
    record: (team, athleteId, sessionId, admit) =>
      inTransaction<Outcome | null>(pool, async (client) => {
        if (!(await isVisible(client, team, athleteId))) return new Rollback(null);
        await lockDaily(client, athleteId);
        const admitted = admit(await readContext(client, athleteId, sessionId));
        if ('existing' in admitted) return readOutcome(client, admitted.existing);
        const id = randomUUID();
        const { kind, at, value, replaces } = admitted;
        await client.query('INSERT INTO outcome (id, athlete_id, kind, at, value, replaces) VALUES ($1, $2, $3, $4, $5, $6)', [
          id,
          athleteId,
          kind,
          at.toISOString(),
          JSON.stringify(value),
          replaces,
        ]);
        return readOutcome(client, id);
      }),
    standing: async (team, athleteId) => ((await isVisible(pool, team, athleteId)) ? readStanding(pool, athleteId) : null),
    steps: (athleteId, { only, but }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.feedbackStep.findMany({
            where: { athleteId, ...(only === undefined ? {} : { target: only }), ...(but === undefined ? {} : { NOT: { target: but } }) },
            orderBy: [{ knownUs: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        viewStep,
      ),
    async undo(athleteId, stepId, why, check) {
      if (!(await inTransaction(pool, (client) => undoStep(client, athleteId, stepId, why, check)))) return null;
      return viewStep(await prisma.feedbackStep.findUniqueOrThrow({ where: { id: stepId } }));
    },
    verdicts: async (team, teamId) => ((await timeZoneOf(pool, team, teamId)) === null ? null : readVerdicts(pool, teamId)),
    metrics: async (team, teamId) => ((await timeZoneOf(pool, team, teamId)) === null ? null : readTeamMetrics(pool, teamId, null)),
    putMetric: (team, teamId, metric, by) =>
      inTransaction<StoredMetric | null>(pool, async (client) => {
        if ((await timeZoneOf(client, team, teamId)) === null) return new Rollback(null);
        await writeMetric(client, teamId, metric, by);
        return (await readTeamMetrics(client, teamId, metric.name))[0] ?? null;
      }),
    timeZone: (team, teamId) => timeZoneOf(pool, team, teamId),
    squadDays: (teamId, range) => readSquadDays(pool, teamId, range),
  };
}
