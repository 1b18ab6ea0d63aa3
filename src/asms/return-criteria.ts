/** The criteria of a stage against what was measured: since the injury, and of the athlete's own before it. */
import { type Side } from './medical-record.ts';
import { US_PER_DAY } from './time.ts';
import type { Criterion, Stage } from './return-protocol.ts';

export interface Measurement {
  readonly metric: string;
  readonly value: number;
  readonly atUs: number;
  /** Share of the other limb in percent, where the metric has sides; for display. */
  readonly limbSymmetryPct: number | null;
}

export interface JudgedCriterion {
  readonly criterion: Criterion;
  readonly value: number | null;
  /** The athlete's own value before the injury; null: none, or not asked. */
  readonly reference: number | null;
  /** value / reference. */
  readonly share: number | null;
  readonly limbSymmetryPct: number | null;
  readonly met: boolean;
  /** Why it is not met, or what it was met by. */
  readonly why: string;
}

/** What a stage is judged by. */
export interface ReturnEvidence {
  readonly measurements: readonly Measurement[];
  readonly injuryOnsetUs: number;
}

/**
 * Each criterion against the newest measurement in time and the newest own value before the injury. A criterion without a measurement, with one that is
 * too old, or (share-of-own) without an own value before the injury is not met. Symmetry between limbs is handed on for display and meets nothing.
 */
export function judgeCriteria(stage: Stage, { measurements, injuryOnsetUs }: ReturnEvidence, atUs: number): readonly JudgedCriterion[] {
  return stage.criteria.map((criterion) => {
    const own = measurements.filter(({ metric, value, atUs: us }) => metric === criterion.metric && us <= atUs && Number.isFinite(value));
    const reference = criterion.kind === 'share-of-own' ? newest(own.filter(({ atUs: us }) => us < injuryOnsetUs)) : null;
    const now = newest(own.filter(({ atUs: us }) => us >= injuryOnsetUs));
    return judge(criterion, now, reference, atUs);
  });
}

const newest = (measurements: readonly Measurement[]): Measurement | null => measurements.toSorted((a, b) => b.atUs - a.atUs)[0] ?? null;

/** A value with its unit; one that is a scale is said as its top: 4 of 10. */
export function inUnit(value: number, unit: string): string {
  const top = /^0 to (\d+)$/u.exec(unit)?.[1];
  return top === undefined ? `${value} ${unit}` : `${value} of ${top}`;
}

function judge(criterion: Criterion, now: Measurement | null, own: Measurement | null, atUs: number): JudgedCriterion {
  const reference = own === null || own.value === 0 ? null : own.value;
  const share = now === null || reference === null ? null : now.value / reference;
  const shown = { criterion, value: now?.value ?? null, reference, share, limbSymmetryPct: now?.limbSymmetryPct ?? null };
  const { name, kind, bound, unit, maximumAgeDays } = criterion;
  if (now === null) return { ...shown, met: false, why: `${name} was not measured since the injury` };
  const ageDays = (atUs - now.atUs) / US_PER_DAY;
  if (ageDays > maximumAgeDays)
    return { ...shown, met: false, why: `${name} was measured ${Math.floor(ageDays)} days ago; ${maximumAgeDays} days is the limit` };
  if (kind !== 'share-of-own') {
    const met = kind === 'at-most' ? now.value <= bound : now.value >= bound;
    return { ...shown, met, why: `${name} ${inUnit(now.value, unit)}, ${kind === 'at-most' ? 'at most' : 'at least'} ${bound}` };
  }
  if (share === null) return { ...shown, met: false, why: `there is no ${name} of the athlete from before the injury to compare with` };
  return {
    ...shown,
    met: share >= bound,
    why: `${name} ${Math.round(share * 100)} % of the athlete's own before the injury, at least ${Math.round(bound * 100)} %`,
  };
}

/** A figure as it was measured or computed, of one side or of none. */
export interface SidedFigure {
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
  readonly side: 'left' | 'right' | null;
  readonly atUs: number;
}

/** Both limbs are compared where they were measured this close together. (chosen) */
const SAME_TEST_US = US_PER_DAY;

/**
 * What a stage is judged by, of all that was measured: figures of the criterion's unit, without a side or of the injured one. An injury of both sides, or of
 * none, is judged by figures without a side.
 */
export function evidenceFor(
  stage: Stage,
  injury: { readonly side: Side | null; readonly onsetUs: number },
  figures: readonly SidedFigure[],
): ReturnEvidence {
  const fit = figures.filter(({ metric, unit }) =>
    stage.criteria.some((criterion) => criterion.metric === metric && criterion.unit === unit),
  );
  const own = fit.filter(({ side }) => side === null || side === injury.side);
  return {
    injuryOnsetUs: injury.onsetUs,
    measurements: own.map(({ metric, value, side, atUs }) => ({
      metric,
      value,
      atUs,
      limbSymmetryPct: side === null ? null : symmetryPct({ metric, value, side, atUs }, fit),
    })),
  };
}

function symmetryPct(own: Pick<SidedFigure, 'metric' | 'value' | 'side' | 'atUs'>, figures: readonly SidedFigure[]): number | null {
  const other = figures
    .filter(({ metric, side }) => metric === own.metric && side !== null && side !== own.side)
    .toSorted((a, b) => Math.abs(a.atUs - own.atUs) - Math.abs(b.atUs - own.atUs))[0];
  if (other === undefined || Math.abs(other.atUs - own.atUs) > SAME_TEST_US || other.value === 0) return null;
  return (own.value / other.value) * 100;
}
