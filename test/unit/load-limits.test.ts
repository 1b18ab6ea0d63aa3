import { describe, expect, it } from 'vitest';
import { limitsAt, measuredLoads, type LimitsRecord } from '../../src/asms/load-limits.ts';
import type { SessionHistogram } from '../../src/signal/session-histograms.ts';

const row = (validFromUs: number, atUs: number, given: object = {}) => ({
  validFromUs,
  atUs,
  restBpm: 50,
  maximumBpm: 190,
  highSpeedMps: null,
  ...given,
});
const NONE: LimitsRecord = { sex: 'male', athlete: [], team: [] };
const histogram = (quantity: SessionHistogram['quantity'], bins: SessionHistogram['bins'], seconds: number): SessionHistogram => ({
  quantity,
  unit: '',
  binWidth: quantity === 'speed' ? 0.1 : 1,
  bins,
  sessionSeconds: seconds,
  observedSeconds: seconds,
  truncated: false,
  method: 'session-histogram-1',
});

describe('limits', () => {
  it('are those with the latest beginning before the session, the newest record of it; before all, the first', () => {
    const record: LimitsRecord = {
      ...NONE,
      athlete: [row(200, 20, { restBpm: 52 }), row(100, 10), row(100, 30, { restBpm: 51 }), row(300, 5, { restBpm: 53 })],
    };
    expect([50, 100, 199, 200, 299, 300].map((us) => limitsAt(record, us).restBpm)).toEqual([51, 51, 51, 52, 52, 53]);
    expect(limitsAt(record, 50).heartRateIsLater).toBe(true);
    expect(limitsAt(record, 100).heartRateIsLater).toBe(false);
  });

  it("take the athlete's threshold before the team's, and that before the default", () => {
    const team = [{ validFromUs: 0, atUs: 0, highSpeedMps: 5 }];
    expect(limitsAt(NONE, 1)).toMatchObject({ highSpeedMps: 5.5, highSpeedOf: 'default', restBpm: null });
    expect(limitsAt({ ...NONE, team }, 1)).toMatchObject({ highSpeedMps: 5, highSpeedOf: 'team' });
    expect(limitsAt({ ...NONE, team, athlete: [row(0, 0)] }, 1)).toMatchObject({ highSpeedMps: 5, highSpeedOf: 'team' });
    expect(limitsAt({ ...NONE, team, athlete: [row(0, 0, { highSpeedMps: 6 })] }, 1)).toMatchObject({ highSpeedOf: 'athlete' });
  });
});

describe('measured loads', () => {
  const heart = histogram('heart-rate', [[120, 3_600, 432_000]], 3_600);
  const speed = histogram(
    'speed',
    [
      [30, 100, 300],
      [60, 10, 60],
    ],
    110,
  );

  it('are made of what was measured, and say with what', () => {
    const loads = measuredLoads([heart, speed], 5, { ...NONE, athlete: [row(0, 0)] });
    expect(loads.map(({ series }) => series)).toEqual(['trimp', 'distance', 'high-speed-distance']);
    expect(loads[0]?.value).toBeCloseTo(60 * 0.5 * 0.64 * Math.exp(0.96), 9);
    expect(loads[0]).toMatchObject({
      minutesCovered: 60,
      observedShare: 1,
      provisional: false,
      parameters: { restBpm: 50, maximumBpm: 190 },
    });
    expect(loads[1]?.value).toBeCloseTo(360, 9);
    expect(loads[2]?.value).toBeCloseTo(60, 9);
    expect(loads[2]?.parameters).toMatchObject({ aboveMps: 5.5, thresholdOf: 'default', histogram: 'session-histogram-1' });
  });

  it('are provisional where the limits were measured later, and null with the reason where there are none', () => {
    expect(measuredLoads([heart], 5, { ...NONE, athlete: [row(6, 0)] })[0]).toMatchObject({ provisional: true });
    expect(measuredLoads([heart], 5, NONE)[0]).toMatchObject({
      value: null,
      reason: "The athlete's resting and maximum heart rate are not recorded",
    });
    expect(measuredLoads([heart], 5, { ...NONE, athlete: [row(0, 0, { maximumBpm: null })] })[0]?.reason).toContain('maximum');
    const blind = { ...heart, bins: [], observedSeconds: 0 };
    expect(measuredLoads([blind], 5, { ...NONE, athlete: [row(0, 0)] })[0]).toMatchObject({
      value: null,
      reason: 'Less than half of the session was measured',
    });
    expect(measuredLoads([], 5, NONE)).toEqual([]);
  });
});
