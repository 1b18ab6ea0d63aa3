/** Outcomes as values, and which of them cannot stand. Pure: (what is known, an outcome) -> the outcomes then known, or every fault at once. */
import { KinewatchError } from '../../contracts/errors.ts';
import { US_PER_DAY } from '../time.ts';

/** Body areas of the IOC consensus on recording injuries (Bahr 2020†). */
export const BODY_REGIONS = [
  'head',
  'neck',
  'shoulder',
  'upper-arm',
  'elbow',
  'forearm',
  'wrist',
  'hand',
  'chest',
  'thoracic-spine',
  'lumbosacral',
  'abdomen',
  'hip-groin',
  'thigh',
  'knee',
  'lower-leg',
  'ankle',
  'foot',
  'multiple',
  'unspecified',
] as const;
export type BodyRegion = (typeof BODY_REGIONS)[number];

export const INJURY_SEVERITIES = ['minimal', 'mild', 'moderate', 'severe'] as const;
export type InjurySeverity = (typeof INJURY_SEVERITIES)[number];

interface Recorded {
  readonly outcomeId: string;
  /** When it happened: the onset, the measurement, the end of the session, the morning. */
  readonly atUs: number;
  /** The outcome this one corrects, null for a first record. */
  readonly replaces: string | null;
}

export interface InjuryOutcome extends Recorded {
  readonly kind: 'injury';
  /** atUs is the onset, not the report. */
  readonly region: BodyRegion;
  readonly severity: InjurySeverity;
}

export interface PerformanceOutcome extends Recorded {
  readonly kind: 'performance';
  readonly sessionId: string;
  /** Name and unit of a PerformanceMetric; value in that unit. */
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
}

export interface SessionRpeOutcome extends Recorded {
  readonly kind: 'session-rpe';
  /** null: it names none, and stands for the stretch before its time. */
  readonly sessionId: string | null;
  /** Foster's 0 to 10; the load is rpe times minutes. */
  readonly rpe: number;
  readonly minutes: number;
}

/** 1 (worst) to 5 (best) (McLean 2010†). */
export const WELLNESS_ITEMS = ['sleep', 'fatigue', 'soreness', 'stress', 'mood'] as const;
export type WellnessItem = (typeof WELLNESS_ITEMS)[number];

export interface WellnessOutcome extends Recorded {
  readonly kind: 'wellness';
  /** Day of the team's calendar. */
  readonly day: number;
  readonly items: Readonly<Partial<Record<WellnessItem, number>>>;
}

export type Outcome = InjuryOutcome | PerformanceOutcome | SessionRpeOutcome | WellnessOutcome;

/** A test or measure of performance. */
export interface PerformanceMetric {
  readonly name: string;
  readonly unit: string;
  /** In the metric's unit, above 0: 0.2 of the between-athlete SD. */
  readonly smallestWorthwhileChange: number;
  /** In the metric's unit: the squad's middle. Performance is counted from here. */
  readonly reference: number;
  /** False for sprint times. */
  readonly higherIsBetter: boolean;
}

export interface OutcomeContext {
  readonly nowUs: number;
  /** Start of the athlete's first window with a score; null where none was ever scored. */
  readonly firstScoredUs: number | null;
  readonly sessions: readonly { readonly sessionId: string; readonly startUs: number; readonly scoredWindows: number }[];
  readonly metrics: readonly PerformanceMetric[];
  /** Outcomes of the athlete recorded so far, those that were replaced among them. */
  readonly known: readonly Outcome[];
}

export type OutcomeFaultCode =
  | 'not-a-number'
  | 'out-of-range'
  | 'in-the-future'
  | 'before-scores'
  | 'unknown-session'
  | 'not-scored'
  | 'before-session'
  | 'unknown-metric'
  | 'unknown-unit'
  | 'contradicts'
  | 'overlaps'
  | 'unknown-correction'
  | 'already-corrected';

export interface OutcomeFault {
  readonly code: OutcomeFaultCode;
  /** JSON pointer into what was sent: at, value. Null: what it corrects. */
  readonly path: string | null;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** An outcome that changes nothing; every fault at once. */
export class OutcomeRefused extends KinewatchError {
  readonly faults: readonly OutcomeFault[];
  constructor(faults: readonly OutcomeFault[]) {
    super('outcome-refused', faults.map(({ message }) => message).join(' '));
    this.name = 'OutcomeRefused';
    this.faults = faults;
  }
}

/** Further from the reference than this is a slip of unit or digit, (chosen) ten between-athlete SD. */
export const MAXIMUM_CHANGES = 50;
/** Longest session that is rated. (chosen) */
export const MAXIMUM_MINUTES = 600;
const MAXIMUM_RPE = 10;

const timeOf = (us: number): string => new Date(us / 1000).toISOString();
const fault = (code: OutcomeFaultCode, path: string | null, message: string): OutcomeFault => ({ code, path, message });

/** Those that no later one replaces, in the order recorded. */
export function inForce(outcomes: readonly Outcome[]): readonly Outcome[] {
  const replaced = new Set(outcomes.map(({ replaces }) => replaces));
  return outcomes.filter(({ outcomeId }) => !replaced.has(outcomeId));
}

function within(value: number, least: number, most: number, what: string, path: string): OutcomeFault[] {
  if (!Number.isFinite(value)) return [fault('not-a-number', path, `${what} must be a number from ${least} to ${most}.`)];
  return value < least || value > most ? [fault('out-of-range', path, `${what} is ${value}; give ${least} to ${most}.`)] : [];
}

/** Outcomes that teach need scores; RPE and wellness are records of their own and do not. */
function timeFaults({ kind, atUs }: Outcome, { nowUs, firstScoredUs }: OutcomeContext): OutcomeFault[] {
  if (!Number.isFinite(atUs)) return [fault('not-a-number', '/at', 'The time of the outcome must be a time.')];
  if (atUs > nowUs) return [fault('in-the-future', '/at', `${timeOf(atUs)} has not come yet. Record the outcome when it has happened.`)];
  if (kind !== 'injury' && kind !== 'performance') return [];
  if (firstScoredUs === null)
    return [
      fault('before-scores', '/at', 'No window of this athlete was ever scored. Record a past injury in the medical history instead.'),
    ];
  return atUs < firstScoredUs
    ? [
        fault(
          'before-scores',
          '/at',
          `${timeOf(atUs)} lies before the first scored window (${timeOf(firstScoredUs)}). Record it in the athlete's history instead.`,
        ),
      ]
    : [];
}

function sessionFaults(outcome: PerformanceOutcome | SessionRpeOutcome, { sessions }: OutcomeContext): OutcomeFault[] {
  const session = sessions.find(({ sessionId }) => sessionId === outcome.sessionId);
  if (session === undefined)
    return [
      fault(
        'unknown-session',
        '/value/sessionId',
        `There is no session ${outcome.sessionId} of this athlete. Name one of the athlete's sessions.`,
      ),
    ];
  const faults: OutcomeFault[] = [];
  if (outcome.atUs < session.startUs)
    faults.push(
      fault('before-session', '/at', `The session began at ${timeOf(session.startUs)}. Give a later time, or the session it belongs to.`),
    );
  if (outcome.kind === 'performance' && session.scoredWindows === 0)
    faults.push(
      fault(
        'not-scored',
        '/value/sessionId',
        `No window of session ${outcome.sessionId} was scored. Re-score it first, or name the session that was measured.`,
      ),
    );
  return faults;
}

function metricFaults(outcome: PerformanceOutcome, { metrics }: OutcomeContext): OutcomeFault[] {
  const metric = metrics.find(({ name }) => name === outcome.metric);
  if (metric === undefined) {
    const known = metrics.length === 0 ? 'the team has none yet' : `there are ${metrics.map(({ name }) => name).join(', ')}`;
    return [
      fault(
        'unknown-metric',
        '/value/metric',
        `There is no metric ${outcome.metric}; ${known}. Name one, or add it first: POST /v1/teams/{id}/performance-metrics.`,
      ),
    ];
  }
  if (outcome.unit !== metric.unit)
    return [
      fault(
        'unknown-unit',
        '/value/unit',
        `${outcome.metric} is recorded in ${metric.unit}, not ${outcome.unit}. Convert the value and send it again.`,
      ),
    ];
  const reach = MAXIMUM_CHANGES * metric.smallestWorthwhileChange;
  return within(outcome.value, metric.reference - reach, metric.reference + reach, `${outcome.metric} (${metric.unit})`, '/value/value');
}

function wellnessFaults({ items }: WellnessOutcome): OutcomeFault[] {
  const given = Object.entries(items);
  if (given.length === 0) return [fault('out-of-range', '/value', `Give at least one of ${WELLNESS_ITEMS.join(', ')}.`)];
  return given.flatMap(([item, value]) =>
    (WELLNESS_ITEMS as readonly string[]).includes(item)
      ? within(value, 1, 5, item, `/value/${item}`)
      : [fault('out-of-range', `/value/${item}`, `There is no item ${item}; there are ${WELLNESS_ITEMS.join(', ')}.`)],
  );
}

function injuryFaults({ region, severity }: InjuryOutcome): OutcomeFault[] {
  const faults: OutcomeFault[] = [];
  if (!BODY_REGIONS.includes(region))
    faults.push(fault('out-of-range', '/value/region', `There is no region ${region}; there are ${BODY_REGIONS.join(', ')}.`));
  if (!INJURY_SEVERITIES.includes(severity))
    faults.push(fault('out-of-range', '/value/severity', `There is no severity ${severity}; there are ${INJURY_SEVERITIES.join(', ')}.`));
  return faults;
}

function contentFaults(outcome: Outcome, context: OutcomeContext): OutcomeFault[] {
  if (outcome.kind === 'injury') return injuryFaults(outcome);
  if (outcome.kind === 'wellness') return wellnessFaults(outcome);
  if (outcome.kind === 'performance') return [...sessionFaults(outcome, context), ...metricFaults(outcome, context)];
  return [...(outcome.sessionId === null ? [] : sessionFaults(outcome, context)), ...ratingFaults(outcome)];
}

function ratingFaults({ rpe, minutes }: SessionRpeOutcome): OutcomeFault[] {
  const faults = [...within(rpe, 0, MAXIMUM_RPE, 'rpe', '/value/rpe'), ...within(minutes, 0, MAXIMUM_MINUTES, 'minutes', '/value/minutes')];
  if (faults.length > 0 || minutes > 0 || rpe === 0) return faults;
  return [
    fault('out-of-range', '/value/minutes', `0 minutes are rated ${rpe}. Give the minutes, or state a rest day by rpe 0 and minutes 0.`),
  ];
}

/** What there can be one of: a metric a session, an RPE a session (or moment), a wellness entry a day, an injury a region and (UTC) day of onset. */
function placeOf(outcome: Outcome): string {
  if (outcome.kind === 'injury') return `injury:${outcome.region}:${Math.floor(outcome.atUs / US_PER_DAY)}`;
  if (outcome.kind === 'performance') return `performance:${outcome.metric}:${outcome.sessionId}`;
  return outcome.kind === 'session-rpe' ? `session-rpe:${outcome.sessionId ?? outcome.atUs}` : `wellness:${outcome.day}`;
}

/** Everything an outcome says, without who said it when; items in a fixed order. */
function contentOf(outcome: Outcome): string {
  if (outcome.kind === 'injury') return outcome.severity;
  if (outcome.kind === 'performance') return String(outcome.value);
  return outcome.kind === 'session-rpe'
    ? `${outcome.rpe}:${outcome.minutes}`
    : WELLNESS_ITEMS.map((item) => outcome.items[item] ?? '').join(':');
}

function correctionFaults({ replaces, kind }: Outcome, { known }: OutcomeContext): OutcomeFault[] {
  if (replaces === null) return [];
  const former = known.find(({ outcomeId }) => outcomeId === replaces);
  if (former === undefined)
    return [fault('unknown-correction', null, `There is no outcome ${replaces} to correct. Name one, or send it as a new outcome.`)];
  if (former.kind !== kind)
    return [
      fault(
        'contradicts',
        null,
        `Outcome ${replaces} is of the kind ${former.kind}. A correction keeps the kind; record a new outcome instead.`,
      ),
    ];
  const later = known.find((other) => other.replaces === replaces);
  return later === undefined
    ? []
    : [fault('already-corrected', null, `Outcome ${replaces} was corrected by ${later.outcomeId} already. Correct that one.`)];
}

function contradictionFaults(outcome: Outcome, { known }: OutcomeContext): OutcomeFault[] {
  const other = inForce(known).find((one) => one.outcomeId !== outcome.replaces && placeOf(one) === placeOf(outcome));
  if (other === undefined || contentOf(other) === contentOf(outcome)) return [];
  const message = `Outcome ${other.outcomeId} says something else of the same ${outcome.kind}. Keep it, or correct it: POST /v1/athletes/{id}/outcomes/${other.outcomeId}/corrections`;
  return [fault('contradicts', '/value', message)];
}

const MINUTE_US = 60e6;
const beginsUs = ({ atUs, minutes }: SessionRpeOutcome): number => atUs - minutes * MINUTE_US;

/** Minutes that are rated twice, where the two do not name their sessions: their load would count twice. */
const overlap = (a: SessionRpeOutcome, b: SessionRpeOutcome): boolean =>
  a.minutes > 0 && b.minutes > 0 && beginsUs(a) < b.atUs && beginsUs(b) < a.atUs && (a.sessionId === null || b.sessionId === null);

function overlapFaults(outcome: Outcome, { known }: OutcomeContext): OutcomeFault[] {
  if (outcome.kind !== 'session-rpe') return [];
  const other = inForce(known)
    .filter((one) => one.kind === 'session-rpe')
    .filter((one) => one.outcomeId !== outcome.replaces && placeOf(one) !== placeOf(outcome) && ratingFaults(one).length === 0)
    .find((one) => overlap(one, outcome));
  if (other === undefined) return [];
  const message =
    `Outcome ${other.outcomeId} rates ${timeOf(beginsUs(other))} to ${timeOf(other.atUs)} already, and a load counts once. Of the same session, keep it, or ` +
    `correct it: POST /v1/athletes/{id}/outcomes/${other.outcomeId}/corrections. Of another, give the end (at) and minutes of each, or the sessionId of both.`;
  return [fault('overlaps', '/at', message)];
}

/** Every fault of an outcome, none where it can stand. An outcome whose time is no time is judged by that alone. */
export function outcomeFaults(outcome: Outcome, context: OutcomeContext): readonly OutcomeFault[] {
  const time = timeFaults(outcome, context);
  if (time.some(({ code }) => code === 'not-a-number')) return time;
  return [
    ...time,
    ...contentFaults(outcome, context),
    ...correctionFaults(outcome, context),
    ...contradictionFaults(outcome, context),
    ...overlapFaults(outcome, context),
  ];
}

/**
 * Null: it is to be recorded. Else the outcome in force that says the same of the same place already: nothing changes.
 * @throws OutcomeRefused with every fault; nothing changes then either
 */
export function admitOutcome(outcome: Outcome, context: OutcomeContext): Outcome | null {
  const faults = outcomeFaults(outcome, context);
  if (faults.length > 0) throw new OutcomeRefused(faults);
  if (outcome.replaces !== null) return null;
  return inForce(context.known).find((one) => placeOf(one) === placeOf(outcome) && contentOf(one) === contentOf(outcome)) ?? null;
}
