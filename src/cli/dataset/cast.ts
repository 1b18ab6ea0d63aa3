/** Who is in a data set: profile, course of severity, protocol and sensors of each athlete, drawn from the data set's seed. */
import { createSimulatedAthlete, type SimulatedAthlete } from '../../simulate/simulated-athlete.ts';
import { type FaultKind } from '../../simulate/faults.ts';
import { createRandom, hash32 } from '../../simulate/random.ts';
import type { Profile } from '../../simulate/severity.ts';

export interface CastMember {
  /** Number of the athlete in the data set; the split hangs on it. */
  readonly number: number;
  readonly athleteId: string;
  readonly simulated: SimulatedAthlete;
}

/** Session start of all simulated recordings: 2026-01-05T10:00:00Z in microseconds; nothing depends on the date. */
export const SESSION_START_US = 1_767_607_200_000_000;

export const SPLITS = ['train', 'validation', 'test'] as const;
export type Split = (typeof SPLITS)[number];

/** 60 % train, 20 % validation, 20 % test by splitmix64 of the number (as models/binn/data.py): a larger data set keeps everybody's place. */
export function splitOf(number: number): Split {
  const mask = 0xffff_ffff_ffff_ffffn;
  let x = (BigInt(number) + 0x9e37_79b9_7f4a_7c15n) & mask;
  x = ((x ^ (x >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & mask;
  x = ((x ^ (x >> 27n)) * 0x94d0_49bb_1331_11ebn) & mask;
  const place = Number((x ^ (x >> 31n)) % 10n);
  return place < 6 ? 'train' : place < 8 ? 'validation' : 'test';
}

/** A version 8 UUID made of hashes: the pipeline's window phase hangs on the athlete's id. */
export function uuidOf(seed: number): string {
  const hex = [1, 2, 3, 4].map((key) => hash32(seed, 77, key).toString(16).padStart(8, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Athlete `number` of a data set. Profiles: 45 % healthy, 20 % altered throughout, 35 % rising under fatigue, from sudden (8 s) to slow.
 * Sensors vary as they do among teams: force plates with one in ten, EMG with one in ten, oxygen uptake with one in twenty, SpO2 with one in five,
 * gravity left in with one in four, no watch or no position with some. One in five jumps where others rest. Sensors fail at their natural rates.
 * All shares are (chosen). None of it depends on the profile. With `fault` every athlete has that fault and is otherwise the same.
 */
export function castMember(seed: number, number: number, durationS: number, fault: FaultKind | null = null): CastMember {
  const own = hash32(seed, 11, number);
  const random = createRandom(own, 12);
  const draw = random.next();
  const profile: Profile = draw < 0.45 ? 'healthy' : draw < 0.65 ? 'altered' : 'fatigue-drift';
  const onsetS = random.uniform(5, Math.max(6, 0.45 * durationS));
  const rampS = Math.exp(random.uniform(Math.log(8), Math.log(Math.max(9, 0.5 * durationS))));
  // A stream of its own: what came with version 2 must not move the draws of version 1.
  const later = createRandom(own, 13);
  const more = { emg: later.next() < 0.1, vo2: later.next() < 0.05, spo2: later.next() < 0.2 };
  const jumps = later.next() < 0.2;
  const simulated = createSimulatedAthlete({
    seed: own,
    durationS,
    profile,
    mode: 'recorded',
    startUs: SESSION_START_US,
    name: `sim-${seed}-${number}`,
    imuRateHz: random.next() < 0.7 ? 200 : 100,
    gravity: random.next() < 0.25 ? 'included' : 'removed',
    sensors: { forcePlates: random.next() < 0.1, wearable: random.next() < 0.85, position: random.next() < 0.8, ...more },
    jumps,
    faults: 'all',
    ...(fault === null ? {} : { fault: { kind: fault, from: fault === 'moved' ? 'drawn' : 'start' } }),
    ...(profile === 'fatigue-drift' ? { severity: { onsetS, rampS } } : {}),
  });
  return { number, athleteId: uuidOf(own), simulated };
}
