/** Which illnesses can stand beside each other. Pure. */
import { ProblemError } from '../problems.ts';
import { readTime } from '../schemas.ts';
import type { Illness, IllnessPatch } from './schemas.ts';

type Stretch = Pick<Illness, 'onsetDay' | 'returnedDay'>;

/** @throws ProblemError `time-out-of-range` where the day has not come yet */
export function checkDay(day: string, today: string): void {
  readTime(day);
  if (day > today) throw new ProblemError('time-out-of-range', `${day} has not come yet: it is ${today} for the team`);
}

/** @throws ProblemError `time-out-of-range` */
export function checkStretch({ onsetDay, returnedDay }: Stretch, today: string): void {
  checkDay(onsetDay, today);
  if (returnedDay === null) return;
  checkDay(returnedDay, today);
  if (returnedDay < onsetDay)
    throw new ProblemError('time-out-of-range', `returnedDay ${returnedDay} lies before onsetDay ${onsetDay}: give the first day back`);
}

/** Day of return not counted; an illness of no day overlaps nothing. */
const overlap = (a: Stretch, b: Stretch): boolean => {
  const [endA, endB] = [a.returnedDay ?? '9999', b.returnedDay ?? '9999'];
  return a.onsetDay < endA && b.onsetDay < endB && a.onsetDay < endB && b.onsetDay < endA;
};

/** @throws ProblemError `illness-overlap`, which names the other and what to do */
export function checkOverlap(illness: Stretch, others: readonly Illness[]): void {
  const other = others.find((one) => overlap(one, illness));
  if (other === undefined) return;
  const { id, onsetDay, returnedDay } = other;
  const days = returnedDay === null ? `since ${onsetDay}` : `from ${onsetDay} to ${returnedDay}`;
  const another =
    returnedDay === null ? `close that first, POST /v1/illnesses/${id}/close` : 'give onsetDay and returnedDay outside those days';
  throw new ProblemError(
    'illness-overlap',
    `The athlete is ill ${days} as illness ${id}. If it is the same, medical staff correct that: PATCH /v1/illnesses/${id}. If it is another, ${another}`,
  );
}

/** @throws ProblemError `already-closed` */
export function closeOnce({ id, returnedDay, closedBy }: Illness): void {
  if (returnedDay === null) return;
  throw new ProblemError(
    'already-closed',
    `${closedBy} closed the illness, returned on ${returnedDay}. If the day is wrong, correct it: PATCH /v1/illnesses/${id}`,
  );
}

/** What a correction writes. @throws ProblemError `time-out-of-range`, `illness-overlap` where the days are corrected */
export function correctIllness(illness: Illness, patch: IllnessPatch, others: readonly Illness[], today: string): IllnessPatch {
  const { onsetDay = illness.onsetDay, returnedDay = illness.returnedDay } = patch;
  checkStretch({ onsetDay, returnedDay }, today);
  if (onsetDay !== illness.onsetDay || returnedDay !== illness.returnedDay) checkOverlap({ onsetDay, returnedDay }, others);
  return patch;
}
