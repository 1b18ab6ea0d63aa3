/** Outcomes as they are stored (a kind, a time and what was sent) as values that can be judged and learned from. Pure. */
import type { BodyRegion, InjurySeverity, Outcome, WellnessItem } from './outcomes.ts';
import { WELLNESS_ITEMS } from './outcomes.ts';
import type { RecordedInjury } from '../daily-hazard.ts';
import { US_PER_DAY } from '../time.ts';

export interface StoredOutcome {
  readonly id: string;
  readonly kind: string;
  readonly atUs: number;
  /** Whatever was sent. */
  readonly value: unknown;
  readonly replaces: string | null;
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
const textOf = (value: unknown, name: string): string => {
  const text = field(value, name);
  return typeof text === 'string' ? text : '';
};
const numberOf = (value: unknown, name: string): number => {
  const number = field(value, name);
  return typeof number === 'number' ? number : NaN;
};

/** What is missing or of another type becomes '' or NaN, which outcomeFaults names. Null where the kind is unknown. */
export function asOutcome({ id, kind, atUs, value, replaces }: StoredOutcome): Outcome | null {
  const recorded = { outcomeId: id, atUs, replaces };
  switch (kind) {
    case 'injury':
      return { ...recorded, kind, region: textOf(value, 'region') as BodyRegion, severity: textOf(value, 'severity') as InjurySeverity };
    case 'performance': {
      const [sessionId, metric, unit] = [textOf(value, 'sessionId'), textOf(value, 'metric'), textOf(value, 'unit')];
      return { ...recorded, kind, sessionId, metric, unit, value: numberOf(value, 'value') };
    }
    case 'session-rpe': {
      const sessionId = (field(value, 'sessionId') ?? null) === null ? null : textOf(value, 'sessionId');
      return { ...recorded, kind, sessionId, rpe: numberOf(value, 'rpe'), minutes: numberOf(value, 'minutes') };
    }
    case 'wellness': {
      const given = WELLNESS_ITEMS.flatMap((item): [WellnessItem, number][] =>
        field(value, item) === undefined ? [] : [[item, numberOf(value, item)]],
      );
      return { ...recorded, kind, day: Math.floor(atUs / US_PER_DAY), items: Object.fromEntries(given) };
    }
    default:
      return null;
  }
}

/** Those that no other replaces. */
export function storedInForce<T extends Pick<StoredOutcome, 'id' | 'replaces'>>(outcomes: readonly T[]): readonly T[] {
  const replaced = new Set(outcomes.map(({ replaces }) => replaces));
  return outcomes.filter(({ id }) => !replaced.has(id));
}

/** Outcomes of kind injury in force, as injuries; where a record tells of the same one, that says it better (placeInjuries). */
export const injuriesOf = (outcomes: readonly StoredOutcome[]): readonly RecordedInjury[] =>
  storedInForce(outcomes).flatMap((stored): RecordedInjury[] => {
    const outcome = asOutcome(stored);
    if (outcome?.kind !== 'injury') return [];
    const { outcomeId: id, region, severity, atUs } = outcome;
    return [{ id, source: 'outcome', region, severity, onsetUs: atUs, reportedUs: atUs, clearedUs: null, timeLossDays: null }];
  });
