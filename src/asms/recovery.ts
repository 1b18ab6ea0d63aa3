/** Recovery (eq. 6, 27) of each open or monitored injury, time in days; the athlete's R is the least over the open ones. */
import type { ActivityClass } from '../contracts/model.ts';
import { HOP_S, type AsmsParams } from './params.ts';
import { US_PER_DAY } from './time.ts';

export interface OpenInjury {
  readonly injuryId: string;
  readonly diagnosisCode: string;
  readonly onsetUs: number;
  readonly timeLossDays: number;
  /** Load ceiling of the return-to-play stage as a share of the usual one; absent: 1. */
  readonly ceilingShare?: number | null;
}

/** An injury with the time in which it counts: from `fromUs` (absent: from onset) until `untilUs` (absent, null: for good). */
export interface TimedInjury extends OpenInjury {
  readonly fromUs?: number;
  readonly untilUs?: number | null;
  /** The ceiling by time, ascending, each until the next; share null: none. Stands for ceilingShare. */
  readonly ceilings?: readonly { readonly fromUs: number; readonly share: number | null }[];
}

/** The injuries that count at a moment, with the ceiling of that moment: what is decided later moves no earlier window. */
export function inForce(injuries: readonly TimedInjury[], atUs: number): readonly OpenInjury[] {
  return injuries
    .filter(({ onsetUs, fromUs, untilUs }) => Math.max(onsetUs, fromUs ?? onsetUs) <= atUs && atUs < (untilUs ?? Infinity))
    .map(({ fromUs: _from, untilUs: _until, ceilings, ...injury }) =>
      ceilings === undefined ? injury : { ...injury, ceilingShare: ceilings.findLast(({ fromUs }) => fromUs <= atUs)?.share ?? null },
    );
}

export interface Therapy {
  readonly injuryId: string;
  readonly kind: string;
  readonly dosePerDay: number;
  readonly adherence: number;
  readonly startsUs: number;
  readonly endsUs: number | null;
}

/** What moved R since it was at its best: negative is a loss. The three sum to r - best, less what healed meanwhile. */
export interface RecoveryLosses {
  readonly overload: number;
  readonly deviation: number;
  readonly estimate: number;
}

export interface InjuryRecovery {
  readonly r: number;
  readonly atUs: number;
  /** The highest R so far. */
  readonly best: number;
  readonly since: RecoveryLosses;
}

export interface RecoveryState {
  /** Leaky sum of activity over about a day, MET hours above rest. */
  readonly loadMetHours: number;
  readonly atUs: number | null;
  readonly injuries: Readonly<Record<string, InjuryRecovery>>;
  /** Cleared injuries in their monitored time: followed for relapse, no part of the athlete's R. */
  readonly monitored: Readonly<Record<string, InjuryRecovery>>;
}

const NO_LOSSES: RecoveryLosses = { overload: 0, deviation: 0, estimate: 0 };

export const EMPTY_RECOVERY: RecoveryState = { loadMetHours: 0, atUs: null, injuries: {}, monitored: {} };

/**
 * Exact step of dR/dt = K(1 - R) - L R over `days` with K and L constant (1/day, not negative).
 * Any partition of the interval gives the same R; R stays in [0, 1]; unchanged where K + L = 0.
 */
export function stepRecovery(r: number, healingPerDay: number, lossPerDay: number, days: number): number {
  const total = healingPerDay + lossPerDay;
  if (!(total > 0) || !(days > 0)) return clamp(r);
  const rest = healingPerDay / total;
  return clamp(rest + (r - rest) * Math.exp(-total * days));
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value)) + 0;
const positive = (value: number): number => (Number.isFinite(value) && value > 0 ? value : 0);

/** K of eq. 6 at a moment: k0 = ln 20 / time loss (95 % recovered when the published time loss is over) plus the therapies running then. */
export function healingPerDay(injury: OpenInjury, therapies: readonly Therapy[], atUs: number, params: AsmsParams['recovery']): number {
  let rate = Math.log(20) / Math.max(params.minimumTimeLossDays, positive(injury.timeLossDays));
  for (const therapy of therapies) {
    if (therapy.injuryId !== injury.injuryId || atUs < therapy.startsUs || (therapy.endsUs !== null && atUs >= therapy.endsUs)) continue;
    const gain = params.therapyGainPerDay[therapy.kind] ?? params.otherTherapyGainPerDay;
    rate += gain * positive(therapy.dosePerDay) * clamp(positive(therapy.adherence));
  }
  return rate;
}

/** Moments inside (fromUs, toUs) at which a therapy of the injury starts or ends, ascending: K is constant between them. */
function boundaries(injuryId: string, therapies: readonly Therapy[], fromUs: number, toUs: number): readonly number[] {
  const inside = therapies
    .filter((therapy) => therapy.injuryId === injuryId)
    .flatMap((therapy) => (therapy.endsUs === null ? [therapy.startsUs] : [therapy.startsUs, therapy.endsUs]))
    .filter((us) => us > fromUs && us < toUs);
  return [...new Set(inside)].toSorted((a, b) => a - b);
}

export interface RecoveryObservation {
  readonly endUs: number;
  readonly activity: ActivityClass;
  /** BINN's rehabilitation estimate, or null. */
  readonly rehab: number | null;
  /** drift over the own 99th percentile, less 1, not negative; 0 where unknown. */
  readonly deviationExcess: number;
  /** True where the time since the last window was not observed. */
  readonly gap: boolean;
}

/** How far load lies above the ceiling, as a multiple of it, at most `most`; under a ceiling of 0 any load is `most` above it. */
export function overloadOf(load: number, ceiling: number, most: number): number {
  if (!(load > 0)) return 0;
  return ceiling > 0 ? Math.min(most, Math.max(0, load / ceiling - 1)) : most;
}

interface LossRates {
  readonly overload: number;
  readonly deviation: number;
}

/** One injury from where it was to the window's end. */
function advanceInjury(
  known: InjuryRecovery | undefined,
  injury: OpenInjury,
  therapies: readonly Therapy[],
  window: RecoveryObservation,
  rates: LossRates,
  params: AsmsParams['recovery'],
): InjuryRecovery {
  const start: InjuryRecovery = known ?? { r: 0, atUs: injury.onsetUs, best: 0, since: NO_LOSSES };
  let { r, atUs } = start;
  const lossPerDay = known === undefined ? 0 : rates.overload + rates.deviation;
  let lost = 0;
  for (const untilUs of [...boundaries(injury.injuryId, therapies, atUs, window.endUs), window.endUs]) {
    const days = (untilUs - atUs) / US_PER_DAY;
    const healing = healingPerDay(injury, therapies, atUs, params);
    const next = stepRecovery(r, healing, lossPerDay, days);
    if (lossPerDay > 0) lost += next - stepRecovery(r, healing, 0, days);
    r = next;
    atUs = untilUs;
  }
  const stepped = r;
  if (window.rehab !== null && Number.isFinite(window.rehab))
    r = clamp(r + (1 - Math.exp(-HOP_S / params.correctionTauS)) * (clamp(window.rehab) - r));
  if (r >= start.best) return { r, atUs, best: r, since: NO_LOSSES };
  const byOverload = lossPerDay > 0 ? (lost * rates.overload) / lossPerDay : 0;
  return {
    r,
    atUs,
    best: start.best,
    since: {
      overload: start.since.overload + byOverload,
      deviation: start.since.deviation + lost - byOverload,
      estimate: start.since.estimate + r - stepped,
    },
  };
}

/**
 * Brings R of every open and every monitored injury up to the window's end. An injury not met before starts with R = 0 at its onset. Loss by overload
 * (against the ceiling of the injury's own stage) and by deviation is counted for observed time only: across a gap tissue heals and load decays.
 * An injury with its onset after the window is left out. Where the window has an estimate, R moves towards it by 1 - exp(-hop/correctionTauS).
 * An injury that was cleared between two windows keeps its R where it goes on to be monitored.
 */
export function advanceRecovery(
  state: RecoveryState,
  window: RecoveryObservation,
  injuries: readonly OpenInjury[],
  therapies: readonly Therapy[],
  params: AsmsParams['recovery'],
  monitored: readonly OpenInjury[] = [],
): RecoveryState {
  const elapsedDays = state.atUs === null ? 0 : (window.endUs - state.atUs) / US_PER_DAY;
  const loadMetHours = state.loadMetHours * Math.exp(-elapsedDays / params.loadTauDays) + (params.met[window.activity] * HOP_S) / 3600;
  const advance = (list: readonly OpenInjury[]): Record<string, InjuryRecovery> => {
    const next: Record<string, InjuryRecovery> = {};
    for (const injury of list) {
      if (injury.onsetUs > window.endUs) continue;
      const ceiling = params.loadCeilingMetHours * positive(injury.ceilingShare ?? 1);
      const overload = overloadOf(loadMetHours, ceiling, params.overloadMaximum);
      const rates = {
        overload: window.gap ? 0 : params.overloadLossPerDay * overload,
        deviation: window.gap ? 0 : params.deviationLossPerDay * Math.max(0, window.deviationExcess),
      };
      const known = state.injuries[injury.injuryId] ?? state.monitored[injury.injuryId];
      next[injury.injuryId] = advanceInjury(known, injury, therapies, window, rates, params);
    }
    return next;
  };
  return { loadMetHours, atUs: window.endUs, injuries: advance(injuries), monitored: advance(monitored) };
}

/** The open or monitored injury whose R lies furthest below its best; null where there is none. */
export function worstFall(
  state: RecoveryState,
): { readonly injuryId: string; readonly fall: number; readonly recovery: InjuryRecovery } | null {
  const falls = [...Object.entries(state.injuries), ...Object.entries(state.monitored)].map(([injuryId, recovery]) => ({
    injuryId,
    fall: recovery.best - recovery.r,
    recovery,
  }));
  return falls.toSorted((a, b) => b.fall - a.fall || (a.injuryId < b.injuryId ? -1 : 1))[0] ?? null;
}

/** R of the athlete: the least over open injuries, 1 without one. */
export function recoveryOf(state: RecoveryState): number {
  return Math.min(1, ...Object.values(state.injuries).map((injury) => injury.r));
}
