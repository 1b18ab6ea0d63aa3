/** Recovery (eq. 6, 27) of each open injury, time in days; the athlete's R is the least of them. */
import type { ActivityClass } from '../contracts/model.ts';
import { HOP_S, type AsmsParams } from './params.ts';

const US_PER_DAY = 86_400e6;

export interface OpenInjury {
  readonly injuryId: string;
  readonly diagnosisCode: string;
  readonly onsetUs: number;
  readonly timeLossDays: number;
}

export interface Therapy {
  readonly injuryId: string;
  readonly kind: string;
  readonly dosePerDay: number;
  readonly adherence: number;
  readonly startsUs: number;
  readonly endsUs: number | null;
}

export interface RecoveryState {
  /** Leaky sum of activity over about a day, MET hours above rest. */
  readonly loadMetHours: number;
  readonly atUs: number | null;
  readonly injuries: Readonly<Record<string, { readonly r: number; readonly atUs: number }>>;
}

export const EMPTY_RECOVERY: RecoveryState = { loadMetHours: 0, atUs: null, injuries: {} };

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

/**
 * Brings every open injury's R up to the window's end. An injury not met before starts with R = 0 at its onset. Loss by overload and by deviation
 * is counted for observed time only: across a gap tissue heals and load decays. An injury with its onset after the window is left out.
 * Where an injury is open and the window has an estimate, R moves towards it by 1 - exp(-hop/correctionTauS).
 */
export function advanceRecovery(
  state: RecoveryState,
  window: RecoveryObservation,
  injuries: readonly OpenInjury[],
  therapies: readonly Therapy[],
  params: AsmsParams['recovery'],
): RecoveryState {
  const elapsedDays = state.atUs === null ? 0 : (window.endUs - state.atUs) / US_PER_DAY;
  const loadMetHours = state.loadMetHours * Math.exp(-elapsedDays / params.loadTauDays) + (params.met[window.activity] * HOP_S) / 3600;
  const overload = Math.max(0, loadMetHours / params.loadCeilingMetHours - 1);
  const loss = window.gap ? 0 : params.overloadLossPerDay * overload + params.deviationLossPerDay * Math.max(0, window.deviationExcess);
  const next: Record<string, { r: number; atUs: number }> = {};
  for (const injury of injuries) {
    if (injury.onsetUs > window.endUs) continue;
    const known = state.injuries[injury.injuryId];
    let { r, atUs } = known ?? { r: 0, atUs: injury.onsetUs };
    const lossPerDay = known === undefined ? 0 : loss;
    for (const untilUs of [...boundaries(injury.injuryId, therapies, atUs, window.endUs), window.endUs]) {
      r = stepRecovery(r, healingPerDay(injury, therapies, atUs, params), lossPerDay, (untilUs - atUs) / US_PER_DAY);
      atUs = untilUs;
    }
    if (window.rehab !== null && Number.isFinite(window.rehab))
      r = clamp(r + (1 - Math.exp(-HOP_S / params.correctionTauS)) * (clamp(window.rehab) - r));
    next[injury.injuryId] = { r, atUs };
  }
  return { loadMetHours, atUs: window.endUs, injuries: next };
}

/** R of the athlete: the least over open injuries, 1 without one. */
export function recoveryOf(state: RecoveryState): number {
  return Math.min(1, ...Object.values(state.injuries).map((injury) => injury.r));
}
