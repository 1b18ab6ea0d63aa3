/**
 * Who is told of what, team by team, each in one transaction: common causes found, notices sent or held back, what the live stream and webhooks are told.
 * The team's row is locked, so that one process at a time decides for it; alerts that someone is changing right now are left to the next round.
 */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { AlertSeverity, AlertType, CommonCauseRaised, NoticeSent } from '../contracts/events.ts';
import type { NoticeRules, NoticeStore, SettledNotices } from '../queue/ports.ts';
import { tell } from './live-events.ts';
import { us } from './sql-json.ts';
import { atUs } from './stamps.ts';
import { inTransaction } from './transaction.ts';

/** BOUNDED (chosen): alerts a round and what is held back for one recipient; the oldest first, the next round takes the next. */
const ALERTS = 1_000;
const HELD = 500;
/** Sent notices that can count against a day's budget: a day of a team's calendar has 25 hours at most. */
const COUNTED_HOURS = 26;

const NOTHING: SettledNotices = { sent: 0, commonCauses: 0, deliveryIds: [] };

/** What a notice is about: an alert, or a common cause. */
interface Subject {
  readonly id: string;
  readonly isCause: boolean;
  readonly athleteId: string | null;
  readonly type: AlertType;
  readonly severity: AlertSeverity;
  readonly raisedUs: number;
  readonly snoozedUntilUs: number | null;
  readonly clearedUs: number | null;
  readonly commonCauseId: string | null;
}

interface SubjectRow {
  readonly id: string;
  readonly athlete_id: string | null;
  readonly type: string;
  readonly severity: string;
  readonly raised_us: string;
  readonly snoozed_us: string | null;
  readonly cleared_us: string | null;
  readonly common_cause_id: string | null;
}

interface RecipientRow {
  readonly id: string;
  readonly min_severity: string;
  readonly daily_budget: number;
  readonly quiet_from_minute: number | null;
  readonly quiet_to_minute: number | null;
}

const number = (text: string | null): number | null => (text === null ? null : Number(text));

const subjectOf = (row: SubjectRow, isCause: boolean): Subject => ({
  id: row.id,
  isCause,
  athleteId: row.athlete_id,
  type: row.type as AlertType,
  severity: row.severity as AlertSeverity,
  raisedUs: Number(row.raised_us),
  snoozedUntilUs: number(row.snoozed_us),
  clearedUs: number(row.cleared_us),
  commonCauseId: row.common_cause_id,
});

const ALERT_FIELDS = `a.id, a.athlete_id, a.type, a.severity, ${us('a.raised_at')} AS raised_us, ${us('a.snoozed_until')} AS snoozed_us,
  ${us('a.cleared_at')} AS cleared_us, a.common_cause_id`;
/** A common cause is over when every alert beneath it is. */
const CAUSE_FIELDS = `c.id, NULL AS athlete_id, c.type, c.severity, ${us('c.raised_at')} AS raised_us, NULL AS snoozed_us, NULL AS common_cause_id,
  (SELECT CASE WHEN bool_and(b.cleared_at IS NOT NULL) THEN ${us('max(b.cleared_at)')} END FROM alert b WHERE b.common_cause_id = c.id) AS cleared_us`;

const iso = (us: number): string => new Date(us / 1_000).toISOString();

export function createNoticeStore(pool: pg.Pool): NoticeStore {
  return {
    async teamsDue(nowUs, limit) {
      const { rows } = await pool.query<{ team_id: string }>(
        `SELECT DISTINCT team_id FROM (
           SELECT team_id FROM alert WHERE noticed_at IS NULL
           UNION ALL
           SELECT n.team_id FROM notice n LEFT JOIN alert a ON a.id = n.alert_id
           WHERE n.sent_at IS NULL AND n.until_at IS NOT NULL AND (n.until_at <= ${atUs('$1')} OR a.cleared_at IS NOT NULL)
         ) AS due LIMIT $2`,
        [nowUs, limit],
      );
      return rows.map((row) => row.team_id);
    },
    settle: (teamId, nowUs, rules) =>
      inTransaction(pool, async (client) => {
        const team = await client.query<{ time_zone: string }>('SELECT time_zone FROM team WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED', [
          teamId,
        ]);
        const timeZone = team.rows[0]?.time_zone;
        if (timeZone === undefined) return NOTHING;
        const fresh = await lockNewAlerts(client, teamId);
        const causes = fresh.length === 0 ? [] : await settleCauses(client, teamId, nowUs, rules);
        const covered = causes.length === 0 ? fresh : await readAlerts(client, fresh);
        const raised = causes.filter(({ isNew }) => isNew).map(({ cause }) => cause);
        const sent = await settleRecipients(client, { teamId, timeZone, nowUs }, [...covered, ...raised], rules);
        await client.query(`UPDATE alert SET noticed_at = ${atUs('$2')} WHERE id = ANY ($1::uuid[])`, [fresh.map(({ id }) => id), nowUs]);
        const deliveryIds = await tell(client, [...raised.map((cause): CommonCauseRaised => causeEvent(teamId, cause, nowUs)), ...sent]);
        return { sent: sent.length, commonCauses: raised.length, deliveryIds };
      }),
  };
}

async function lockNewAlerts(client: pg.PoolClient, teamId: string): Promise<readonly Subject[]> {
  const { rows } = await client.query<SubjectRow>(
    `SELECT ${ALERT_FIELDS} FROM alert a WHERE a.team_id = $1 AND a.noticed_at IS NULL ORDER BY a.recorded_at, a.id LIMIT ${ALERTS}
     FOR NO KEY UPDATE SKIP LOCKED`,
    [teamId],
  );
  return rows.map((row) => subjectOf(row, false));
}

async function readAlerts(client: pg.PoolClient, alerts: readonly Subject[]): Promise<readonly Subject[]> {
  const { rows } = await client.query<SubjectRow>(`SELECT ${ALERT_FIELDS} FROM alert a WHERE a.id = ANY ($1::uuid[])`, [
    alerts.map(({ id }) => id),
  ]);
  return rows.map((row) => subjectOf(row, false));
}

interface SettledCause {
  readonly cause: Subject;
  readonly isNew: boolean;
}

/** Finds the common causes of now, stores them or goes on with those that are open, and puts the alerts beneath them. */
async function settleCauses(client: pg.PoolClient, teamId: string, nowUs: number, rules: NoticeRules): Promise<readonly SettledCause[]> {
  const sinceUs = nowUs - rules.withinS * 1e6;
  const raises = await client.query<{ id: string; athlete_id: string; type: string; severity: string; raised_us: string }>(
    `SELECT id, athlete_id, type, severity, ${us('raised_at')} AS raised_us FROM alert
     WHERE team_id = $1 AND raised_at > ${atUs('$2')} AND raised_at <= ${atUs('$3')} ORDER BY raised_at LIMIT ${ALERTS}`,
    [teamId, sinceUs, nowUs],
  );
  const active = await client.query<{ n: string }>(
    `SELECT count(*) AS n FROM asms_state s JOIN athlete a ON a.id = s.athlete_id WHERE a.team_id = $1 AND s.updated_at > ${atUs('$2')}`,
    [teamId, sinceUs],
  );
  const open = await client.query<{ id: string; type: string; to_us: string }>(
    `SELECT id, type, ${us('to_at')} AS to_us FROM common_cause WHERE team_id = $1 AND to_at > ${atUs('$2')} ORDER BY to_at DESC`,
    [teamId, sinceUs - rules.withinS * 1e6],
  );
  const found = rules.commonCauses(
    raises.rows.map((row) => ({
      alertId: row.id,
      athleteId: row.athlete_id,
      type: row.type as AlertType,
      raisedUs: Number(row.raised_us),
    })),
    Number(active.rows[0]?.n ?? 0),
    open.rows.map((row) => ({ commonCauseId: row.id, type: row.type as AlertType, toUs: Number(row.to_us) })),
    nowUs,
  );
  const settled: SettledCause[] = [];
  for (const one of found) {
    const id = one.continues ?? randomUUID();
    const beneath = new Set(one.alertIds);
    const severity = raises.rows.some((row) => beneath.has(row.id) && row.severity === 'red') ? 'red' : 'amber';
    await client.query(
      `INSERT INTO common_cause AS c (id, team_id, type, severity, sentence, athletes, share, from_at, to_at, raised_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, ${atUs('$8')}, ${atUs('$9')}, ${atUs('$10')})
       ON CONFLICT (id) DO UPDATE SET to_at = greatest(c.to_at, excluded.to_at), athletes = greatest(c.athletes, excluded.athletes),
         severity = CASE WHEN c.severity = 'red' THEN 'red' ELSE excluded.severity END,
         share = CASE WHEN excluded.athletes > c.athletes THEN excluded.share ELSE c.share END,
         sentence = CASE WHEN excluded.athletes > c.athletes THEN excluded.sentence ELSE c.sentence END`,
      [id, teamId, one.type, severity, one.sentence, one.athleteIds.length, one.share, one.fromUs, one.toUs, nowUs],
    );
    await client.query(
      `UPDATE alert SET common_cause_id = $2 WHERE id IN
         (SELECT id FROM alert WHERE id = ANY ($1::uuid[]) AND common_cause_id IS NULL FOR NO KEY UPDATE SKIP LOCKED)`,
      [one.alertIds, id],
    );
    const cause = { id, isCause: true, athleteId: null, type: one.type, severity, raisedUs: nowUs } as const;
    settled.push({ cause: { ...cause, snoozedUntilUs: null, clearedUs: null, commonCauseId: null }, isNew: one.continues === null });
  }
  return settled;
}

interface Round {
  readonly teamId: string;
  readonly timeZone: string;
  readonly nowUs: number;
}

async function settleRecipients(
  client: pg.PoolClient,
  round: Round,
  fresh: readonly Subject[],
  rules: NoticeRules,
): Promise<readonly NoticeSent[]> {
  const { rows } = await client.query<RecipientRow>(
    `SELECT id, min_severity, daily_budget, quiet_from_minute, quiet_to_minute FROM recipient WHERE team_id = $1 AND active ORDER BY created_at, id`,
    [round.teamId],
  );
  const sent: NoticeSent[] = [];
  for (const recipient of rows) sent.push(...(await settleRecipient(client, round, recipient, fresh, rules)));
  return sent;
}

/** Red ones pass every recipient's filter; amber ones those that want all. */
const wants = ({ min_severity }: RecipientRow, { severity }: Subject): boolean => min_severity === 'amber' || severity === 'red';

async function settleRecipient(
  client: pg.PoolClient,
  { teamId, timeZone, nowUs }: Round,
  recipient: RecipientRow,
  fresh: readonly Subject[],
  rules: NoticeRules,
): Promise<readonly NoticeSent[]> {
  const subjects = new Map(
    [...(await heldFor(client, recipient.id)), ...fresh.filter((one) => wants(recipient, one))].map((one) => [one.id, one]),
  );
  if (subjects.size === 0) return [];
  const { quiet_from_minute: fromMinute, quiet_to_minute: toMinute } = recipient;
  const plan = rules.plan(
    {
      timeZone,
      dailyBudget: recipient.daily_budget,
      quietHours: fromMinute === null || toMinute === null ? null : { fromMinute, toMinute },
    },
    [...subjects.values()].map(({ id, commonCauseId, ...rest }) => ({
      alertId: id,
      coveredBy: commonCauseId,
      ...rest,
      // Windows can end a moment after this machine's now.
      raisedUs: Math.min(rest.raisedUs, nowUs),
    })),
    await sentTo(client, recipient.id, nowUs),
    nowUs,
  );
  const about = (alertId: string): Subject => {
    const subject = subjects.get(alertId);
    if (subject === undefined) throw new Error(`a notice of ${alertId}, which is no candidate`);
    return subject;
  };
  for (const { alertId, why, untilUs } of plan.heldBack) {
    await writeNotice(client, teamId, recipient.id, about(alertId), { nowUs, sentUs: null, why, untilUs });
  }
  const events: NoticeSent[] = [];
  for (const { alertId } of plan.send) {
    const subject = about(alertId);
    const noticeId = await writeNotice(client, teamId, recipient.id, subject, { nowUs, sentUs: nowUs, why: null, untilUs: null });
    events.push(noticeEvent(teamId, recipient.id, noticeId, subject, nowUs));
  }
  return events;
}

/** What is held back for the recipient and may still go out, as it is now. */
async function heldFor(client: pg.PoolClient, recipientId: string): Promise<readonly Subject[]> {
  const held = `n.recipient_id = $1 AND n.sent_at IS NULL AND n.until_at IS NOT NULL ORDER BY n.created_at, n.id LIMIT ${HELD}`;
  const alerts = await client.query<SubjectRow>(`SELECT ${ALERT_FIELDS} FROM notice n JOIN alert a ON a.id = n.alert_id WHERE ${held}`, [
    recipientId,
  ]);
  const causes = await client.query<SubjectRow>(
    `SELECT ${CAUSE_FIELDS} FROM notice n JOIN common_cause c ON c.id = n.common_cause_id WHERE ${held}`,
    [recipientId],
  );
  return [...alerts.rows.map((row) => subjectOf(row, false)), ...causes.rows.map((row) => subjectOf(row, true))];
}

async function sentTo(client: pg.PoolClient, recipientId: string, nowUs: number) {
  const { rows } = await client.query<{ id: string; severity: string; sent_us: string }>(
    `SELECT coalesce(alert_id, common_cause_id) AS id, severity, ${us('sent_at')} AS sent_us FROM notice
     WHERE recipient_id = $1 AND sent_at > ${atUs('$2')}`,
    [recipientId, nowUs - COUNTED_HOURS * 3_600e6],
  );
  return rows.map((row) => ({ alertId: row.id, severity: row.severity as AlertSeverity, atUs: Number(row.sent_us) }));
}

/** Writes a notice, or what becomes of the one held back before, whose reason stays readable once it is sent. Returns its id. */
async function writeNotice(
  client: pg.PoolClient,
  teamId: string,
  recipientId: string,
  { id, isCause, severity }: Subject,
  {
    nowUs,
    sentUs,
    why,
    untilUs,
  }: { readonly nowUs: number; readonly sentUs: number | null; readonly why: string | null; readonly untilUs: number | null },
): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO notice AS n (id, team_id, recipient_id, alert_id, common_cause_id, severity, created_at, sent_at, why, until_at)
     VALUES ($1, $2, $3, $4, $5, $6, ${atUs('$7')}, ${atUs('$8')}, $9, ${atUs('$10')})
     ON CONFLICT (recipient_id, ${isCause ? 'common_cause_id' : 'alert_id'}) DO UPDATE
       SET sent_at = excluded.sent_at, why = coalesce(excluded.why, n.why), until_at = excluded.until_at, severity = excluded.severity
     RETURNING id`,
    [randomUUID(), teamId, recipientId, isCause ? null : id, isCause ? id : null, severity, nowUs, sentUs, why, untilUs],
  );
  return rows[0]?.id ?? '';
}

const causeEvent = (teamId: string, { id, type, severity }: Subject, nowUs: number): CommonCauseRaised => ({
  type: 'common-cause.raised',
  commonCauseId: id,
  athleteId: null,
  teamId,
  alertType: type,
  severity,
  at: iso(nowUs),
});

const noticeEvent = (
  teamId: string,
  recipientId: string,
  noticeId: string,
  { id, isCause, athleteId, type, severity }: Subject,
  nowUs: number,
): NoticeSent => ({
  type: 'notice.sent',
  noticeId,
  recipientId,
  alertId: isCause ? null : id,
  commonCauseId: isCause ? id : null,
  athleteId,
  teamId,
  alertType: type,
  severity,
  at: iso(nowUs),
});
