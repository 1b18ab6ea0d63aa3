/** A past window built again from a kept checkpoint and the stored frames, with the real graph: what it answers is the stored score. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModelContract } from '../../src/score/model-contract.ts';
import { createOnnxScorer } from '../../src/score/onnx/onnx-scorer.ts';
import type { Scorer } from '../../src/score/ports.ts';
import { rebuildWindow } from '../../src/shard/rebuild.ts';
import { createRebuildStore } from '../../src/store/rebuild-store.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { SHIPPED } from '../support/model-copy.ts';
import { scoreSquad } from '../support/scored-squad.ts';

const { contract, modelPath } = loadModelContract(SHIPPED);
const startUs = Math.floor(Date.now() / 1000) * 1e6 - 300e6;
/** Two minutes and some: windows before the first kept checkpoint, and a minute and more behind it. */
const SECONDS = 150;

interface Stored {
  readonly athlete_id: string;
  readonly window_index: string;
  readonly state_logit: number;
}

describe('a past window is built again', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let scorer: Scorer;
  let athleteIds: readonly string[];
  let stored: Stored[];
  const rebuild = (athleteId: string, windowIndex: number) =>
    rebuildWindow(createRebuildStore(database.pool), scorer, contract, { athleteId, windowIndex }, () => Promise.resolve());
  const ofAthlete = (athleteId: string): Stored[] => stored.filter((row) => row.athlete_id === athleteId);

  beforeAll(async () => {
    database = await startTestDatabase();
    scorer = await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: 8 });
    ({ athleteIds } = await scoreSquad(database.pool, { contract, scorer }, { athletes: 2, startUs, seconds: SECONDS }));
    ({ rows: stored } = await database.pool.query<Stored>(
      'SELECT athlete_id, window_index, state_logit FROM score WHERE state_logit IS NOT NULL ORDER BY athlete_id, window_index',
    ));
  }, 120_000);
  afterAll(async () => {
    await scorer.close();
    await database.stop();
  });

  it('keeps a checkpoint a minute of each athlete, with the context the windows were built with', async () => {
    const { rows } = await database.pool.query<{ athlete_id: string; n: string; minutes: string; context: object }>(
      `SELECT athlete_id, count(*) AS n, count(DISTINCT window_index / 60) AS minutes, (array_agg(context))[1] AS context FROM kept_checkpoint GROUP BY 1`,
    );
    expect(rows.map((row) => row.athlete_id).toSorted()).toEqual([...athleteIds].toSorted());
    for (const { n, minutes, context } of rows) {
      expect(Number(n)).toBe(Number(minutes));
      expect(Number(n)).toBeGreaterThanOrEqual(2);
      expect(context).toHaveProperty('pastInjuries', 0);
    }
  });

  it('answers what was stored, for the first window, the last, and those around a kept checkpoint', async () => {
    for (const athleteId of athleteIds) {
      const rows = ofAthlete(athleteId);
      const around = rows.findIndex((row) => Number(row.window_index) % 60 === 0 && rows.indexOf(row) > 20);
      for (const row of [rows[0], rows[17], rows[around], rows[around + 1], rows.at(-1)]) {
        const { output, replayed } = await rebuild(athleteId, Number(row?.window_index));
        expect(Math.abs(output.stateLogit - (row?.state_logit ?? Number.NaN))).toBeLessThan(1e-5);
        expect(replayed).toBeLessThan(rows.length / 2 + 1);
      }
    }
  });

  it('goes by the context of then: an injury that staff enter later changes nothing', async () => {
    const [athleteId = ''] = athleteIds;
    const last = ofAthlete(athleteId).at(-1);
    await database.pool.query(
      `INSERT INTO injury (id, athlete_id, diagnosis_code, region, severity, onset_at, time_loss_days) VALUES (gen_random_uuid(), $1, 'TMHXX', 'thigh', 'severe', now(), 20)`,
      [athleteId],
    );
    const { output } = await rebuild(athleteId, Number(last?.window_index));
    expect(Math.abs(output.stateLogit - (last?.state_logit ?? Number.NaN))).toBeLessThan(1e-5);
  });

  it('refuses a window that never was, and one whose frames are gone', async () => {
    const [, athleteId = ''] = athleteIds;
    const rows = ofAthlete(athleteId);
    await expect(rebuild(athleteId, Number(rows[0]?.window_index) - 5)).rejects.toMatchObject({ code: 'explain-not-rebuilt' });
    await expect(rebuild(athleteId, Number(rows.at(-1)?.window_index) + 60)).rejects.toMatchObject({ code: 'explain-not-rebuilt' });
    await database.pool.query('DELETE FROM raw_frame WHERE stream_id IN (SELECT id FROM stream WHERE athlete_id = $1)', [athleteId]);
    await expect(rebuild(athleteId, Number(rows.at(-1)?.window_index))).rejects.toMatchObject({ code: 'explain-not-rebuilt' });
  });
});
