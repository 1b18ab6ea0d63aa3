/** The change of an athlete's metrics from stored readings. Pure. */
import {
  baselineOf,
  betweenAthleteSd,
  CHANGE_METHOD,
  CHANGE_PARAMETERS,
  chancesOfChange,
  ownTypicalError,
} from '../../asms/metric-change.ts';
import { publishedTypicalError } from '../../signal/typical-errors.ts';
import type { StoredReading, StoredReadings } from '../ports.ts';
import type { MetricChanges } from './schemas.ts';

type Change = MetricChanges['items'][number];

/** The athlete's own error is preferred: it is of this athlete, device and place. `sound`: without the latest. */
function typicalErrorOf(latest: StoredReading, sound: readonly number[]): Change['typicalError'] {
  const own = ownTypicalError(sound);
  if (own !== null && own > 0) return { value: own, of: 'own-sessions', source: `${sound.length} sessions of the athlete` };
  const published = publishedTypicalError(latest.name, latest.unit, latest.value);
  if (published !== null) return { value: published.value, of: 'published', source: published.source };
  return latest.typicalError === null || !(latest.typicalError > 0)
    ? null
    : { value: latest.typicalError, of: 'session-repeats', source: 'SD of the repeats of the latest session' };
}

function worthwhileOf(values: readonly number[]): Change['smallestWorthwhileChange'] {
  const sd = betweenAthleteSd(values);
  return sd === null ? null : { value: CHANGE_PARAMETERS.shareOfSd * sd, betweenAthleteSd: sd, athletes: values.length };
}

function changeOf(latest: StoredReading, readings: readonly StoredReading[], squad: StoredReadings['squad']): Change {
  const { name, unit, method, value, at, sessionId, provisional } = latest;
  const isSame = (other: { readonly name: string; readonly unit: string; readonly method: string }): boolean =>
    other.name === name && other.unit === unit && other.method === method;
  const before = readings
    .filter((reading) => reading !== latest && isSame(reading) && !reading.provisional)
    .map((reading) => reading.value);
  const baseline = baselineOf([...before, value]);
  const typicalError = typicalErrorOf(latest, before);
  const athletes = squad.filter(isSame);
  const worthwhile = worthwhileOf(athletes.map((one) => one.value));
  const change = baseline === null ? null : value - baseline.mean;
  const { leastBaseline, leastAthletes } = CHANGE_PARAMETERS;
  return {
    name,
    unit,
    method,
    latest: { value, at, sessionId, provisional },
    baseline,
    change,
    typicalError,
    smallestWorthwhileChange: worthwhile,
    chances:
      change === null || typicalError === null || worthwhile === null
        ? null
        : chancesOfChange(change, typicalError.value, worthwhile.value),
    notEnoughData: [
      ...(baseline === null ? [`${before.length} sessions before the latest, ${leastBaseline} are needed`] : []),
      ...(typicalError === null ? ['No typical error: none was published, and the athlete has fewer than 9 sessions'] : []),
      ...(worthwhile === null ? [`${athletes.length} athletes of the team have the metric, ${leastAthletes} are needed`] : []),
    ],
  };
}

/** Each metric the athlete has, by name; the latest of several readings at one time is the last. */
export function viewChanges(athleteId: string, { own, squad }: StoredReadings): MetricChanges {
  const names = [...new Set(own.map(({ name }) => name))].toSorted();
  const items = names.flatMap((name) => {
    const readings = own.filter((reading) => reading.name === name);
    const latest = readings.at(-1);
    return latest === undefined ? [] : [changeOf(latest, readings, squad)];
  });
  return { athleteId, method: CHANGE_METHOD, items };
}
