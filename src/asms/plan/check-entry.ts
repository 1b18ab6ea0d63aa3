/** A new version of a catalogue entry beside what is in force. */
import { MAXIMUM_INTERVENTIONS, PlanRefused, checkIntervention } from './check-problem.ts';
import type { Intervention, Scope } from './problem.ts';

/** What scopes may name: an effect on risk the regions that risk is told apart by, a gain in recovery the body areas of injuries. */
export interface ScopeRegions {
  readonly risk: readonly string[];
  readonly recovery: readonly string[];
}

function checkScopes(id: string, effects: readonly { readonly scope: Scope }[], of: keyof ScopeRegions, regions: ScopeRegions): void {
  for (const { scope } of effects) {
    const unknown = scope === 'all' ? undefined : scope.find((region) => !regions[of].includes(region));
    if (unknown !== undefined)
      throw new PlanRefused(
        'plan-catalogue',
        `an effect on ${of} of intervention ${id} names the region "${unknown}": give all, or some of ${regions[of].join(', ')}`,
      );
  }
}

/** @throws PlanRefused `plan-catalogue`: which field, and what it may be */
export function checkEntry(one: Intervention, regions: ScopeRegions, inForce: readonly Intervention[]): void {
  checkIntervention(one);
  checkScopes(one.id, one.riskEffects, 'risk', regions);
  checkScopes(one.id, one.recoveryEffects, 'recovery', regions);
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
