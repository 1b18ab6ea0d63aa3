/** One athlete of the season data set: season, sessions, rows. */
import type { ModelContract } from '../../contracts/model.ts';
import type { Scorer } from '../../score/ports.ts';
import { hash32 } from '../../simulate/random.ts';
import type { Split } from '../dataset/cast.ts';
import type { AthleteRows } from './columns.ts';
import { rowsOf, VALUES, type ValueName } from './rows.ts';
import { poolSessions, type PooledSession } from './session.ts';

export interface AthleteOptions {
  readonly seed: number;
  readonly days: number;
  readonly seconds: number;
  readonly particles: number;
  readonly paths: number;
}

export interface AthleteSummary {
  /** Days at risk and injuries over the whole season. */
  readonly daysAtRisk: number;
  readonly injuries: number;
}

/**
 * Two fifths of the athletes for training, one tenth for calibration beside them, half for the test, by a hash of the number. (chosen: the model has ten coefficients,
 * and what a comparison of models lacks is injuries among test athletes)
 */
export function seasonSplitOf(number: number): Split {
  const place = hash32(1304, number) % 10;
  return place < 4 ? 'train' : place < 5 ? 'validation' : 'test';
}

/** The ceilings are figures of the last evaluation: athletes that a model or its settings come from are spared their cost. */
export async function exportAthlete(
  number: number,
  options: AthleteOptions,
  contract: ModelContract,
  scorer: Scorer,
): Promise<{ readonly rows: AthleteRows; readonly summary: AthleteSummary }> {
  const seed = hash32(options.seed, 21, number);
  const split = seasonSplitOf(number);
  const ceilings = split === 'test' ? { paths: options.paths, particles: options.particles } : { paths: 0, particles: 0 };
  const { season, rows } = rowsOf(seed, options.days, ceilings);
  const sessions: PooledSession[] = [];
  for (let at = 0; at < rows.length; at += scorer.maxBatch) {
    const plans = rows
      .slice(at, at + scorer.maxBatch)
      .map(({ day, values }) => ({ personSeed: seed, day, severity: values.severity, seconds: options.seconds }));
    sessions.push(...(await poolSessions(plans, contract, scorer)));
  }
  const width = contract.sizes.attn;
  const fAttn = new Float32Array(rows.length * width);
  sessions.forEach((session, i) => fAttn.set(session.fAttn, i * width));
  const column = (name: ValueName): Float32Array => Float32Array.from(rows, (row) => row.values[name]);
  return {
    rows: {
      number,
      split,
      days: Int32Array.from(rows, (row) => row.day),
      values: Object.fromEntries(VALUES.map((name) => [name, column(name)])) as Record<ValueName, Float32Array>,
      activeWindows: Int32Array.from(sessions, (session) => session.activeWindows),
      stateLogit: Float32Array.from(sessions, (session) => session.stateLogit),
      rehab: Float32Array.from(sessions, (session) => session.rehab),
      fAttn,
    },
    summary: { daysAtRisk: season.onset.filter((p) => !Number.isNaN(p)).length, injuries: season.injuries.length },
  };
}
