/** One athlete of the season data set: season, sessions, rows. */
import type { ModelContract } from '../../contracts/model.ts';
import type { Scorer } from '../../score/ports.ts';
import { hash32 } from '../../simulate/random.ts';
import { splitOf } from '../dataset/cast.ts';
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

/** Sessions of an athlete whose mean is the reference of the columns. */
const REFERENCE_SESSIONS = 2;

/** The ceilings are figures of evaluation: training athletes are spared their cost. */
export async function exportAthlete(
  number: number,
  options: AthleteOptions,
  contract: ModelContract,
  scorer: Scorer,
): Promise<{ readonly rows: AthleteRows; readonly summary: AthleteSummary }> {
  const seed = hash32(options.seed, 21, number);
  const split = splitOf(number);
  const ceilings = split === 'train' ? { paths: 0, particles: 0 } : { paths: options.paths, particles: options.particles };
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
  const fAttnReference = new Float32Array(rows.length * width).fill(NaN);
  sessions.forEach((session, i) => {
    fAttn.set(session.fAttn, i * width);
    const reference = meanOfFirst(sessions.slice(0, i), width);
    if (reference !== null) fAttnReference.set(reference, i * width);
  });
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
      fAttnReference,
    },
    summary: { daysAtRisk: season.onset.filter((p) => !Number.isNaN(p)).length, injuries: season.injuries.length },
  };
}

/** Null before there are two with windows. */
function meanOfFirst(sessions: readonly PooledSession[], width: number): Float32Array | null {
  const first = sessions.filter((session) => session.activeWindows > 0).slice(0, REFERENCE_SESSIONS);
  if (first.length < REFERENCE_SESSIONS) return null;
  return Float32Array.from({ length: width }, (_, i) => first.reduce((sum, session) => sum + session.fAttn[i]!, 0) / first.length);
}
