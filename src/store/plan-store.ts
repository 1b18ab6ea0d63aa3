/** Plans and all that they are made from. A plan commits with its recommendation, its event and what it supersedes. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { LIVE_CHANNEL, type RecommendationMade } from '../contracts/events.ts';
import type { NewPlan, PlanSeen, PlanStore, PlanTrigger } from '../plan/ports.ts';
import { readPlan } from './stored-plans.ts';
import { inTransaction } from './transaction.ts';
import { queueDeliveries } from './webhook-outbox.ts';
import { rowsOf, us } from './sql-json.ts';

type Facts = NonNullable<Awaited<ReturnType<PlanStore['facts']>>>['facts'];

const HISTORY_DAYS = 402;
/** Plans older than this have no effect left that counts. */
const PLAN_DAYS = 90;
/** (chosen) A trigger waits this long after the last try: an alert that comes and goes does not plan again and again. */
const DEBOUNCE_MINUTES = 10;
const REPLAN_DAYS = 7;
/** What could not be planned is tried again a day later: a day's load may have come. */
const RETRY_DAYS = 1;
/** Alternatives that fail this often are given up. */
const MOST_TRIES = 3;

const PLANNED_LOAD = `to_char(day, 'YYYY-MM-DD') AS day, load, minimum, maximum, is_match AS "isMatch"`;
/** Days since $3 on which a match of the athlete's began, by the team's clock. */
const MATCH_DAYS = `ARRAY(SELECT DISTINCT to_char(started_at AT TIME ZONE t.time_zone, 'YYYY-MM-DD') FROM session
    WHERE athlete_id = a.id AND started_at >= $3 AND coalesce(exposure, type) = 'match')`;
const NEWEST_LIMITS = (where: string, kind: string): string =>
  `(SELECT value FROM plan_limits WHERE ${where} AND kind = '${kind}' ORDER BY version DESC LIMIT 1)`;

/** Red alerts open now, and where the athlete stands on the way back: what makes a plan due when it changes. `a` is the athlete. */
const SEEN_ALERTS = `(SELECT coalesce(array_agg(l.id ORDER BY l.id), '{}') FROM alert l WHERE l.athlete_id = a.id AND l.severity = 'red' AND l.cleared_at IS NULL)`;
const SEEN_STAGES = `coalesce((SELECT string_agg(r.injury_id || ' ' || (r.state->>'phase') || ' ' || (r.state->>'stage'), ', ' ORDER BY r.injury_id) FROM return_to_play r WHERE r.athlete_id = a.id), '')`;

/** The newest version of each entry of the team, or else of everybody; retired ones are left out. */
const CATALOGUE = `SELECT entry_id AS "entryId", version, entry || jsonb_build_object('id', entry_id) AS entry FROM (
    SELECT DISTINCT ON (entry_id) entry_id, version, entry, retired FROM catalogue_entry WHERE team_id IS NULL OR team_id = a.team_id
    ORDER BY entry_id, team_id NULLS LAST, version DESC) AS newest WHERE NOT retired ORDER BY entry_id`;

const FACTS = `SELECT a.id AS "athleteId", a.team_id AS "teamId", t.time_zone AS "timeZone",
  ${rowsOf(`SELECT id, ${us('at')} AS "atUs", value FROM outcome WHERE athlete_id = a.id AND kind = 'session-rpe' AND at >= $3 ORDER BY at, created_at, id`)} AS ratings,
  ${rowsOf(`SELECT id, ${us('started_at')} AS "startUs" FROM session WHERE athlete_id = a.id AND started_at >= $3 ORDER BY started_at, id`)} AS sessions,
  ${MATCH_DAYS} AS "matchDays",
  json_build_object(
    'athlete', ${rowsOf(`SELECT ${PLANNED_LOAD} FROM planned_load WHERE athlete_id = a.id AND day >= $4`)},
    'team', ${rowsOf(`SELECT ${PLANNED_LOAD} FROM planned_load WHERE team_id = a.team_id AND athlete_id IS NULL AND day >= $4`)}) AS "plannedLoads",
  json_build_object(
    'athlete', coalesce(${NEWEST_LIMITS('athlete_id = a.id', 'limits')}, '{}'),
    'team', coalesce(${NEWEST_LIMITS('team_id = a.team_id AND athlete_id IS NULL', 'limits')}, '{}')) AS limits,
  coalesce(${NEWEST_LIMITS('athlete_id = a.id', 'conditions')}, '[]') AS conditions,
  ${rowsOf(CATALOGUE)} AS catalogue,
  (SELECT json_build_object('day', to_char(h.day, 'YYYY-MM-DD'), 'modelVersion', h.model_version, 'probability', h.probability, 'notEnoughData', h.not_enough_data)
    FROM daily_hazard h WHERE h.athlete_id = a.id ORDER BY h.day DESC, h.computed_at DESC LIMIT 1) AS hazard,
  (SELECT m.hazard FROM model m WHERE m.status = 'active') AS "hazardText",
  ${rowsOf(`SELECT i.id AS "injuryId", i.region, ${us('i.onset_at')} AS "onsetUs", i.time_loss_days AS "timeLossDays",
      s.state #> ARRAY['recovery', 'injuries', i.id::text] AS recovery,
      (SELECT r.state FROM return_to_play r WHERE r.injury_id = i.id) AS returning,
      (SELECT p.protocol FROM return_to_play r JOIN return_protocol p ON p.team_id = a.team_id AND p.version = r.protocol_version WHERE r.injury_id = i.id) AS protocol
    FROM injury i LEFT JOIN asms_state s ON s.athlete_id = i.athlete_id
    WHERE i.athlete_id = a.id AND i.cleared_at IS NULL ORDER BY i.onset_at, i.id`)} AS injuries,
  ${rowsOf(`SELECT p.id AS "planId", to_char(p.first_day, 'YYYY-MM-DD') AS "firstDay", coalesce(p.decision, p.outcome)->'decision'->'levels' AS levels,
      jsonb_path_query_array(p.problem, '$.interventions[*]') AS interventions, jsonb_array_length(p.problem->'days') AS horizon
    FROM plan p WHERE p.athlete_id = a.id AND p.status IN ('accepted', 'changed') AND p.last_day >= $5 ORDER BY p.decided_at, p.id`)} AS accepted,
  ${rowsOf(`SELECT to_char(day, 'YYYY-MM-DD') AS day, intervention_id AS "interventionId", share FROM dose_done WHERE athlete_id = a.id AND day >= $5`)} AS done,
  ${SEEN_ALERTS} AS "seenAlerts", ${SEEN_STAGES} AS "seenStages"
  FROM athlete a JOIN team t ON t.id = a.team_id WHERE a.id = $1 AND a.active AND ($2::uuid IS NULL OR a.team_id = $2)`;

interface AcceptedRow {
  readonly planId: string;
  readonly firstDay: string;
  readonly horizon: number;
  readonly levels: readonly (readonly number[])[];
  readonly interventions: readonly { readonly id: string; readonly doseLevels: number }[];
}

interface FactsRow extends Omit<Facts, 'accepted'> {
  readonly accepted: readonly AcceptedRow[];
  readonly seenAlerts: readonly string[];
  readonly seenStages: string;
}

const DAY_MS = 86_400_000;
const dayAfter = (day: string, count: number): string => new Date(Date.parse(day) + count * DAY_MS).toISOString().slice(0, 10);
const daysBefore = (at: Date, days: number): Date => new Date(at.getTime() - days * DAY_MS);

function acceptedOf({ planId, firstDay, horizon, levels, interventions }: AcceptedRow): Facts['accepted'][number] {
  const days = Array.from({ length: horizon }, (_, d) => dayAfter(firstDay, d));
  return {
    planId,
    days,
    doses: interventions.flatMap(({ id, doseLevels }, m) =>
      days.flatMap((day, d) => {
        const level = levels[m]?.[d] ?? 0;
        return level > 0 ? [{ day, interventionId: id, share: level / doseLevels }] : [];
      }),
    ),
  };
}

const textOf = (sentences: readonly string[]): string => sentences.join(' ');

export function createPlanStore(pool: pg.Pool): PlanStore {
  /** Athletes that are due at $1, and why; `where` narrows them. */
  const due = async (at: Date, where: string, values: readonly unknown[], limit: number) => {
    const found = await pool.query<{ id: string; trigger: PlanTrigger }>(
      `SELECT a.id, CASE
           WHEN n.at IS NULL THEN 'weekly'
           WHEN NOT ${SEEN_ALERTS} <@ n.seen_alerts THEN 'alert'
           WHEN ${SEEN_STAGES} <> n.seen_stages THEN 'stage' ELSE 'weekly' END AS trigger
       FROM athlete a LEFT JOIN plan_attempt n ON n.athlete_id = a.id
       WHERE a.active AND ${where} AND (n.at IS NULL OR (n.at <= $1::timestamptz - interval '${DEBOUNCE_MINUTES} minutes' AND (
         n.at <= $1::timestamptz - interval '${REPLAN_DAYS} days' OR (n.refusal IS NOT NULL AND n.at <= $1::timestamptz - interval '${RETRY_DAYS} days')
         OR NOT ${SEEN_ALERTS} <@ n.seen_alerts OR ${SEEN_STAGES} <> n.seen_stages)))
       ORDER BY n.at NULLS FIRST, a.id LIMIT ${limit}`,
      [at, ...values],
    );
    return found.rows;
  };

  return {
    facts: async (team, athleteId, at) => {
      const found = await pool.query<FactsRow>(FACTS, [
        athleteId,
        team,
        daysBefore(at, HISTORY_DAYS),
        daysBefore(at, 2),
        daysBefore(at, PLAN_DAYS),
      ]);
      const [row] = found.rows;
      if (row === undefined) return null;
      const { seenAlerts, seenStages, accepted, ...facts } = row;
      return { facts: { ...facts, accepted: accepted.map(acceptedOf) }, seen: { alerts: seenAlerts, stages: seenStages } };
    },
    dueFor: async (athleteId, at) => (await due(at, 'a.id = $2', [athleteId], 1))[0]?.trigger ?? null,
    athletesToPlan: async (at, limit) => (await due(at, 'true', [], limit)).map(({ id }) => id),
    save: (plan) => inTransaction(pool, (client) => savePlan(client, plan)),
    refuse: async ({ athleteId, seen, trigger, at, refusal }) => {
      await writeAttempt(pool, athleteId, seen, trigger, at, refusal);
    },
    takeForAlternatives: async (planId) => {
      const taken = await pool.query(
        `UPDATE plan SET alternatives_tries = alternatives_tries + 1
         WHERE id = $1 AND alternatives IS NULL AND alternatives_tries < ${MOST_TRIES} AND status <> 'superseded'`,
        [planId],
      );
      if (taken.rowCount === 0) return null;
      return readPlan(pool, { team: null, athleteId: null, planId });
    },
    plansWithoutAlternatives: async (limit) => {
      const found = await pool.query<{ id: string }>(
        `SELECT id FROM plan WHERE alternatives IS NULL AND alternatives_tries < ${MOST_TRIES} AND status <> 'superseded' AND last_day >= current_date - 1
         ORDER BY created_at LIMIT $1`,
        [limit],
      );
      return found.rows.map(({ id }) => id);
    },
    saveAlternatives: (planId, alternatives, { sentences }) =>
      inTransaction(pool, async (client) => {
        await client.query('UPDATE plan SET alternatives = $2 WHERE id = $1', [planId, JSON.stringify(alternatives)]);
        await client.query('UPDATE recommendation SET rationale = $2 WHERE id = (SELECT recommendation_id FROM plan WHERE id = $1)', [
          planId,
          textOf(sentences),
        ]);
      }),
    get: (team, athleteId, planId) => readPlan(pool, { team, athleteId, planId }),
    decide: (planId, { status, by, at, reason, changed }) =>
      inTransaction(pool, async (client) => {
        // The status in the condition: of two decisions at once one wins.
        const decided = await client.query<{ recommendation_id: string }>(
          `UPDATE plan SET status = $2, decided_by = $3, decided_at = $4, reason = $5, decision = $6 WHERE id = $1 AND status = 'proposed'
           RETURNING recommendation_id`,
          [planId, status, by, at, reason, changed === null ? null : JSON.stringify(changed)],
        );
        const [row] = decided.rows;
        if (row === undefined) return false;
        await client.query('UPDATE recommendation SET status = $2, decided_by = $3, decided_at = $4, decision_note = $5 WHERE id = $1', [
          row.recommendation_id,
          status,
          by,
          at,
          reason,
        ]);
        return true;
      }),
  };
}

async function savePlan(
  client: pg.PoolClient,
  made: NewPlan,
): Promise<{ readonly planId: string; readonly deliveryIds: readonly string[] }> {
  const { athleteId, teamId } = made.facts;
  const [planId, recommendationId] = [randomUUID(), randomUUID()];
  // The attempt's row is the athlete's lock: of two plans at once the second waits, and supersedes the first.
  await writeAttempt(client, athleteId, made.seen, made.trigger, made.at, null);
  await client.query(`UPDATE plan SET status = 'superseded' WHERE athlete_id = $1 AND status = 'proposed'`, [athleteId]);
  await client.query(`UPDATE recommendation SET status = 'superseded' WHERE athlete_id = $1 AND status = 'proposed'`, [athleteId]);
  await client.query(
    `INSERT INTO recommendation (id, athlete_id, kind, title, rationale, evidence, method_version) VALUES ($1, $2, 'plan', $3, $4, $5, $6)`,
    [
      recommendationId,
      athleteId,
      made.text.title,
      textOf(made.text.sentences),
      JSON.stringify({ planId, firstDay: made.days[0], lastDay: made.days.at(-1), trigger: made.trigger }),
      made.sources.method,
    ],
  );
  await client.query(
    `INSERT INTO plan (id, athlete_id, recommendation_id, first_day, last_day, problem, sources, outcome, method_version, hazard_version, trigger, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      planId,
      athleteId,
      recommendationId,
      made.days[0],
      made.days.at(-1),
      JSON.stringify(made.problem),
      JSON.stringify(made.sources),
      JSON.stringify(made.plan),
      made.sources.method,
      made.sources.hazard.modelVersion,
      made.trigger,
      made.at,
    ],
  );
  const event: RecommendationMade = { type: 'recommendation.created', recommendationId, athleteId, teamId, at: made.at.toISOString() };
  await client.query('SELECT pg_notify($1, $2)', [LIVE_CHANNEL, JSON.stringify(event)]);
  return { planId, deliveryIds: await queueDeliveries(client, event) };
}

async function writeAttempt(
  on: pg.Pool | pg.PoolClient,
  athleteId: string,
  seen: PlanSeen,
  trigger: PlanTrigger,
  at: Date,
  refusal: object | null,
): Promise<void> {
  await on.query(
    `INSERT INTO plan_attempt (athlete_id, at, trigger, seen_alerts, seen_stages, refusal) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (athlete_id) DO UPDATE SET at = excluded.at, trigger = excluded.trigger, seen_alerts = excluded.seen_alerts,
       seen_stages = excluded.seen_stages, refusal = excluded.refusal`,
    [athleteId, at, trigger, seen.alerts, seen.stages, refusal === null ? null : JSON.stringify(refusal)],
  );
}
