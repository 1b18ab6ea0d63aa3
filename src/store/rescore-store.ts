/** Whom and what a re-score is about: athletes of a selection, and the windows whose score counts that a version has not scored. */
import type pg from 'pg';

/** Bounds of the windows meant: by the window's start (from inclusive, to exclusive) or by the receipt stamps of a session (both inclusive). */
export type WindowRange =
  | { readonly by: 'start'; readonly fromUs: number; readonly toUs: number }
  | { readonly by: 'receipt'; readonly fromUs: number; readonly toUs: number };

export interface RescoreAthlete {
  readonly athleteId: string;
  readonly externalId: string;
}

export interface WindowCounts {
  /** Windows of the range with a score that counts. */
  readonly counted: number;
  /** Those of them that the version has not scored. */
  readonly missing: number;
}

export interface RescoreStore {
  /** In the order of their external ids; none where nothing fits. `athlete` is an id or an external id. */
  athletes(selection: { readonly team: string | null; readonly athlete: string | null }): Promise<readonly RescoreAthlete[]>;
  /** null: there is no such session. */
  session(id: string): Promise<{ readonly athlete: RescoreAthlete; readonly range: WindowRange } | null>;
  count(athleteId: string, modelVersion: string, range: WindowRange): Promise<WindowCounts>;
  /** The newest window with a score that counts; null: none has. Later ones are the live path's to score first. */
  countsUpTo(athleteId: string): Promise<number | null>;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function createRescoreStore(pool: pg.Pool): RescoreStore {
  return {
    async athletes({ team, athlete }) {
      const { rows } = await pool.query<{ id: string; external_id: string }>(
        `SELECT a.id, a.external_id FROM athlete a JOIN team t ON t.id = a.team_id
         WHERE ($1::text IS NULL OR t.name = $1) AND ($2::text IS NULL OR a.external_id = $2 OR a.id::text = lower($2)) ORDER BY a.external_id, a.id`,
        [team, athlete],
      );
      return rows.map((row) => ({ athleteId: row.id, externalId: row.external_id }));
    },
    async session(id) {
      if (!UUID.test(id)) return null;
      const { rows } = await pool.query<{ athlete_id: string; external_id: string; first_received_us: string; last_received_us: string }>(
        `SELECT s.athlete_id, a.external_id, s.first_received_us, s.last_received_us FROM session s JOIN athlete a ON a.id = s.athlete_id WHERE s.id = $1`,
        [id],
      );
      const [row] = rows;
      if (row === undefined) return null;
      return {
        athlete: { athleteId: row.athlete_id, externalId: row.external_id },
        range: { by: 'receipt', fromUs: Number(row.first_received_us), toUs: Number(row.last_received_us) },
      };
    },
    async count(athleteId, modelVersion, { by, fromUs, toUs }) {
      const bounds = by === 'start' ? 'c.start_us >= $3 AND c.start_us < $4' : 'c.closed_by_us >= $3 AND c.closed_by_us <= $4';
      const { rows } = await pool.query<{ counted: string; missing: string }>(
        `SELECT count(*) AS counted, count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM score v
           WHERE v.athlete_id = c.athlete_id AND v.window_index = c.window_index AND v.start_us = c.start_us AND v.model_version = $2)) AS missing
         FROM score c WHERE c.athlete_id = $1 AND NOT c.shadow AND ${bounds}`,
        [athleteId, modelVersion, fromUs, toUs],
      );
      return { counted: Number(rows[0]?.counted ?? 0), missing: Number(rows[0]?.missing ?? 0) };
    },
    async countsUpTo(athleteId) {
      const { rows } = await pool.query<{ newest: string | null }>(
        'SELECT max(active_index) AS newest FROM checkpoint WHERE athlete_id = $1',
        [athleteId],
      );
      const newest = rows[0]?.newest ?? null;
      return newest === null ? null : Number(newest);
    },
  };
}
