/** The criteria of a stage against what was measured: since the injury, and of the athlete's own before it. */
import { US_PER_DAY } from './medical-record.ts';
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
    return { ...shown, met, why: `${name} ${now.value} ${unit}, ${kind === 'at-most' ? 'at most' : 'at least'} ${bound}` };
  }
  if (share === null) return { ...shown, met: false, why: `there is no ${name} of the athlete from before the injury to compare with` };
  return {
    ...shown,
    met: share >= bound,
    why: `${name} ${Math.round(share * 100)} % of the athlete's own before the injury, at least ${Math.round(bound * 100)} %`,
  };
}
