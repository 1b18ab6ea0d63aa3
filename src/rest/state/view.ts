/** The current state of an athlete as a coach reads it, from the newest score and the ASMS row. Pure. */
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import type { CurrentState } from '../ports.ts';
import { isoOrNull, OneOf } from '../schemas.ts';
import type { AthleteState } from './schemas.ts';

/*
 * What is read of AsmsStateValue (src/asms/step.ts). The row may have been written by another version of the method: what does not fit is
 * reported as "no ASMS state yet", never guessed at.
 */
const Judged = Type.Union([
  Type.Object({
    value: Type.Number(),
    amber: Type.Number(),
    red: Type.Number(),
    reference: OneOf(['own', 'population']),
    band: OneOf(['green', 'amber', 'red']),
  }),
  Type.Null(),
]);
const Sketch = Type.Object({ count: Type.Number(), heights: Type.Array(Type.Number()), ranks: Type.Array(Type.Number()) });
const StoredAsms = Type.Object({
  deviation: Type.Object({ classes: Type.Record(Type.String(), Type.Object({ roughnessSketch: Sketch, driftSketch: Sketch })) }),
  recovery: Type.Object({ injuries: Type.Record(Type.String(), Type.Object({ r: Type.Number() })) }),
  latest: Type.Union([
    Type.Object({
      activity: Type.String(),
      recovery: Type.Number(),
      provisional: Type.Boolean(),
      deviation: Type.Object({ roughness: Judged, drift: Judged }),
    }),
    Type.Null(),
  ]),
});
type StoredAsms = Static<typeof StoredAsms>;
type Sketch = Static<typeof Sketch>;

/**
 * Percentile of a value among the observations a sketch stands for, by linear interpolation between its markers; null below seven
 * observations (the markers are not placed yet).
 */
export function percentileOf(sketch: Sketch, value: number): number | null {
  const { count, heights, ranks } = sketch;
  if (count < 7 || heights.length < 7 || ranks.length !== heights.length || !Number.isFinite(value)) return null;
  const above = heights.findIndex((height) => height > value);
  if (above === 0) return 0;
  if (above === -1) return 100;
  const [low = 0, high = 0] = [heights[above - 1], heights[above]];
  const [rankLow = 0, rankHigh = 0] = [ranks[above - 1], ranks[above]];
  const rank = rankLow + ((value - low) / (high - low)) * (rankHigh - rankLow);
  return Math.min(100, Math.max(0, ((rank - 1) / (count - 1)) * 100));
}

type DeviationFigure = AthleteState['deviation']['roughness'];

function figure(judged: Static<typeof Judged>, sketch: Sketch | undefined, unit: string): DeviationFigure {
  if (judged === null) return { value: null, unit, percentile: null, band: null, amberAt: null, redAt: null, reference: null };
  const own = judged.reference === 'own' && sketch !== undefined;
  return {
    value: judged.value,
    unit,
    percentile: own ? percentileOf(sketch, judged.value) : null,
    band: judged.band,
    amberAt: judged.amber,
    redAt: judged.red,
    reference: judged.reference,
  };
}

function reasonOf(current: CurrentState): string | null {
  const { score } = current;
  if (score === null) return 'No window of this athlete has been scored yet';
  if (score.state !== null) return null;
  return `Only ${Math.round(score.observedFraction * 100)} % of the movement channels were observed in the newest window`;
}

/** `nowMs` gives the age of the figures; `withDiagnoses` adds recovery an injury (scope medical). */
export function viewState(athleteId: string, current: CurrentState, nowMs: number, withDiagnoses: boolean): AthleteState {
  const { score, asms } = current;
  const stored: StoredAsms | null = asms !== null && Value.Check(StoredAsms, asms.state) ? asms.state : null;
  const latest = stored?.latest ?? null;
  const sketches = latest === null ? undefined : stored?.deviation.classes[latest.activity];
  const deviation = {
    roughness: figure(latest?.deviation.roughness ?? null, sketches?.roughnessSketch, 'SD2'),
    drift: figure(latest?.deviation.drift ?? null, sketches?.driftSketch, 'SD'),
  };
  const recovery = latest?.recovery ?? (current.openInjuries === 0 ? 1 : null);
  const injuries = Object.entries(stored?.recovery.injuries ?? {}).map(([injuryId, { r }]) => ({ injuryId, value: r }));
  return {
    athleteId,
    status: score === null ? 'no-data' : score.state === null ? 'not-enough-data' : 'ok',
    reason: reasonOf(current),
    at: isoOrNull(score?.endUs ?? null),
    ageS: score === null ? null : Math.max(0, (nowMs - score.endUs / 1_000) / 1_000),
    state: { value: score?.state ?? null, unit: '1', logit: score?.stateLogit ?? null, logitSd: score?.logitSd ?? null },
    rehab: { value: score?.rehab ?? null, unit: '1' },
    performance: { value: score?.performance ?? null, unit: 'SD' },
    window:
      score === null
        ? null
        : {
            windowIndex: score.windowIndex,
            startUs: score.startUs,
            endUs: score.endUs,
            activity: score.activity,
            observedFraction: score.observedFraction,
          },
    deviation,
    recovery: { value: recovery, unit: '1', ...(withDiagnoses ? { injuries } : {}) },
    openAlerts: current.openAlerts,
    provenance: {
      modelVersion: score?.modelVersion ?? null,
      methodVersion: asms?.methodVersion ?? null,
      asmsWindowIndex: asms?.lastWindowIndex ?? null,
      updatedAt: asms?.updatedAt ?? null,
      provisional: score?.provisional !== false || deviation.drift.reference !== 'own' || deviation.roughness.reference !== 'own',
    },
  };
}
