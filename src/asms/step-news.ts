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
  return {
    state: observed.state,
    raise: [...moved.raise, ...observed.raise],
    clear: [...moved.clear, ...observed.clear],
    live: moved.live,
  };
}
