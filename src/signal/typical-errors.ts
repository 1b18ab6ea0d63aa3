/** Typical errors of metrics that were published, where the athlete's own are not known. Pure. */

interface PublishedError {
  /** In the metric's unit, or, where relative, as a share of the value. */
  readonly value: number;
  readonly relative: boolean;
  readonly source: string;
}

/** Between days where the source has it; what changes from day to day in an athlete is in it. */
const PUBLISHED: Readonly<Record<string, PublishedError & { readonly unit: string }>> = {
  jumpHeight: { value: 0.058, relative: true, unit: 'm', source: 'CV of 41 men, force plate, 2 to 7 days apart (PMC7039490)' },
  jumpHeightBest: { value: 0.058, relative: true, unit: 'm', source: 'CV of 41 men, force plate, 2 to 7 days apart (PMC7039490)' },
  strideTime: { value: 0.02, relative: false, unit: 's', source: 'SEM of 40 people walking (jkema 9(2):208, table 1)' },
  // The source counts strides, 1.24 a minute; a stride is two steps.
  cadence: { value: 2.48, relative: false, unit: '1/min', source: 'SEM of 40 people walking (jkema 9(2):208, table 1)' },
  lnRmssd: { value: 0.12, relative: false, unit: 'ln(ms)', source: 'About 12 % of rMSSD from day to day (Buchheit 2014†)' },
};

/** In the metric's unit; null where none was found, or the value is none to take a share of. */
export function publishedTypicalError(
  name: string,
  unit: string,
  value: number | null,
): { readonly value: number; readonly source: string } | null {
  const known = PUBLISHED[name];
  if (known === undefined || known.unit !== unit) return null;
  if (!known.relative) return { value: known.value, source: known.source };
  return value === null || !(Math.abs(value) > 0) ? null : { value: known.value * Math.abs(value), source: known.source };
}
