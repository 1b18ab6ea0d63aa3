/** Scored windows made by hand for tests of what comes after the score. */
import type { ScoredWindow } from '../../src/contracts/score.ts';

export const TEST_ATHLETE = '3f3c1b52-9d1b-4a53-9f57-0a3f6f0d2b11';
export const TEST_CHANNELS = ['foot-left.ax', 'foot-left.gy', 'foot-right.ax', 'foot-right.gy'];
/** A window index of today's size. */
export const FIRST_INDEX = 1_800_000_000;

/** A window of walking with nothing remarkable; `level` is the mean of z in every channel, `amplitude` its RMS. */
export function scoredWindow(
  hop: number,
  given: Partial<ScoredWindow> & { readonly level?: number; readonly amplitude?: number } = {},
): ScoredWindow {
  const { level = 0, amplitude = 1, ...rest } = given;
  const startUs = (FIRST_INDEX + hop) * 1e6 + 250_000;
  const channels = TEST_CHANNELS.length;
  return {
    athleteId: TEST_ATHLETE,
    modelVersion: 'test-model',
    windowIndex: FIRST_INDEX + hop,
    startUs,
    endUs: startUs + 2_000_000,
    activity: 'walk',
    state: 0.1,
    stateLogit: -2.2,
    logitSd: 0.4,
    rehab: null,
    performance: null,
    residualNorm: 0,
    observedFraction: 1,
    clipped: 0,
    streams: [],
    channelSummary: Float32Array.from({ length: 2 * channels }, (_, i) => (i < channels ? level : amplitude)),
    fAttn: new Float32Array(4),
    attnTime: new Float32Array(2),
    attnTokens: new Float32Array(2),
    phys: new Float32Array(8).fill(Number.NaN),
    perf: new Float32Array(8).fill(Number.NaN),
    closedByUs: startUs + 2_100_000,
    scoredAtUs: startUs + 2_150_000,
    provisional: false,
    ...rest,
  };
}
