/** What a limit may be. */
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
