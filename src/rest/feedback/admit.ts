/** Whether an outcome can stand beside those that are known, and what is to be written. */
import {
  inForce,
  outcomeFaults,
  OutcomeRefused,
  type Outcome,
  type OutcomeFault,
  type OutcomeFaultCode,
} from '../../asms/feedback/outcomes.ts';
import { asOutcome } from '../../asms/feedback/stored-outcomes.ts';
import { ProblemError } from '../problems.ts';
import type { Outcome as StoredOutcome } from '../medical/schemas.ts';
import type { Repositories, TeamScope } from '../ports.ts';
import type { Admitted, OutcomeRows } from './ports.ts';

/** An outcome on its way in. */
export interface Sent {
  readonly kind: Outcome['kind'];
  readonly at: Date;
  readonly value: Readonly<Record<string, unknown>>;
  readonly replaces: string | null;
}

/** RPE and wellness may be recorded without a session or items; what cannot be counted of them is listed with the load. Their corrections are held to the rest. */
const LOOSE: Readonly<Record<string, ReadonlySet<OutcomeFaultCode>>> = {
  'session-rpe': new Set(['in-the-future', 'not-a-number', 'out-of-range', 'unknown-correction', 'already-corrected']),
  wellness: new Set(['in-the-future', 'unknown-correction', 'already-corrected']),
};

const says = (a: Outcome, b: Outcome): boolean => {
  const { outcomeId: _a, atUs: _c, replaces: _e, ...first } = a;
  const { outcomeId: _b, atUs: _d, replaces: _f, ...second } = b;
  return JSON.stringify(first) === JSON.stringify(second);
};

/** A new outcome that says what one in force says of the same place: the one that stands is the answer. Injuries of one region are told apart by the day. */
const repeated = (outcome: Outcome, known: readonly Outcome[]): Outcome | undefined =>
  outcome.replaces !== null
    ? undefined
    : inForce(known).find(
        (one) =>
          says(one, outcome) && (outcome.kind !== 'injury' || Math.floor(one.atUs / 86_400e6) === Math.floor(outcome.atUs / 86_400e6)),
      );

/** Outcomes that move parameters: they are held against everything that is known of the athlete. */
export const isTaught = (kind: Outcome['kind']): boolean => kind === 'performance' || kind === 'injury';

const NEW_ID = 'new';

/**
 * @throws ProblemError `outcome-refused` with every fault
 */
export function admit(sent: Sent, { firstScoredUs, sessions, metrics, outcomes }: OutcomeRows, nowUs: number): Admitted {
  const { kind, at, value, replaces } = sent;
  const outcome = asOutcome({ id: NEW_ID, kind, atUs: at.getTime() * 1_000, value, replaces });
  if (outcome === null) throw new RangeError(`no outcome is of kind ${kind}`);
  const known = outcomes.flatMap((stored) => asOutcome(stored) ?? []);
  const loose = LOOSE[kind];
  const faults = outcomeFaults(outcome, { nowUs, firstScoredUs, sessions, metrics, known }).filter(({ code }) => loose?.has(code) ?? true);
  if (faults.length > 0) throw refused(faults);
  const same = repeated(outcome, known);
  if (same !== undefined) return { existing: same.outcomeId };
  // Whoever reads ratings alone finds the correction in the value.
  return { kind, at, value: replaces === null ? value : { ...value, replaces }, replaces };
}

const RATING_FAULTS: ReadonlySet<OutcomeFaultCode> = new Set(['in-the-future', 'not-a-number', 'out-of-range']);

/**
 * Holds a rating to what can be counted: rpe and minutes in range, not in the future, and no correction but by the route for corrections.
 * @throws ProblemError `outcome-refused` with every fault
 */
export function checkRating(athleteId: string, at: Date, value: Readonly<Record<string, unknown>>, nowMs: number): void {
  if ('replaces' in value)
    throw new ProblemError(
      'outcome-refused',
      `A rating is corrected at POST /v1/athletes/${athleteId}/outcomes/{outcomeId}/corrections, which keeps the one before`,
    );
  const rating = asOutcome({ id: NEW_ID, kind: 'session-rpe', atUs: at.getTime() * 1_000, value, replaces: null });
  if (rating === null) throw new RangeError('a rating is an outcome');
  const context = { nowUs: nowMs * 1_000, firstScoredUs: null, sessions: [], metrics: [], known: [] };
  const faults = outcomeFaults(rating, context).filter(({ code }) => RATING_FAULTS.has(code));
  if (faults.length > 0) throw refused(faults);
}

function refused(faults: readonly OutcomeFault[]): ProblemError {
  const { message } = new OutcomeRefused(faults);
  return new ProblemError(
    'outcome-refused',
    message,
    faults.map(({ code, message: told }) => ({ in: 'body', path: '/value', message: `${code}: ${told}` })),
  );
}

/**
 * Writes an outcome, or finds the one that says the same already. null: no such athlete in the team.
 * @throws ProblemError `outcome-refused` with every fault; nothing changes then
 */
export function recordOutcome(
  { feedback }: Pick<Repositories, 'feedback'>,
  team: TeamScope,
  athleteId: string,
  sent: Sent,
  nowMs: number,
): Promise<StoredOutcome | null> {
  const { sessionId } = sent.value;
  return feedback.record(team, athleteId, typeof sessionId === 'string' ? sessionId : null, (rows) => admit(sent, rows, nowMs * 1_000));
}
