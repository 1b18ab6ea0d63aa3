/** hazard.json as it lies beside a graph: whether it is one, and whether it is that graph's. Pure. */
import type { HazardModel, LoadTerms } from './hazard.ts';

export type HazardFile = { readonly model: HazardModel } | { readonly fault: string };

const GROUPS: ReadonlySet<unknown> = new Set(['binn', 'load', 'hrv', 'history', 'context']);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const areNumbers = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every(isNumber);

const isFeature = (value: unknown): boolean =>
  isRecord(value) &&
  typeof value['name'] === 'string' &&
  GROUPS.has(value['group']) &&
  [value['location'], value['scale'], value['coefficient']].every(isNumber) &&
  value['scale'] !== 0;

/** Every fault of a hazard.json, in a few words each; `attn` is the width of the graph's F_attn. */
function faultsOf(value: Readonly<Record<string, unknown>>, attn: number): string[] {
  const { features, movement, cholesky, minimum } = value;
  const width = Array.isArray(features) ? features.length : 0;
  const checks: readonly (readonly [fault: string, holds: boolean])[] = [
    ['format is not 2', value['format'] === 2],
    ['name is not binn-hazard', value['name'] === 'binn-hazard'],
    ['version is missing', typeof value['version'] === 'string' && value['version'] !== ''],
    ['horizonDays is not 7', value['horizonDays'] === 7],
    ['intercept is no number', isNumber(value['intercept'])],
    ['quantile is no number above 0', isNumber(value['quantile']) && value['quantile'] > 0],
    ['features are missing or incomplete', Array.isArray(features) && width > 0 && features.every(isFeature)],
    [
      'cholesky is not the lower triangle of one more than the features',
      Array.isArray(cholesky) && cholesky.length === width + 1 && cholesky.every((row, i) => areNumbers(row) && row.length === i + 1),
    ],
    [
      `movement does not have ${attn} locations and weights`,
      isRecord(movement) &&
        isNumber(movement['prior']) &&
        movement['prior'] > 0 &&
        [movement['location'], movement['weights']].every((list) => areNumbers(list) && list.length === attn),
    ],
    ['planning is not two numbers of 0 or more', value['planning'] === undefined || loadTermsOf(value) !== null],
    [
      'minimum is missing',
      isRecord(minimum) && isNumber(minimum['activeWindows']) && minimum['activeWindows'] >= 1 && isNumber(minimum['loadDays']),
    ],
  ];
  return checks.filter(([, holds]) => !holds).map(([fault]) => fault);
}

function loadTermsOf({ planning }: Readonly<Record<string, unknown>>): LoadTerms | null {
  if (!isRecord(planning)) return null;
  const { fatigue, loadExcess } = planning;
  return isNumber(fatigue) && isNumber(loadExcess) && fatigue >= 0 && loadExcess >= 0 ? { fatigue, loadExcess } : null;
}

/** The planner's terms of a hazard.json, whatever graph it belongs to: load is not read from F_attn. Null where it has none. */
export function readLoadTerms(text: string | null): LoadTerms | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? loadTermsOf(value) : null;
  } catch {
    return null;
  }
}

/**
 * The hazard model of a graph, or a sentence that says why there is none: no file, a file that is none, or one of another graph (its coefficients read
 * F_attn of that graph only).
 */
export function readHazardFile(text: string | null, graph: { readonly sha256: string; readonly attn: number }): HazardFile {
  if (text === null) return { fault: 'no hazard model for this graph: no hazard.json came with it' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: 'no hazard model for this graph: its hazard.json is not JSON' };
  }
  if (!isRecord(value)) return { fault: 'no hazard model for this graph: its hazard.json is no object' };
  if (value['binnSha256'] !== graph.sha256) {
    return { fault: `no hazard model for this graph: its hazard.json was fitted on graph ${String(value['binnSha256']).slice(0, 12)}` };
  }
  const faults = faultsOf(value, graph.attn);
  return faults.length > 0 ? { fault: `no hazard model for this graph: ${faults.join('; ')}` } : { model: value as unknown as HazardModel };
}
