/** What people do with an alert, in one transaction: its row, its history, a new normal, and what the live stream and webhooks are told. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { KinewatchError } from '../contracts/errors.ts';
import type { AlertChanged } from '../contracts/events.ts';
import type { AlertRepository, TeamScope } from '../rest/ports.ts';
import { tell } from './live-events.ts';
import { us } from './sql-json.ts';
import { atUs } from './stamps.ts';
import { inTransaction } from './transaction.ts';

type AlertValue = Parameters<Parameters<AlertRepository['change']>[2]>[0];
type Entry = AlertValue['history'][number];

interface LockedAlert {
  readonly teamId: string;
  /** End of the newest window that ASMS applied for the athlete; null: none. */
  readonly appliedUs: number | null;
  readonly value: AlertValue;
}

interface AlertRow extends Omit<AlertValue, 'history' | 'alertId'> {
  readonly teamId: string;
}

interface EventRow {
  readonly atUs: string;
  readonly change: string;
  readonly by: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/**
 * ASMS locks its state before it touches an alert: so does whoever changes one, which also keeps the athlete's windows still until the commit. Null: no such
 * alert in the team.
 */
async function lockAlert(client: pg.PoolClient, team: TeamScope, id: string): Promise<LockedAlert | null> {
  const applied = await client.query<{ appliedUs: string | null }>(
    `SELECT s.state->'latest'->>'endUs' AS "appliedUs" FROM asms_state s
     WHERE s.athlete_id = (SELECT athlete_id FROM alert WHERE id = $1 AND ($2::uuid IS NULL OR team_id = $2)) FOR UPDATE`,
    [id, team],
  );
  const { rows } = await client.query<Record<keyof AlertRow, string | null>>(
    `SELECT team_id AS "teamId", athlete_id AS "athleteId", type, severity, ${us('raised_at')} AS "raisedUs", ${us('cleared_at')} AS "clearedUs",
       acknowledged_by AS "acknowledgedBy", assigned_to AS "assignedTo", ${us('snoozed_until')} AS "snoozedUntilUs", outcome, injury_id AS "injuryId"
     FROM alert WHERE id = $1 AND ($2::uuid IS NULL OR team_id = $2) FOR UPDATE`,
    [id, team],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const events = await client.query<EventRow>(
    `SELECT ${us('at')} AS "atUs", change, by, detail FROM alert_event WHERE alert_id = $1 ORDER BY at, recorded_at`,
    [id],
  );
  const number = (text: string | null): number | null => (text === null ? null : Number(text));
  return {
    teamId: row.teamId ?? '',
    appliedUs: number(applied.rows[0]?.appliedUs ?? null),
    value: {
      alertId: id,
      athleteId: row.athleteId ?? '',
      type: row.type as AlertValue['type'],
      severity: row.severity as AlertValue['severity'],
      raisedUs: Number(row.raisedUs),
      clearedUs: number(row.clearedUs),
      acknowledgedBy: row.acknowledgedBy,
      assignedTo: row.assignedTo,
      snoozedUntilUs: number(row.snoozedUntilUs),
      outcome: row.outcome as AlertValue['outcome'],
      injuryId: row.injuryId,
      history: events.rows.map(({ atUs, change, by, detail }) => ({ ...detail, atUs: Number(atUs), change, by }) as unknown as Entry),
    },
  };
}

/** An entry without what has a column of its own; a snooze's end as people read it. */
function detailOf(entry: Entry): Record<string, unknown> {
  const { atUs: _at, change: _change, ...rest } = entry;
  const { by: _by, untilUs, ...detail } = rest as Readonly<Record<string, unknown>>;
  return typeof untilUs === 'number' ? { until: new Date(untilUs / 1_000).toISOString(), ...detail } : detail;
}

const noteOf = (entry: Entry | undefined): string | null => {
  const note = entry !== undefined && 'note' in entry ? entry.note : undefined;
  return note === undefined || note === '' ? null : note;
};

const byOf = (entry: Entry): string | null => ('by' in entry ? entry.by : null);

async function writeAlert(client: pg.PoolClient, before: AlertValue, after: AlertValue, entries: readonly Entry[]): Promise<void> {
  const last = entries.at(-1);
  const closing = after.outcome !== null && before.outcome === null;
  const concluded = entries.some(({ change }) => change === 'closed' || change === 'outcome-corrected');
  await client.query(
    `UPDATE alert SET cleared_at = ${atUs('$2')}, acknowledged_by = $3, snoozed_until = ${atUs('$4')}, assigned_to = $5, outcome = $6, injury_id = $7,
       acknowledged_at = CASE WHEN $3::text IS NULL THEN NULL ELSE coalesce(acknowledged_at, ${atUs('$8')}) END,
       closed_at = CASE WHEN $9 THEN ${atUs('$8')} ELSE closed_at END, closed_by = CASE WHEN $9 THEN $10 ELSE closed_by END,
       outcome_note = CASE WHEN $11 THEN $12 ELSE outcome_note END
     WHERE id = $1`,
    [
      after.alertId,
      after.clearedUs,
      after.acknowledgedBy,
      after.snoozedUntilUs,
      after.assignedTo,
      after.outcome,
      after.injuryId,
      last?.atUs ?? after.raisedUs,
      closing,
      last === undefined ? null : byOf(last),
      concluded,
      noteOf(last),
    ],
  );
}

async function requireOwnInjury(client: pg.PoolClient, { injuryId, athleteId }: AlertValue): Promise<void> {
  if (injuryId === null) return;
  const { rowCount } = await client.query('SELECT 1 FROM injury WHERE id = $1 AND athlete_id = $2 FOR KEY SHARE', [injuryId, athleteId]);
  if (rowCount === 0)
    throw new KinewatchError('unknown-reference', `The athlete has no injury ${injuryId}: record it first, or name one of the athlete's`);
}

/**
 * A new normal begins after the newest window applied, so that a replay applies it where it was applied. One that is taken back goes only where no window
 * has been judged by it. Says what was done with it.
 */
async function writeNewNormal(
  client: pg.PoolClient,
  { value: before, appliedUs }: LockedAlert,
  after: AlertValue,
  entry: Entry,
): Promise<Record<string, unknown>> {
  const [was, is] = [before.outcome === 'new-normal', after.outcome === 'new-normal'];
  if (was === is) return {};
  if (is) {
    const fromUs = Math.max(entry.atUs, (appliedUs ?? 0) + 1);
    await client.query(`INSERT INTO new_normal (id, athlete_id, alert_id, at, by) VALUES ($1, $2, $3, ${atUs('$4')}, $5)`, [
      randomUUID(),
      after.athleteId,
      after.alertId,
      fromUs,
      byOf(entry) ?? '',
    ]);
    return { newNormal: 'begins', newNormalFrom: new Date(fromUs / 1_000).toISOString() };
  }
  const { rowCount } = await client.query(`DELETE FROM new_normal WHERE alert_id = $1 AND at > ${atUs('$2')}`, [
    after.alertId,
    appliedUs ?? 0,
  ]);
  return { newNormal: rowCount === 0 ? 'kept: windows have been judged by it' : 'withdrawn' };
}

const EVENT_OF: Readonly<Partial<Record<Entry['change'], AlertChanged['type']>>> = {
  acknowledged: 'alert.acknowledged',
  snoozed: 'alert.snoozed',
  assigned: 'alert.assigned',
  closed: 'alert.closed',
  'outcome-corrected': 'alert.outcome-corrected',
};

/** What is told of the change; an alert that closing ends is told to be cleared first, for those who follow what is open. */
function eventsOf({ teamId, value: before }: LockedAlert, after: AlertValue, entries: readonly Entry[]): AlertChanged[] {
  const { alertId, athleteId, type: alertType, severity } = after;
  const event = (type: AlertChanged['type'], us: number): AlertChanged => ({
    type,
    alertId,
    athleteId,
    teamId,
    alertType,
    severity,
    at: new Date(us / 1_000).toISOString(),
  });
  const ended = before.clearedUs === null && after.clearedUs !== null ? [event('alert.cleared', after.clearedUs)] : [];
  return [
    ...ended,
    ...entries.flatMap(({ change, atUs }) => {
      const type = EVENT_OF[change];
      return type === undefined ? [] : [event(type, atUs)];
    }),
  ];
}

async function writeEvent(
  client: pg.PoolClient,
  alertId: string,
  event: { readonly atUs: number; readonly change: string; readonly by: string | null; readonly detail: object },
): Promise<void> {
  await client.query(`INSERT INTO alert_event (id, alert_id, at, change, by, detail) VALUES ($1, $2, ${atUs('$3')}, $4, $5, $6)`, [
    randomUUID(),
    alertId,
    event.atUs,
    event.change,
    event.by,
    JSON.stringify(event.detail),
  ]);
}

/** AlertRepository.change, but for the row that it answers with. False: no such alert. */
export const changeStoredAlert = (
  pool: pg.Pool,
  team: TeamScope,
  id: string,
  decide: Parameters<AlertRepository['change']>[2],
): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    const held = await lockAlert(client, team, id);
    if (held === null) return false;
    const { value: before } = held;
    const after = decide(before, Math.max(Date.now() * 1_000, before.history.at(-1)?.atUs ?? before.raisedUs));
    if (after === before) return true;
    const entries = after.history.slice(before.history.length);
    await requireOwnInjury(client, after);
    await writeAlert(client, before, after, entries);
    for (const entry of entries) {
      const detail = { ...detailOf(entry), ...(await writeNewNormal(client, held, after, entry)) };
      await writeEvent(client, id, { atUs: entry.atUs, change: entry.change, by: byOf(entry), detail });
    }
    await tell(client, eventsOf(held, after, entries));
    return true;
  });

/** AlertRepository.rate, but for the row that it answers with. False: no such alert. */
export const rateStoredAlert = (
  pool: pg.Pool,
  team: TeamScope,
  id: string,
  { keyId, rater, rating, note }: Parameters<AlertRepository['rate']>[2],
): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    // The alert's row is locked: of two ratings of one key at once the second sees the first.
    const alert = await client.query('SELECT 1 FROM alert WHERE id = $1 AND ($2::uuid IS NULL OR team_id = $2) FOR UPDATE', [id, team]);
    if (alert.rowCount === 0) return false;
    const { rows } = await client.query<{ rating: number; note: string | null }>(
      'SELECT rating, note FROM alert_rating WHERE alert_id = $1 AND key_id = $2',
      [id, keyId],
    );
    const [earlier] = rows;
    if (earlier !== undefined && earlier.rating === rating && earlier.note === note) return true;
    const nowUs = Date.now() * 1_000;
    await client.query(
      `INSERT INTO alert_rating (id, alert_id, key_id, rater, rating, note, at) VALUES ($1, $2, $3, $4, $5, $6, ${atUs('$7')})
       ON CONFLICT (alert_id, key_id) DO UPDATE SET rater = excluded.rater, rating = excluded.rating, note = excluded.note, at = excluded.at`,
      [randomUUID(), id, keyId, rater, rating, note, nowUs],
    );
    const detail = { rating, ...(note === null ? {} : { note }), ...(earlier === undefined ? {} : { before: earlier.rating }) };
    await writeEvent(client, id, { atUs: nowUs, change: 'rated', by: rater, detail });
    return true;
  });
