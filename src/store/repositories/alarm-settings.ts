import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { KinewatchError } from '../../contracts/errors.ts';
import type {
  AlarmSettingsRepository,
  AlarmSettingsVersion,
  CurrentAlarmSettings,
  SettingsLevel,
  SettingsPair,
  SettingsSubject,
  TeamScope,
} from '../../rest/ports.ts';
import type { AlarmSettingsModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { atUs } from '../stamps.ts';
import { inTransaction } from '../transaction.ts';
import { inTeam, iso, pageOf } from './support.ts';

type Settings = SettingsLevel['settings'];

const view = (row: AlarmSettingsModel): AlarmSettingsVersion => ({
  id: row.id,
  teamId: row.teamId,
  version: row.version,
  settings: row.settings as AlarmSettingsVersion['settings'],
  at: iso(row.at),
  by: row.by,
  why: row.why,
});

/** The subject's team; null: no such team or athlete in the caller's. With a lock: one setter of a team and its athletes at a time. */
async function teamOf(client: pg.Pool | pg.PoolClient, scope: TeamScope, { kind, id }: SettingsSubject, lock = ''): Promise<string | null> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT t.id FROM team t WHERE t.id = ${kind === 'team' ? '$1' : '(SELECT team_id FROM athlete WHERE id = $1)'}
       AND ($2::uuid IS NULL OR t.id = $2) ${lock}`,
    [id, scope],
  );
  return rows[0]?.id ?? null;
}

/** Newest version of each subject. */
async function newestOf(client: pg.Pool | pg.PoolClient, subjectIds: readonly string[]): Promise<ReadonlyMap<string, SettingsLevel>> {
  const { rows } = await client.query<{ subject_id: string; version: number; settings: Settings }>(
    `SELECT DISTINCT ON (subject_id) subject_id, version, settings FROM alarm_settings WHERE subject_id = ANY ($1::uuid[])
     ORDER BY subject_id, version DESC`,
    [subjectIds],
  );
  return new Map(rows.map(({ subject_id, version, settings }) => [subject_id, { version, settings }]));
}

async function currentOf(client: pg.Pool | pg.PoolClient, teamId: string, { kind, id }: SettingsSubject): Promise<CurrentAlarmSettings> {
  const newest = await newestOf(client, [teamId, id]);
  const athleteId = kind === 'team' ? null : id;
  return { teamId, athleteId, team: newest.get(teamId) ?? null, athlete: athleteId === null ? null : (newest.get(id) ?? null) };
}

/** The levels that have to fit each other once the subject's settings are these: for a team, each of its athletes with settings. */
async function pairsWith(client: pg.PoolClient, current: CurrentAlarmSettings, settings: Settings): Promise<readonly SettingsPair[]> {
  const { athleteId } = current;
  if (athleteId !== null) return [{ team: current.team?.settings ?? null, athlete: settings, athleteId }];
  const { rows } = await client.query<{ id: string }>(
    'SELECT DISTINCT s.athlete_id AS id FROM alarm_settings s JOIN athlete a ON a.id = s.athlete_id WHERE a.team_id = $1 ORDER BY 1',
    [current.teamId],
  );
  const newest = await newestOf(
    client,
    rows.map(({ id }) => id),
  );
  const own = [...newest].map(([id, level]) => ({ team: settings, athlete: level.settings, athleteId: id }));
  return [{ team: settings, athlete: null, athleteId: null }, ...own];
}

/**
 * Keeps the athletes' windows still until the commit, and gives the end of the newest one applied: settings begin after it, so that a replay judges each
 * window by the settings it was judged by.
 */
async function appliedUs(client: pg.PoolClient, { kind, id }: SettingsSubject): Promise<number> {
  const { rows } = await client.query<{ us: string | null }>(
    `SELECT s.state->'latest'->>'endUs' AS us FROM asms_state s JOIN athlete a ON a.id = s.athlete_id
     WHERE ${kind === 'team' ? 'a.team_id' : 'a.id'} = $1 ORDER BY s.athlete_id FOR UPDATE OF s`,
    [id],
  );
  return Math.max(0, ...rows.map(({ us }) => Number(us ?? 0)));
}

export function createAlarmSettingsRepository(prisma: PrismaClient, pool: pg.Pool): AlarmSettingsRepository {
  return {
    async current(scope, subject) {
      const teamId = await teamOf(pool, scope, subject);
      return teamId === null ? null : currentOf(pool, teamId, subject);
    },
    set: (scope, subject, { settings, basedOnVersion, by, why }, check) =>
      inTransaction(pool, async (client) => {
        const teamId = await teamOf(client, scope, subject, 'FOR NO KEY UPDATE');
        if (teamId === null) return null;
        const current = await currentOf(client, teamId, subject);
        const version = (subject.kind === 'team' ? current.team : current.athlete)?.version ?? 0;
        if (basedOnVersion !== null && basedOnVersion !== version)
          throw new KinewatchError(
            'changed-meanwhile',
            `Version ${version} is in force, and the change is based on ${basedOnVersion}: read the settings again and repeat it`,
          );
        check(await pairsWith(client, current, settings));
        const fromUs = Math.max(Date.now() * 1_000, (await appliedUs(client, subject)) + 1);
        const next = { version: version + 1, settings };
        await client.query(
          `INSERT INTO alarm_settings (id, team_id, athlete_id, subject_id, version, settings, at, by, why)
           VALUES ($1, $2, $3, $4, $5, $6, ${atUs('$7')}, $8, $9)`,
          [randomUUID(), teamId, current.athleteId, subject.id, next.version, JSON.stringify(settings), fromUs, by, why],
        );
        return { ...current, [subject.kind]: next };
      }),
    versions: (scope, { id }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.alarmSettings.findMany({
            where: { subjectId: id, ...inTeam(scope) },
            orderBy: [{ version: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        view,
      ),
  };
}
