/** What a limit may be, and what a limit of zero means. */
import { ProblemError } from '../problems.ts';
import type { LimitsBody } from './schemas.ts';

/** @throws ProblemError `limit-refused`: which one, why, and what to do instead */
export function requireLimits({ dailyLoadLimit, loadStep, weights }: LimitsBody): void {
  if (dailyLoadLimit === 0)
    throw new ProblemError(
      'limit-refused',
      'A daily load limit of 0 would forbid all training on every day. For a day of rest plan a load of 0 for that day; an athlete who may not train has an injury and a stage of return to play. For no limit give null',
    );
  if (loadStep === 0)
    throw new ProblemError('limit-refused', 'Loads cannot change in steps of 0: give a positive step, or null for any change');
  if (weights !== undefined && weights.daysLost === 0 && weights.performance === 0 && weights.recovery === 0)
    throw new ProblemError(
      'limit-refused',
      'With all three weights 0 every plan is as good as any other: give one of them a positive weight',
    );
}

const AIMS = { daysLost: 'days lost', performance: 'performance', recovery: 'recovery' } as const;

/** What zeros mean that are allowed. */
export function limitNotes({
  costBudget,
  weights,
}: {
  readonly costBudget: number | null;
  readonly weights: NonNullable<LimitsBody['weights']>;
}): string[] {
  const unweighted = (Object.keys(AIMS) as (keyof typeof AIMS)[]).filter((aim) => weights[aim] === 0);
  return [
    ...(costBudget === 0 ? ['The cost budget is 0: plans hold nothing that costs, no session, no rest day and no change of load.'] : []),
    ...unweighted.map((aim) => `The weight of ${AIMS[aim]} is 0: plans do not count it.`),
  ];
}
