import type { ActivityClass } from './model.ts';

/** Which frames of a stream a window used, and the clock that placed them (server time = device time * (1 + driftPpm/1e6) + offsetUs). */
export interface WindowStream {
  readonly streamId: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly offsetUs: number;
  readonly driftPpm: number;
}

/**
 * One scored window of one athlete: the row of table `score`.
 * windowIndex counts hops of 1 s: startUs = windowIndex * 1e6 + phaseUs(athlete); it is the fence of IN-ORDER-ONCE and part of ONE-SCORE's key.
 */
export interface ScoredWindow {
  readonly athleteId: string;
  readonly modelVersion: string;
  readonly windowIndex: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly activity: ActivityClass;
  /** P(I(t) = 1), eq. 20; null = not enough data. */
  readonly state: number | null;
  readonly stateLogit: number | null;
  readonly logitSd: number | null;
  readonly rehab: number | null;
  readonly performance: number | null;
  readonly residualNorm: number | null;
  /** Share of model biomechanical channels observed, 0 to 1. */
  readonly observedFraction: number;
  /** Samples whose z was clipped. */
  readonly clipped: number;
  readonly streams: readonly WindowStream[];
  /** Mean and RMS of z for each bio channel of the contract, NaN where masked: 2 x Cb float32. */
  readonly channelSummary: Float32Array;
  readonly fAttn: Float32Array;
  readonly attnTime: Float32Array;
  readonly attnTokens: Float32Array;
  /** Scalar observations of the window in their own units (phys and perf of the contract, NaN where masked). */
  readonly phys: Float32Array;
  readonly perf: Float32Array;
  /** Receipt stamp of the last frame the window needed (the one that closed it). */
  readonly closedByUs: number;
  readonly scoredAtUs: number;
  readonly provisional: boolean;
}
