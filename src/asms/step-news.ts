/** One step over what an athlete's state has not seen: windows, then observations. Which come first changes nothing in the state. */
import type { Observation } from '../contracts/observation.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import { stepObservations } from './observations.ts';
import type { AsmsParams } from './params.ts';
import { stepAsms, type AsmsFacts, type AsmsStateValue, type AsmsStep } from './step.ts';

/** @throws as stepObservations */
export function stepNews(
  state: AsmsStateValue | null,
  news: { readonly windows: readonly ScoredWindow[]; readonly observations: readonly Observation[] },
  facts: AsmsFacts,
  params: AsmsParams,
): AsmsStep {
  const moved = stepAsms(state, news.windows, facts, params);
  const observed = stepObservations(moved.state, news.observations, facts, params);
  const raise = [...moved.raise, ...observed.raise];
  // The facts know the alert that was open before the step; one that was raised in it since has no id yet.
  const clear = [...moved.clear, ...observed.clear].map((one) =>
    raise.some(({ type, windowIndex }) => type === one.type && windowIndex <= one.windowIndex) ? { ...one, alertId: null } : one,
  );
  return { state: observed.state, raise, clear, live: moved.live };
}
