import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { LimitsRepository, TeamScope } from '../../rest/ports.ts';
import { lockLimits, readLimits, settleLoads } from '../session-loads.ts';
import { inTransaction } from '../transaction.ts';
import { iso } from './support.ts';

interface LimitsRow {
  readonly id: string;
  readonly valid_from: Date;
  readonly rest_bpm: number | null;
  readonly maximum_bpm: number | null;
  readonly high_speed_mps: number | null;
  readonly source: string | null;
  readonly by: string;
  readonly at: Date;
}

const common = (row: LimitsRow) => ({
  id: row.id,
  validFrom: iso(row.valid_from),
  highSpeedMps: row.high_speed_mps,
  source: row.source,
  by: row.by,
  at: iso(row.at),
});
const viewAthlete = (row: LimitsRow) => ({ ...common(row), restBpm: row.rest_bpm, maximumBpm: row.maximum_bpm });
const viewTeam = (row: LimitsRow & { readonly team_id: string }) => ({ ...common(row), teamId: row.team_id });

const isVisible = async (
  client: pg.Pool | pg.PoolClient,
  table: 'athlete' | 'team',
  { id, team }: { readonly id: string; readonly team: TeamScope },
): Promise<boolean> => {
  const scope = table === 'team' ? 'id' : 'team_id';
  const { rowCount } = await client.query(`SELECT 1 FROM ${table} WHERE id = $1 AND ($2::uuid IS NULL OR ${scope} = $2)`, [id, team]);
  return rowCount === 1;
};

export function createLimitsRepository(pool: pg.Pool): LimitsRepository {
  return {
    ofAthlete: (team, athleteId, limit) =>
      inTransaction(pool, async (client) => {
        if (!(await isVisible(client, 'athlete', { id: athleteId, team }))) return null;
        const record = await readLimits(client, athleteId);
        const { rows } = await client.query<LimitsRow>(
          'SELECT * FROM athlete_limits WHERE athlete_id = $1 ORDER BY valid_from DESC, at DESC LIMIT $2',
          [athleteId, limit],
        );
        return { record, rows: rows.map(viewAthlete) };
      }),
    recordOfAthlete: (team, athleteId, decide, loadsOf) =>
      inTransaction(pool, async (client) => {
        if (!(await isVisible(client, 'athlete', { id: athleteId, team }))) return null;
        const limits = decide(await lockLimits(client, athleteId));
        const { rows } = await client.query<LimitsRow>(
          `INSERT INTO athlete_limits (id, athlete_id, valid_from, rest_bpm, maximum_bpm, high_speed_mps, source, by, at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp()) RETURNING *`,
          [randomUUID(), athleteId, limits.validFrom, limits.restBpm, limits.maximumBpm, limits.highSpeedMps, limits.source, limits.by],
        );
        await settleLoads(client, { athleteId, sessionId: null }, await readLimits(client, athleteId), loadsOf);
        return viewAthlete(rows[0] as LimitsRow);
      }),
    async ofTeam(team, teamId, limit) {
      if (!(await isVisible(pool, 'team', { id: teamId, team }))) return null;
      const { rows } = await pool.query<LimitsRow & { team_id: string }>(
        'SELECT * FROM team_limits WHERE team_id = $1 ORDER BY valid_from DESC, at DESC LIMIT $2',
        [teamId, limit],
      );
      return rows.map(viewTeam);
    },
    recordOfTeam: (team, teamId, limits, loadsOf) =>
      inTransaction(pool, async (client) => {
        if (!(await isVisible(client, 'team', { id: teamId, team }))) return null;
        // In one order, so that two changes at once wait for each other instead of for ever.
        const athletes = await client.query<{ id: string }>('SELECT id FROM athlete WHERE team_id = $1 ORDER BY id FOR NO KEY UPDATE', [
          teamId,
        ]);
        const { rows } = await client.query<LimitsRow & { team_id: string }>(
          `INSERT INTO team_limits (id, team_id, valid_from, high_speed_mps, source, by, at) VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp()) RETURNING *`,
          [randomUUID(), teamId, limits.validFrom, limits.highSpeedMps, limits.source, limits.by],
        );
        for (const { id } of athletes.rows) {
          await settleLoads(client, { athleteId: id, sessionId: null }, await readLimits(client, id), loadsOf);
        }
        return viewTeam(rows[0] as LimitsRow & { team_id: string });
      }),
  };
}
