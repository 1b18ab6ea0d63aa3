/** Whether an outcome can stand beside those that are known, and what is to be written. */
import { admitOutcome, OutcomeRefused, type Outcome } from '../../asms/feedback/outcomes.ts';
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

const NEW_ID = 'new';

/**
 * What no outcome may be: wellness, which athletes say of themselves under a consent that no outcome asks for, and a correction by another way than its own.
 * @throws ProblemError `outcome-refused`
 */
function refuseOtherWays({ kind, value }: Sent): void {
  const here = '/v1/athletes/{id}';
  if (kind === 'wellness')
    throw new ProblemError(
      'outcome-refused',
      `Wellness is entered under a consent: record it at POST ${here}/consents, then enter at POST ${here}/wellness`,
    );
  if ('replaces' in value)
    throw new ProblemError(
      'outcome-refused',
      `An outcome is corrected at POST ${here}/outcomes/{outcomeId}/corrections, which keeps the one before`,
    );
}

/**
 * @throws ProblemError `outcome-refused` with every fault
 */
export function admit(sent: Sent, { firstScoredUs, sessions, metrics, outcomes }: OutcomeRows, nowUs: number): Admitted {
  refuseOtherWays(sent);
  const { kind, at, value, replaces } = sent;
  const outcome = asOutcome({ id: NEW_ID, kind, atUs: at.getTime() * 1_000, value, replaces });
  if (outcome === null) throw new RangeError(`no outcome is of kind ${kind}`);
  const known = outcomes.flatMap((stored) => asOutcome(stored) ?? []);
  const same = refusing(() => admitOutcome(outcome, { nowUs, firstScoredUs, sessions, metrics, known }));
  if (same !== null) return { existing: same.outcomeId };
  // Whoever reads ratings alone finds the correction in the value.
  return { kind, at, value: replaces === null ? value : { ...value, replaces }, replaces };
}

function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OutcomeRefused)) throw error;
    const faults = error.faults.map(({ code, path, message }) => ({
      ...(path === null ? { in: 'params', path: '/outcomeId' } : { in: 'body', path }),
      message: `${code}: ${message}`,
    }));
    throw new ProblemError('outcome-refused', error.message, faults);
  }
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
