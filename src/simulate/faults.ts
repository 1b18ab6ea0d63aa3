/** Sensor faults of a session: which foot, from when to when, and what they do to its samples and stamps. */
import { FAULTS, IMU } from './constants.ts';
import { gapOfMinute, type Gap } from './device.ts';
import { rotationOf } from './gait-templates.ts';
import { createRandom, hash32 } from './random.ts';
import type { Renderer } from './sensors.ts';

/** Place in this list plus one is the number of the fault in data sets; 0 is none. */
export const FAULT_KINDS = ['dropout', 'saturation', 'drift', 'swapped', 'moved', 'misaligned', 'rate'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A fault that an athlete is to have. `drawn` begins at a drawn time in the first half; swapped, misaligned and rate hold for the whole session. */
export interface FaultOption {
  readonly kind: FaultKind;
  readonly from?: 'start' | 'drawn';
}

/** Truth: what is wrong with a stream, from when to when. */
export interface Fault {
  readonly kind: FaultKind;
  /** Index into the athlete's streams. */
  readonly stream: number;
  readonly placement: string;
  readonly startS: number;
  readonly endS: number;
}

export interface PlannedFault {
  readonly kind: FaultKind;
  readonly placement: string;
  readonly startS: number;
  readonly endS: number;
  readonly seed: number;
}

const WHOLE_SESSION: ReadonlySet<FaultKind> = new Set(['swapped', 'misaligned', 'rate']);

/** The faults of a session's feet: the forced one, and with `natural` what chance brings. One draw a kind; empty where neither is asked for. */
export function planFaults(seed: number, durationS: number, forced: FaultOption | undefined, natural: boolean): PlannedFault[] {
  return FAULT_KINDS.flatMap((kind, index) => {
    const own = hash32(seed, 1010, index);
    const random = createRandom(own);
    const happens = random.next() < FAULTS.natural[kind];
    const foot = random.next() < 0.5 ? 'foot-left' : 'foot-right';
    const drawnS = random.uniform(0.1, 0.5) * durationS;
    const isForced = forced?.kind === kind;
    if (!isForced && !(natural && happens)) return [];
    const fromStart = WHOLE_SESSION.has(kind) || (isForced && forced.from !== 'drawn');
    const fault = { kind, startS: fromStart ? 0 : drawnS, endS: durationS, seed: own };
    return (kind === 'swapped' ? ['foot-left', 'foot-right'] : [foot]).map((placement) => ({ ...fault, placement }));
  });
}

/** Gaps of a stream that touch [fromS, toS), in order: those of chance, at most one a minute, and those of a heavy dropout. May overlap. */
export function gapsOf(gapSeed: number, perMinute: number, heavy: PlannedFault | undefined, fromS: number, toS: number): Gap[] {
  const gaps: Gap[] = [];
  for (let minute = Math.floor(fromS / 60); minute * 60 < toS; minute += 1) {
    const gap = gapOfMinute(gapSeed, minute, perMinute);
    if (gap !== null) gaps.push(gap);
  }
  if (heavy !== undefined) {
    const first = Math.max(0, Math.floor((fromS - heavy.startS) / FAULTS.heavyEveryS));
    for (let cell = first; heavy.startS + cell * FAULTS.heavyEveryS < Math.min(toS, heavy.endS); cell += 1)
      gaps.push(heavyGap(heavy, cell));
  }
  return gaps.filter((gap) => gap.endS > fromS && gap.startS < toS).toSorted((a, b) => a.startS - b.startS);
}

function heavyGap(heavy: PlannedFault, cell: number): Gap {
  const random = createRandom(heavy.seed, cell);
  const lengthS = random.uniform(...FAULTS.heavyS);
  const startS = heavy.startS + cell * FAULTS.heavyEveryS + random.uniform(0, FAULTS.heavyEveryS - lengthS);
  return { startS, endS: Math.min(startS + lengthS, heavy.endS) };
}

type Spoil = (samples: Int16Array | Float32Array, at: number, sinceS: number) => void;

/** Turned about two axes by a drawn angle each, accelerations and angular velocities alike. */
function turn(seed: number): Spoil {
  const random = createRandom(seed, 1);
  const angle = (): number => (random.next() < 0.5 ? -1 : 1) * random.uniform(...FAULTS.movedRad);
  const r = rotationOf(angle(), angle(), 0);
  return (samples, at) => {
    for (let c = at; c < at + 6; c += 3) {
      const [x, y, z] = [samples[c]!, samples[c + 1]!, samples[c + 2]!];
      for (let row = 0; row < 3; row += 1) samples[c + row] = toInt16(r[3 * row]! * x + r[3 * row + 1]! * y + r[3 * row + 2]! * z);
    }
  };
}

function ramp(seed: number, scale: readonly number[]): Spoil {
  const random = createRandom(seed, 2);
  const slopes = scale.map((lsb, c) => ((random.next() < 0.5 ? -1 : 1) * (c < 3 ? FAULTS.driftAcc : FAULTS.driftGyro)) / lsb);
  return (samples, at, sinceS) => {
    for (let c = 0; c < 6; c += 1) samples[at + c] = toInt16(samples[at + c]! + slopes[c]! * Math.min(FAULTS.driftS, sinceS));
  };
}

function clip(scale: readonly number[]): Spoil {
  const limits = scale.map((lsb, c) => Math.floor((c < 3 ? FAULTS.clipAcc : FAULTS.clipGyro) / lsb));
  return (samples, at) => {
    for (let c = 0; c < 6; c += 1) samples[at + c] = Math.min(limits[c]!, Math.max(-limits[c]!, samples[at + c]!));
  };
}

const toInt16 = (value: number): number => Math.min(32767, Math.max(-32768, Math.round(value)));

/** An IMU's renderer with the faults that change its samples: moved, then drift, then saturation, each within its time. */
export function spoilImu(render: Renderer, scale: readonly number[], faults: readonly PlannedFault[]): Renderer {
  const makers = { moved: (seed: number) => turn(seed), drift: (seed: number) => ramp(seed, scale), saturation: () => clip(scale) };
  const steps = (['moved', 'drift', 'saturation'] as const).flatMap((kind) =>
    faults.filter((fault) => fault.kind === kind).map((fault) => ({ fault, spoil: makers[kind](fault.seed) })),
  );
  if (steps.length === 0) return render;
  return (first, count, rateHz, out) => {
    render(first, count, rateHz, out);
    for (const { fault, spoil } of steps) {
      for (let i = 0; i < count; i += 1) {
        const tS = (first + i) / rateHz;
        if (tS >= fault.startS && tS < fault.endS) spoil(out, i * 6, tS - fault.startS);
      }
    }
  };
}

/** Whether the declared scale is that of the narrow range. */
export const isNarrow = (scale: readonly number[]): boolean => scale[0]! * 32767 < IMU.accRange * 0.999;
