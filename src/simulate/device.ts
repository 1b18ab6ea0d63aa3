/** A simulated device: its crystal, its clock and its gaps. Network delay is the sender's business. */
import { FAULTS } from './constants.ts';
import { createRandom, hash32 } from './random.ts';

export interface DeviceClock {
  /** Device time of the first sample, microseconds. */
  readonly offsetUs: number;
  /** The crystal runs fast by this much: it stamps and samples by the same crystal. */
  readonly driftPpm: number;
}

export function drawClock(seed: number): DeviceClock {
  const random = createRandom(seed, 707);
  return { offsetUs: Math.round(random.uniform(1e6, 3.6e9)), driftPpm: FAULTS.driftPpmSd * random.normal() };
}

export interface Gap {
  readonly startS: number;
  readonly endS: number;
}

/** The gap of a stream in minute `minute` of the session, or null: at most one, the same whenever it is asked for. */
export function gapOfMinute(seed: number, minute: number, perMinute: number): Gap | null {
  if (perMinute <= 0 || hash32(seed, 708, minute) / 4294967296 >= perMinute) return null;
  const random = createRandom(seed, 709, minute);
  const lengthS = random.uniform(FAULTS.dropoutS[0], FAULTS.dropoutS[1]);
  const startS = 60 * minute + random.uniform(0, 60 - lengthS);
  return { startS, endS: startS + lengthS };
}
