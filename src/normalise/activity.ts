/** What the athlete is doing in a window: the class chooses the baseline. Rules on physical units, with hysteresis; no state but the last class. */
import type { ActivityClass } from '../contracts/model.ts';

/** Features of a window in SI units; NaN where nothing was measured. */
export interface ActivityFeatures {
  /** RMS angular velocity of the feet, rad/s (mean of the feet observed). */
  readonly footGyro: number;
  /** RMS dynamic acceleration of trunk, and of the feet, m/s2. */
  readonly trunkAcceleration: number;
  readonly footAcceleration: number;
  /** Peak dynamic acceleration of the trunk, m/s2. */
  readonly trunkPeak: number;
  /** Share of the window in flight on force plates, and the peak in body weights. */
  readonly flightShare: number;
  readonly forcePeak: number;
  readonly forceSd: number;
  /** m/s, 1/min, W, 1/min */
  readonly speed: number;
  readonly cadence: number;
  readonly power: number;
  readonly heartRate: number;
}

/**
 * Cut points (chosen). Feet turn at about 0.1 rad/s RMS when standing, 2 to 3.5 when walking and above 4.5 when running; the trunk shakes by
 * 0.3, 1.5 to 3 and 6 to 12 m/s2. Walking turns into running near 2.1 m/s (Hreljac 1993).
 */
const GYRO = { rest: 0.6, run: 4.2 };
const TRUNK = { rest: 0.6, run: 4.5 };
const FOOT = { rest: 1, run: 20 };
const SPEED = { rest: 0.3, run: 2.1 };
/** A class is left only when a cut is passed by this share: windows at a border must not flicker between baselines. */
const HYSTERESIS = 0.1;
/** A jump: 4 % of the window (80 ms) in flight, and a landing or push above 1.5 body weights. */
const FLIGHT_SHARE = 0.04;
const JUMP_PEAK_BW = 1.5;
/** Without plates: the trunk alone is thrown by more than 2.5 g while the feet turn too little for running. */
const JUMP_TRUNK_PEAK = 25;
/** Standing sway on a plate stays under this, in body weights. */
const STILL_FORCE_SD = 0.05;
/** With nothing but a heart rate, below this the athlete rests. */
const REST_HEART_RATE = 100;

export function classifyActivity(f: ActivityFeatures, previous: ActivityClass): ActivityClass {
  // Running over a plate is off it for most of the window too: the feet tell the two apart.
  if (f.flightShare >= FLIGHT_SHARE && f.forcePeak >= JUMP_PEAK_BW && !(f.footGyro >= GYRO.run)) return 'jump';
  if (f.trunkPeak >= JUMP_TRUNK_PEAK && f.footGyro < GYRO.run * 0.8 && f.trunkAcceleration > TRUNK.run) return 'jump';
  if (!Number.isNaN(f.footGyro)) return byLevel(f.footGyro, GYRO, previous);
  if (!Number.isNaN(f.trunkAcceleration)) return byLevel(f.trunkAcceleration, TRUNK, previous);
  if (!Number.isNaN(f.footAcceleration)) return byLevel(f.footAcceleration, FOOT, previous);
  if (!Number.isNaN(f.speed)) return byLevel(f.speed, SPEED, previous);
  if (!Number.isNaN(f.forceSd)) return f.forceSd < STILL_FORCE_SD ? 'rest' : 'walk';
  if (f.cadence > 0) return f.cadence >= 140 ? 'run' : 'walk';
  if (f.power > 0) return 'run';
  return f.heartRate >= REST_HEART_RATE ? 'walk' : 'rest';
}

function byLevel(value: number, cut: { readonly rest: number; readonly run: number }, previous: ActivityClass): ActivityClass {
  const rest = cut.rest * (previous === 'rest' ? 1 + HYSTERESIS : 1 - HYSTERESIS);
  const run = cut.run * (previous === 'run' ? 1 - HYSTERESIS : 1 + HYSTERESIS);
  if (value < rest) return 'rest';
  return value >= run ? 'run' : 'walk';
}
