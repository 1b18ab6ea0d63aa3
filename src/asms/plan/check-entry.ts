/** A new version of a catalogue entry beside what is in force. */
import { MAXIMUM_INTERVENTIONS, PlanRefused, checkIntervention } from './check-problem.ts';
import type { Intervention } from './problem.ts';

/** @throws PlanRefused `plan-catalogue`: which field, and what it may be */
export function checkEntry(one: Intervention, regions: readonly string[], inForce: readonly Intervention[]): void {
  checkIntervention(one);
  for (const { scope } of [...one.riskEffects, ...one.recoveryEffects]) {
    const unknown = scope === 'all' ? undefined : scope.find((region) => !regions.includes(region));
    if (unknown !== undefined)
      throw new PlanRefused(
        'plan-catalogue',
        `intervention ${one.id} names the region "${unknown}": give all, or some of ${regions.join(', ')}`,
      );
  }
  const others = inForce.filter(({ id }) => id !== one.id);
  const same = one.action === 'session' ? undefined : others.find(({ action }) => action === one.action);
  if (same !== undefined)
    throw new PlanRefused(
      'plan-catalogue',
      `${same.id} is the ${one.action} in force, and a plan takes one: retire it first, or change it`,
    );
  if (others.length >= MAXIMUM_INTERVENTIONS)
    throw new PlanRefused('plan-catalogue', `${others.length} interventions are in force, the most a plan takes: retire one first`);
}
