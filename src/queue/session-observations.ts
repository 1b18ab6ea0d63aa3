/** What a session's metrics tell ASMS: asymmetries, and whether left and right are exchanged. Names are those of src/signal/session-metrics.ts. */
import type { NewObservation } from '../contracts/observation.ts';
import type { NewMetric } from './ports.ts';

/** Signed, (L-R)/(L+R)*100. */
const ASYMMETRIES = ['jumpAsymmetry', 'gaitSymmetry'] as const;
/** From the sensors of the feet: a session with left and right exchanged has it the wrong way round. */
const BY_FEET: readonly string[] = ['gaitSymmetry'];

/**
 * At most one observation of each kind a session. Metrics from too few strides or jumps (provisional) say nothing, and neither do strides that do not tell
 * the sides apart. None for a session without such metrics.
 */
export function observationsOfSession(athleteId: string, sessionId: string, metrics: readonly NewMetric[]): NewObservation[] {
  const usable = metrics.filter(({ value, provisional }) => value !== null && !provisional);
  const sides = usable.find(({ name }) => name === 'sides-swapped');
  const swapped = sides?.value === 1;
  const found = usable.filter(({ name }) => ASYMMETRIES.some((one) => one === name) && !(swapped && BY_FEET.includes(name)));
  const common = { athleteId, subject: sessionId };
  return [
    ...found.slice(0, 1).map(({ atUs }): NewObservation => ({
      ...common,
      atUs,
      observed: {
        kind: 'asymmetry',
        sessionId,
        metrics: found.map(({ name, value, typicalError }) => ({
          name,
          valuePct: value,
          typicalErrorPct: typicalError,
          provisional: false,
        })),
      },
    })),
    ...(sides === undefined
      ? []
      : [{ ...common, atUs: sides.atUs, observed: { kind: 'sides', sessionId, swapped, strides: stridesOf(sides.detail) } } as const]),
  ];
}

/** Of both feet; 0 where the detail does not say. */
function stridesOf(detail: unknown): number {
  const strides = (detail as { readonly strides?: { readonly left?: unknown; readonly right?: unknown } } | null)?.strides;
  return [strides?.left, strides?.right].reduce<number>((sum, one) => sum + (typeof one === 'number' ? one : 0), 0);
}
