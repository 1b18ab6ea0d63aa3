/**
 * The calibration panel of a squad: expected against observed, Brier over time, before and after feedback. Days under an accepted plan are
 * counted and shown as treated, and enter no figure: what the plan prevented is no false alarm.
 */
import { logLoss, sigmoid } from './objective.ts';

export interface CalibrationRow {
  readonly athleteId: string;
  readonly day: number;
  /** Probability as the population's model gave it, and as it was shown after feedback. */
  readonly before: number;
  readonly after: number;
  /** null: not known (yet), or not in the risk set. */
  readonly label: 0 | 1 | null;
  readonly treated: boolean;
}

export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/** Calibration in the large and slope: label ~ sigmoid(intercept + logit), and sigmoid(a + slope * logit); 0 and 1 where calibrated. */
export interface Calibration {
  readonly intercept: number;
  readonly slope: number;
}

export interface ForecastFigures {
  /** Sum of probabilities. */
  readonly expected: number;
  /** Observed over expected; null where nothing was expected. */
  readonly observedOverExpected: number | null;
  /** Mean of (p - label)^2; null without rows. */
  readonly brier: number | null;
}

export interface CalibrationBucket {
  readonly fromDay: number;
  /** Inclusive. */
  readonly untilDay: number;
  /** Rows with a label that were not treated: what all figures are of. */
  readonly rows: number;
  readonly observed: number;
  readonly observedShare: number | null;
  /** Wilson 95 % interval of the share; rows of an athlete whose horizons overlap count as one. */
  readonly observedInterval: Interval | null;
  readonly treated: number;
  readonly unknown: number;
  readonly before: ForecastFigures;
  readonly after: ForecastFigures;
}

export interface CalibrationPanel {
  readonly buckets: readonly CalibrationBucket[];
  readonly total: CalibrationBucket;
  /** Null where labels are all alike, or separate so that no finite line fits. */
  readonly calibrationBefore: Calibration | null;
  readonly calibrationAfter: Calibration | null;
}

const Z975 = 1.959963984540054;

/** Wilson's 95 % interval of a share in [0, 1] of `count` independent rows (Wilson 1927†). Null without rows. */
export function wilson(share: number, count: number): Interval | null {
  if (!(count > 0)) return null;
  const square = Z975 ** 2;
  const middle = (share + square / (2 * count)) / (1 + square / count);
  const reach = (Z975 * Math.sqrt((share * (1 - share)) / count + square / (4 * count ** 2))) / (1 + square / count);
  return { lower: Math.max(0, middle - reach), upper: Math.min(1, middle + reach) };
}

/** Probabilities 0 and 1 have no logit: taken as one in a million away from it. */
const logitOf = (probability: number): number => {
  const p = Math.min(1 - 1e-6, Math.max(1e-6, probability));
  return Math.log(p / (1 - p));
};

const NEWTON_STEPS = 50;
/** Further than this from (0, 1) nothing is a calibration any more: the labels are separated. */
const MAXIMUM_SLOPE = 50;

/** Maximum likelihood of label ~ sigmoid(offset + x . theta) by Newton with halving, for one or two coordinates. Null where there is none. */
function fitLogistic(
  rows: readonly { readonly x: readonly [number, number]; readonly offset: number; readonly label: number }[],
  free: 1 | 2,
) {
  let theta: readonly [number, number] = [0, 0];
  const etaOf = (row: (typeof rows)[number], at: readonly [number, number]): number => row.offset + row.x[0] * at[0] + row.x[1] * at[1];
  const lossOf = (at: readonly [number, number]): number => rows.reduce((sum, row) => sum + logLoss(etaOf(row, at), row.label), 0);
  for (let step = 0; step < NEWTON_STEPS; step++) {
    let [g0, g1, h00, h01, h11] = [0, 0, 0, 0, 0];
    for (const row of rows) {
      const p = sigmoid(etaOf(row, theta));
      const bend = p * (1 - p);
      g0 += (p - row.label) * row.x[0];
      g1 += (p - row.label) * row.x[1];
      h00 += bend * row.x[0] ** 2;
      h01 += bend * row.x[0] * row.x[1];
      h11 += bend * row.x[1] ** 2;
    }
    const determinant = free === 2 ? h00 * h11 - h01 ** 2 : h00;
    const move = free === 2 ? [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant] : [g0 / h00, 0];
    if (!(determinant > 1e-12) || !move.every((value) => Math.abs(value) < 1e6)) return null;
    const loss = lossOf(theta);
    let share = 1;
    const at = (): [number, number] => [theta[0] - share * move[0]!, theta[1] - share * move[1]!];
    while (lossOf(at()) > loss && share > 1e-6) share /= 2;
    theta = at();
    if (Math.max(...theta.map(Math.abs)) > MAXIMUM_SLOPE) return null;
    if (Math.max(...move.map(Math.abs)) < 1e-10) return theta;
  }
  return null;
}

/** Intercept at slope 1, and slope with an intercept of its own (Cox 1958†). Null where labels are all alike or separated by the forecast. */
export function calibrationOf(rows: readonly { readonly probability: number; readonly label: 0 | 1 }[]): Calibration | null {
  if (!rows.some(({ label }) => label === 1) || !rows.some(({ label }) => label === 0)) return null;
  const logits = rows.map(({ probability, label }) => ({ logit: logitOf(probability), label }));
  const shift = fitLogistic(
    logits.map(({ logit, label }) => ({ x: [1, 0], offset: logit, label })),
    1,
  );
  const line = fitLogistic(
    logits.map(({ logit, label }) => ({ x: [1, logit], offset: 0, label })),
    2,
  );
  return shift === null || line === null ? null : { intercept: shift[0], slope: line[1] };
}

type Counted = CalibrationRow & { readonly label: 0 | 1 };
const isCounted = (row: CalibrationRow): row is Counted => row.label !== null && !row.treated;

function figures(rows: readonly Counted[], which: 'before' | 'after', observed: number): ForecastFigures {
  const expected = rows.reduce((sum, row) => sum + row[which], 0);
  return {
    expected,
    observedOverExpected: expected > 0 ? observed / expected : null,
    brier: rows.length > 0 ? rows.reduce((sum, row) => sum + (row[which] - row.label) ** 2, 0) / rows.length : null,
  };
}

function bucketOf(rows: readonly CalibrationRow[], fromDay: number, untilDay: number, horizonDays: number): CalibrationBucket {
  const counted = rows.filter(isCounted);
  const observed = counted.filter(({ label }) => label === 1).length;
  const share = counted.length > 0 ? observed / counted.length : null;
  const independent = new Set(counted.map(({ athleteId, day }) => `${athleteId} ${Math.floor((day - fromDay) / horizonDays)}`)).size;
  return {
    fromDay,
    untilDay,
    rows: counted.length,
    observed,
    observedShare: share,
    observedInterval: share === null ? null : wilson(share, independent),
    treated: rows.filter(({ treated, label }) => treated && label !== null).length,
    unknown: rows.filter(({ label }) => label === null).length,
    before: figures(counted, 'before', observed),
    after: figures(counted, 'after', observed),
  };
}

/** Rows whose probabilities are no probabilities would spoil every sum. */
function checkRows(rows: readonly CalibrationRow[]): void {
  const wrong = rows.find(({ before, after, day }) => ![before, after].every((p) => p >= 0 && p <= 1) || !Number.isInteger(day));
  if (wrong !== undefined)
    throw new RangeError(`forecast of athlete ${wrong.athleteId}, day ${wrong.day}: ${wrong.before}, ${wrong.after}`);
}

/**
 * The panel by buckets of `bucketDays` (1 or 7) from the first day on; empty buckets stand as such. Rows in any order; null without rows.
 * @throws RangeError where a probability lies outside [0, 1] or a day is no whole number
 */
export function calibrationPanel(rows: readonly CalibrationRow[], bucketDays: 1 | 7, horizonDays: number = 7): CalibrationPanel | null {
  checkRows(rows);
  if (rows.length === 0) return null;
  const days = rows.map(({ day }) => day);
  const first = days.reduce((least, day) => Math.min(least, day));
  const last = days.reduce((most, day) => Math.max(most, day));
  const buckets = Array.from({ length: Math.floor((last - first) / bucketDays) + 1 }, (_, i) => {
    const fromDay = first + i * bucketDays;
    const untilDay = fromDay + bucketDays - 1;
    return bucketOf(
      rows.filter(({ day }) => day >= fromDay && day <= untilDay),
      fromDay,
      untilDay,
      horizonDays,
    );
  });
  const counted = rows.filter(isCounted);
  const calibration = (which: 'before' | 'after'): Calibration | null =>
    calibrationOf(counted.map((row) => ({ probability: row[which], label: row.label })));
  return {
    buckets,
    total: bucketOf(rows, first, last, horizonDays),
    calibrationBefore: calibration('before'),
    calibrationAfter: calibration('after'),
  };
}

export interface AlarmCounts {
  readonly raised: number;
  readonly rightly: number;
  readonly falsely: number;
  /** Raised on treated days, or with no label yet: neither right nor false. */
  readonly treated: number;
  readonly unknown: number;
  /** Positive predictive value; null where none can be judged. */
  readonly ppv: number | null;
  readonly ppvInterval: Interval | null;
}

/** What became of the days at or above a threshold, by the forecast that was shown. Each day counts by itself, also in the interval. */
export function alarmCounts(rows: readonly CalibrationRow[], threshold: number): AlarmCounts {
  checkRows(rows);
  const raised = rows.filter(({ after }) => after >= threshold);
  const judged = raised.filter(isCounted);
  const rightly = judged.filter(({ label }) => label === 1).length;
  const ppv = judged.length > 0 ? rightly / judged.length : null;
  return {
    raised: raised.length,
    rightly,
    falsely: judged.length - rightly,
    treated: raised.filter(({ treated, label }) => treated && label !== null).length,
    unknown: raised.filter(({ label }) => label === null).length,
    ppv,
    ppvInterval: ppv === null ? null : wilson(ppv, judged.length),
  };
}
