import { KinewatchError } from '../contracts/errors.ts';

/** Limits that cannot hold together: the message names them without medical detail, `inWords(true)` with it. */
export class PlanInfeasible extends KinewatchError {
  readonly isSmallest: boolean;
  readonly inWords: (isMedical: boolean) => string;
  constructor(isSmallest: boolean, inWords: (isMedical: boolean) => string) {
    super('plan-infeasible', inWords(false));
    this.name = 'PlanInfeasible';
    this.isSmallest = isSmallest;
    this.inWords = inWords;
  }
}
