/** The limits that a session's load is made with, and the load of every measured series under them. Pure: stored rows in, loads out. */
import type { SessionHistogram } from '../signal/session-histograms.ts';
import { LOAD_METHODS, speedDistance, trimp, type LoadSeries, type LoadValue } from './session-load.ts';

export interface AthleteLimitsRow {
  readonly validFromUs: number;
  readonly atUs: number;
  readonly restBpm: number | null;
  readonly maximumBpm: number | null;
  readonly highSpeedMps: number | null;
}

export type TeamLimitsRow = Pick<AthleteLimitsRow, 'validFromUs' | 'atUs' | 'highSpeedMps'>;

/** Everything on record of an athlete that a load depends on; rows in any order. */
export interface LimitsRecord {
  readonly sex: 'female' | 'male' | null;
  readonly athlete: readonly AthleteLimitsRow[];
  readonly team: readonly TeamLimitsRow[];
}

export interface LimitsInForce {
  readonly sex: 'female' | 'male' | null;
  readonly restBpm: number | null;
  readonly maximumBpm: number | null;
  readonly highSpeedMps: number;
  readonly highSpeedOf: 'athlete' | 'team' | 'default';
  /** The heart rates hold only from a later time on: they stand in for what was not known then. */
  readonly heartRateIsLater: boolean;
}

/** The row with the latest beginning that is not after `us`, the newest of those with the same one; where all begin later, the first. */
export function limitsRowAt<Row extends TeamLimitsRow>(rows: readonly Row[], us: number): Row | null {
  const ordered = rows.toSorted((a, b) => a.validFromUs - b.validFromUs || a.atUs - b.atUs);
  const first = ordered.findLast(({ validFromUs }) => validFromUs === ordered[0]?.validFromUs);
  return ordered.findLast(({ validFromUs }) => validFromUs <= us) ?? first ?? null;
}

/** The limits of a session that began at `startUs`. The athlete's own high-speed threshold comes before the team's, and that before the default. */
export function limitsAt({ sex, athlete, team }: LimitsRecord, startUs: number): LimitsInForce {
  const own = limitsRowAt(athlete, startUs);
  const common = limitsRowAt(team, startUs)?.highSpeedMps ?? null;
  const highSpeedMps = own?.highSpeedMps ?? common ?? LOAD_METHODS['high-speed-distance'].parameters.aboveMps;
  const highSpeedOf = (own?.highSpeedMps ?? null) !== null ? 'athlete' : common === null ? 'default' : 'team';
  return {
    sex,
    restBpm: own?.restBpm ?? null,
    maximumBpm: own?.maximumBpm ?? null,
    highSpeedMps,
    highSpeedOf,
    heartRateIsLater: own !== null && own.validFromUs > startUs,
  };
}

export type MeasuredSeries = Exclude<LoadSeries, 'session-rpe'>;

/** A session's row of one series, as it is stored. */
export interface MeasuredLoad {
  readonly series: MeasuredSeries;
  readonly value: number | null;
  /** Why there is none. */
  readonly reason: string | null;
  readonly unit: string;
  readonly method: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly minutesCovered: number;
  readonly observedShare: number;
  readonly provisional: boolean;
}

const TOO_LITTLE = 'Less than half of the session was measured';

function whyNoTrimp({ restBpm, maximumBpm }: LimitsInForce): string {
  if (restBpm === null && maximumBpm === null) return "The athlete's resting and maximum heart rate are not recorded";
  if (restBpm === null || maximumBpm === null)
    return `The athlete's ${restBpm === null ? 'resting' : 'maximum'} heart rate is not recorded`;
  return TOO_LITTLE;
}

/** The measured series of a session: those it has a sensor for. `startUs`: when the session began. */
export function measuredLoads(histograms: readonly SessionHistogram[], startUs: number, record: LimitsRecord): MeasuredLoad[] {
  const limits = limitsAt(record, startUs);
  const row = (series: MeasuredSeries, from: SessionHistogram, load: LoadValue | null, own: object, reason: string): MeasuredLoad => ({
    series,
    value: load?.value ?? null,
    reason: load === null ? reason : null,
    unit: LOAD_METHODS[series].unit,
    method: LOAD_METHODS[series].method,
    parameters: { ...LOAD_METHODS[series].parameters, ...own, histogram: from.method },
    minutesCovered: from.observedSeconds / 60,
    observedShare: from.sessionSeconds > 0 ? from.observedSeconds / from.sessionSeconds : 0,
    provisional: load?.provisional ?? false,
  });
  return histograms.flatMap((histogram) => {
    if (histogram.quantity === 'heart-rate') {
      const { restBpm, maximumBpm, sex, heartRateIsLater } = limits;
      const load = trimp(histogram, limits);
      const marked = load === null ? null : { ...load, provisional: load.provisional || heartRateIsLater };
      return [row('trimp', histogram, marked, { restBpm, maximumBpm, sex, limitsAreLater: heartRateIsLater }, whyNoTrimp(limits))];
    }
    const { highSpeedMps, highSpeedOf } = limits;
    return [
      row('distance', histogram, speedDistance(histogram, 0), {}, TOO_LITTLE),
      row(
        'high-speed-distance',
        histogram,
        speedDistance(histogram, highSpeedMps),
        { aboveMps: highSpeedMps, thresholdOf: highSpeedOf },
        TOO_LITTLE,
      ),
    ];
  });
}
