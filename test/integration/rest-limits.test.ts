/** Limits over HTTP, and the loads of measured sessions made anew under them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measuredLoads } from '../../src/asms/load-limits.ts';
import type { LimitsOfAthlete } from '../../src/rest/limits/schemas.ts';
import type { AthleteLoad } from '../../src/rest/load/schemas.ts';
import { sessionHistograms, sessionMinutes } from '../../src/signal/session-histograms.ts';
import type { SessionStream } from '../../src/signal/session-metrics.ts';
import { createMetricsStore } from '../../src/store/metrics-store.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

let api: RestApp;
let teamId: string;
let key: string;
beforeAll(async () => {
  api = await startRestApp();
  teamId = await api.team('Limits');
  key = await api.key(teamId, ['read', 'write']);
});
afterAll(() => api.close());

const column = (name: string, unit: string, values: readonly number[]): SessionStream => ({
  kind: name === 'speed' ? 'position' : 'wearable',
  placement: 'body',
  channels: [{ name, unit }],
  rateHz: 1,
  startUs: 0,
  samples: Float32Array.from(values),
});
/** An hour: at 120 bpm throughout, 3 m/s, and 5.2 m/s for its last 100 s. */
const HOUR = [
  column(
    'heartRate',
    'bpm',
    Array.from({ length: 3_600 }, () => 120),
  ),
  column(
    'speed',
    'm/s',
    Array.from({ length: 3_600 }, (_, i) => (i < 3_500 ? 3 : 5.2)),
  ),
];

/** A closed session that was measured. */
async function measure(athleteId: string, startedAt: string, streams: readonly SessionStream[] = HOUR): Promise<string> {
  const id = randomUUID();
  await api.database.pool.query(
    `INSERT INTO session (id, team_id, athlete_id, started_at, ended_at, first_received_us, last_received_us, opened_by)
     VALUES ($1, $2, $3, $4, $4::timestamptz + interval '1 hour', 0, 0, 'first-frame')`,
    [id, teamId, athleteId, startedAt],
  );
  const measures = { metrics: [], histograms: sessionHistograms(streams, false), minutes: sessionMinutes(streams) };
  await createMetricsStore(api.database.pool).saveMeasures(id, measures, measuredLoads, []);
  return id;
}
const record = (athleteId: string, body: object, as = key) => api.call(as, 'POST', `/v1/athletes/${athleteId}/limits`, body);
const loadOf = async (athleteId: string, series: string) => {
  const body = (await api.call(key, 'GET', `/v1/athletes/${athleteId}/load?from=2026-03-01&to=2026-03-10`)).json<AthleteLoad>();
  return { found: body.series.find((one) => one.series === series), missing: body.missing.find((one) => one.series === series) };
};
/** Half of the heart-rate reserve for an hour. */
const HALF = 60 * 0.5 * 0.64 * Math.exp(1.92 * 0.5);

describe('the loads of measured sessions', () => {
  it('have distance at once, TRIMP once the heart rates are known, and follow when limits change', async () => {
    const athleteId = await api.athlete(teamId, '1');
    await api.database.pool.query(`UPDATE athlete SET sex = 'm' WHERE id = $1`, [athleteId]);
    const first = await measure(athleteId, '2026-03-02T10:00:00Z');
    await measure(athleteId, '2026-03-05T10:00:00Z');
    expect((await loadOf(athleteId, 'trimp')).missing?.reason).toBe("The athlete's resting and maximum heart rate are not recorded");
    const distance = (await loadOf(athleteId, 'distance')).found;
    expect(distance?.days.map(({ value }) => value)[1]).toBeCloseTo(11_020, 1);
    expect(distance?.days.map(({ value }) => value)[2]).toBeNull();
    expect((await loadOf(athleteId, 'high-speed-distance')).found?.days[1]?.value).toBe(0);

    // 70 to 170 holds from the 4th on; the session before it uses the first row there is, and says so.
    const row = await record(athleteId, { validFrom: '2026-03-04T00:00:00Z', restBpm: 70, maximumBpm: 170, source: 'Ramp test' });
    expect(row.statusCode, row.body).toBe(201);
    expect(row.json()).toMatchObject({ restBpm: 70, maximumBpm: 170, highSpeedMps: null, source: 'Ramp test', by: 'key read write' });
    const trimp = (await loadOf(athleteId, 'trimp')).found;
    expect(trimp?.sessions[0]?.value).toBeCloseTo(HALF, 6);
    expect(trimp?.sessions[0]).toMatchObject({
      sessionId: first,
      provisional: true,
      minutesCovered: 60,
      parameters: { limitsAreLater: true },
    });
    expect(trimp?.sessions[1]).toMatchObject({ provisional: false, parameters: { restBpm: 70, maximumBpm: 170, sex: 'male' } });

    // Only the threshold is given: the heart rates stay.
    expect((await record(athleteId, { validFrom: '2026-03-04T00:00:00Z', highSpeedMps: 5 })).statusCode).toBe(201);
    const fast = (await loadOf(athleteId, 'high-speed-distance')).found;
    expect(fast?.sessions.map(({ value }) => Math.round(value ?? 0))).toEqual([520, 520]);
    expect(fast?.sessions[1]?.parameters).toMatchObject({ aboveMps: 5, thresholdOf: 'athlete' });
    expect((await loadOf(athleteId, 'trimp')).found?.sessions[1]?.value).toBeCloseTo(HALF, 6);

    // Earlier sessions have their own row once it is recorded.
    expect((await record(athleteId, { validFrom: '2026-03-01T00:00:00Z', restBpm: 60, maximumBpm: 180 })).statusCode).toBe(201);
    const both = (await loadOf(athleteId, 'trimp')).found;
    expect(both?.sessions.map(({ parameters }) => parameters?.['restBpm'])).toEqual([60, 70]);
    expect(both?.sessions[0]?.provisional).toBe(false);

    const shown = (await api.call(key, 'GET', `/v1/athletes/${athleteId}/limits`)).json<LimitsOfAthlete>();
    expect(shown.inForce).toEqual({ restBpm: 70, maximumBpm: 170, highSpeedMps: 5, highSpeedOf: 'athlete' });
    expect(shown.history.map(({ validFrom, restBpm, highSpeedMps }) => [validFrom.slice(0, 10), restBpm, highSpeedMps])).toEqual([
      ['2026-03-04', 70, 5],
      ['2026-03-04', 70, null],
      ['2026-03-01', 60, 5],
    ]);
  });

  it("follow the team's threshold unless the athlete has one", async () => {
    const [own, common] = [await api.athlete(teamId, '2'), await api.athlete(teamId, '3')];
    await measure(own, '2026-03-02T10:00:00Z');
    await measure(common, '2026-03-02T10:00:00Z');
    await record(own, { validFrom: '2026-01-01T00:00:00Z', highSpeedMps: 6 });
    const answer = await api.call(key, 'POST', `/v1/teams/${teamId}/limits`, { validFrom: '2026-01-01T00:00:00Z', highSpeedMps: 5.2 });
    expect(answer.json(), answer.body).toMatchObject({ teamId, highSpeedMps: 5.2 });
    expect((await loadOf(common, 'high-speed-distance')).found?.sessions[0]).toMatchObject({
      parameters: { aboveMps: 5.2, thresholdOf: 'team' },
    });
    expect((await loadOf(common, 'high-speed-distance')).found?.sessions[0]?.value).toBeCloseTo(520, 1);
    expect((await loadOf(own, 'high-speed-distance')).found?.sessions[0]?.value).toBe(0);
    expect((await api.call(key, 'GET', `/v1/teams/${teamId}/limits`)).json()).toMatchObject({ teamId, history: [{ highSpeedMps: 5.2 }] });
  });

  it('are measured again without leaving a trace, and gone where the sensor was not there', async () => {
    const athleteId = await api.athlete(teamId, '4');
    const id = await measure(athleteId, '2026-03-02T10:00:00Z');
    const store = createMetricsStore(api.database.pool);
    const heartOnly = { metrics: [], histograms: sessionHistograms(HOUR.slice(0, 1), false), minutes: 60 };
    await store.saveMeasures(id, heartOnly, measuredLoads, []);
    await store.saveMeasures(id, heartOnly, measuredLoads, []);
    const { rows } = await api.database.pool.query('SELECT series, value FROM session_load WHERE session_id = $1', [id]);
    expect(rows).toEqual([{ series: 'trimp', value: null }]);
  });

  it('come out right when limits and measurements are written at the same time', async () => {
    const athleteId = await api.athlete(teamId, '5');
    await Promise.all([
      ...Array.from({ length: 6 }, (_, i) => measure(athleteId, `2026-03-0${i + 1}T10:00:00Z`)),
      record(athleteId, { validFrom: '2026-01-01T00:00:00Z', restBpm: 70, maximumBpm: 170 }),
    ]);
    const { rows } = await api.database.pool.query(
      `SELECT count(*)::int AS n FROM session_load WHERE athlete_id = $1 AND series = 'trimp' AND value IS NOT NULL`,
      [athleteId],
    );
    expect(rows).toEqual([{ n: 6 }]);
  });
});

describe('limits that cannot be', () => {
  it('are refused with what to do, and change nothing', async () => {
    const athleteId = await api.athlete(teamId, '6');
    await measure(athleteId, '2026-03-02T10:00:00Z');
    await record(athleteId, { validFrom: '2026-01-01T00:00:00Z', restBpm: 50, maximumBpm: 190 });
    for (const [body, status, code] of [
      [{ restBpm: 110, maximumBpm: 105 }, 422, 'limits-contradict'],
      [{ maximumBpm: 0 }, 400, 'validation-failed'],
      [{ restBpm: 0 }, 400, 'validation-failed'],
      [{ highSpeedMps: 0 }, 400, 'validation-failed'],
      [{ highSpeedMps: 5.55 }, 400, 'validation-failed'],
      [{ restBpm: 50, validFrom: '2199-01-01T00:00:00Z' }, 422, 'time-out-of-range'],
      [{}, 400, 'validation-failed'],
    ] as const) {
      const answer = await record(athleteId, body);
      expect(answer.json(), JSON.stringify(body)).toMatchObject({ status, code });
    }
    const { rows } = await api.database.pool.query('SELECT count(*)::int AS n FROM athlete_limits WHERE athlete_id = $1', [athleteId]);
    expect(rows).toEqual([{ n: 1 }]);
    const stated = await record(athleteId, { maximumBpm: 110, restBpm: null });
    expect(stated.json()).toMatchObject({ restBpm: null, maximumBpm: 110 });
  });

  it('are not found by another team, and every answer is in the audit log', async () => {
    const athleteId = await api.athlete(teamId, '7');
    const other = await api.key(await api.team('Other limits'), ['read', 'write']);
    expect((await record(athleteId, { restBpm: 50 }, other)).statusCode).toBe(404);
    expect((await api.call(other, 'GET', `/v1/athletes/${athleteId}/limits`)).statusCode).toBe(404);
    expect((await api.call(other, 'POST', `/v1/teams/${teamId}/limits`, { highSpeedMps: 6 })).statusCode).toBe(404);
    expect((await record(athleteId, { restBpm: 50 }, await api.key(teamId, ['read']))).statusCode).toBe(403);
    const { rows } = await api.database.pool.query<{ action: string }>(
      'SELECT action FROM audit_entry WHERE $1 = ANY (athlete_ids) ORDER BY at',
      [athleteId],
    );
    expect(rows.map(({ action }) => action)).toEqual(['recordAthleteLimits', 'getAthleteLimits', 'recordAthleteLimits']);
  });
});
