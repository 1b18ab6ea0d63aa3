/** A plan in plain sentences: what, how much, when, what it is expected to do beside doing nothing, what the limits cost, the next best, the evidence. */
import type { Alternatives, LimitPrice } from './alternatives.ts';
import type { PlanSources } from './assemble.ts';
import { limitInWords, limitNotes, type WordsContext } from './limits-in-words.ts';
import type { Decision, Intervention, PlanProblem } from './problem.ts';
import type { Plan } from './solve-plan.ts';
import type { Outlook } from './evaluate.ts';

export interface PlanToDescribe {
  readonly problem: PlanProblem;
  readonly sources: PlanSources;
  /** ISO dates. */
  readonly days: readonly string[];
  readonly plan: Plan;
  /** to-follow: they are worked out after the plan; not-asked: they never will be (a question without a plan that is kept). */
  readonly alternatives: Alternatives | 'to-follow' | 'not-asked';
}

/** What is to be done, by whomever it was decided. */
export type CourseToDescribe = Omit<PlanToDescribe, 'alternatives'>;

export interface PlanText {
  readonly title: string;
  /** Without medical detail: regions are those of the catalogue, never an injury's. */
  readonly sentences: readonly string[];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const fixed = (value: number, digits = 2): string => (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits);
const loadOf = (value: number): string => String(Math.round(value));
/** (chosen) The dearest limits; the plan has all of them. */
const MOST_PRICES = 4;
/** Loads nearer than this to the plan are the plan's. */
const SAME_LOAD = 0.5;

interface Dosed {
  readonly one: Intervention;
  readonly levels: readonly number[];
}

const sessionsOf = ({ interventions }: PlanProblem, { levels }: Decision): readonly Dosed[] =>
  interventions.flatMap((one, m) => {
    const own = levels[m] ?? [];
    return one.action === 'session' && own.some((level) => level > 0) ? [{ one, levels: own }] : [];
  });

/** "Balance training (10 minutes ...) on 2026-11-30, 2026-12-02"; days of equal dose together. */
function doseInWords({ one, levels }: Dosed, days: readonly string[]): string {
  const steps = [...new Set(levels.filter((level) => level > 0))].toSorted((a, b) => b - a);
  const parts = steps.map((step) => {
    const on = days.filter((_, d) => levels[d] === step).join(', ');
    return one.doseLevels === 1
      ? on
      : `${step === one.doseLevels ? 'a full dose' : `${step} of ${one.doseLevels} parts of a dose`} on ${on}`;
  });
  return `${one.name} (${one.doseUnit})${one.doseLevels === 1 ? ' on ' : ': '}${parts.join('; ')}`;
}

function loadsInWords({ problem, sources, days }: CourseToDescribe, { loads }: Decision): string {
  const changes = days.flatMap((day, d) => {
    const [load, planned] = [loads[d] ?? 0, problem.days[d]?.load ?? 0];
    if (Math.abs(load - planned) < SAME_LOAD) return [];
    return [load < SAME_LOAD ? `rest on ${day} instead of ${loadOf(planned)}` : `${loadOf(load)} on ${day} instead of ${loadOf(planned)}`];
  });
  if (changes.length === 0)
    return `Load: as planned, ${loadOf(loads.reduce((a, b) => a + b, 0))} ${sources.loadUnit} over ${days.length} days.`;
  return `Load (${sources.loadUnit}): ${changes.join('; ')}; as planned on the other days.`;
}

function decisionInWords(asked: CourseToDescribe, decision: Decision): readonly string[] {
  const sessions = sessionsOf(asked.problem, decision).map((one) => doseInWords(one, asked.days));
  return [
    ...(sessions.length === 0 ? ['No session beside training.'] : [`Sessions: ${sessions.join('. ')}.`]),
    loadsInWords(asked, decision),
  ];
}

function riskInWords({ plan, days, sources }: CourseToDescribe): string {
  const { with: own, without } = plan;
  const interval = [own.injuryProbabilityLower, own.injuryProbabilityUpper].toSorted((a, b) => a - b).map(percent);
  const whose =
    sources.hazard.source === 'own' ? "from the athlete's daily hazard" : 'for an average athlete, since there is no hazard of their own';
  return (
    `Risk of a new time-loss injury in these ${days.length} days, ${whose}: ${percent(own.injuryProbability)} with the plan (${interval.join(' to ')} over the intervals ` +
    `of the effects), ${percent(without.injuryProbability)} without it; expected days lost ${fixed(own.expectedDaysLost + own.expectedDaysLostAfter)} against ` +
    `${fixed(without.expectedDaysLost + without.expectedDaysLostAfter)}, the four weeks after counted.`
  );
}

function recoveryInWords({ problem, plan }: CourseToDescribe): readonly string[] {
  if (problem.injuries.length === 0) return [];
  return [`Recovery at the end: ${percent(plan.with.recovery)} with the plan, ${percent(plan.without.recovery)} without it.`];
}

function performanceInWords({ plan }: CourseToDescribe): readonly string[] {
  const change = (outlook: Outlook): string => fixed(outlook.performanceChange ?? 0);
  if (plan.with.performanceChange === null) return [];
  return [
    `Performance, mean over these days and the four weeks after, in smallest worthwhile changes from now: ${change(plan.with)} with the plan, ${change(plan.without)} without it.`,
  ];
}

const priceInWords = ({ limit, movedBy, price, error }: LimitPrice, context: WordsContext): string =>
  `moving ${limitInWords(limit, context)} by ${fixed(movedBy, 0)} is worth ${fixed(price, 3)} (within ${fixed(error, 3)})`;

function alternativesInWords(asked: PlanToDescribe, context: WordsContext): readonly string[] {
  const { alternatives } = asked;
  if (alternatives === 'not-asked') return [];
  if (alternatives === 'to-follow') return ['What each limit costs and the next best plan follow.'];
  const { prices, runnerUp, plan } = alternatives;
  // A price within its own error may be nothing.
  const known = prices.filter(({ price, error }) => price > error).toSorted((a, b) => b.price - a.price);
  const priced =
    known.length === 0
      ? 'No limit holds this plan back by more than can be told.'
      : `What the limits cost, in expected days lost: ${known
          .slice(0, MOST_PRICES)
          .map((one) => priceInWords(one, context))
          .join('; ')}.`;
  if (runnerUp === null) return [priced, 'There is no other plan.'];
  const [other, own] = [runnerUp, plan].map(({ decision }) => decisionInWords(asked, decision).join(' '));
  // A rest day and a change of load to 0 are two decisions and one thing to do.
  if (other === own) return [priced, 'No other plan was found that does something else.'];
  const more = runnerUp.with.objective - plan.with.objective;
  return [priced, `Next best, ${fixed(more, 3)} expected days worse: ${other}`];
}

/** What is done, and what it is expected to do: also of a plan that staff changed, of which nobody says that none is better. */
export const describeCourse = (asked: CourseToDescribe): readonly string[] => [
  ...decisionInWords(asked, asked.plan.decision),
  riskInWords(asked),
  ...recoveryInWords(asked),
  ...performanceInWords(asked),
];

/** The sentences that stand in the recommendation. The plan's own figures are those of `plan`, before and after the alternatives are there. */
export function describePlan(asked: PlanToDescribe): PlanText {
  const { problem, sources, days, plan } = asked;
  const context: WordsContext = { problem, days, loadUnit: sources.loadUnit, isMedical: false };
  const used = problem.interventions.filter((_, m) => plan.decision.levels[m]?.some((level) => level > 0) === true);
  return {
    title: `Plan for ${days[0]} to ${days.at(-1)}`,
    sentences: [
      ...describeCourse(asked),
      ...alternativesInWords(asked, context),
      `By the model no plan is better than this by more than ${percent(plan.report.gap)}.`,
      ...limitNotes(problem),
      ...used.map((one) => `Evidence, ${one.name}: ${one.evidence}`),
      ...sources.missing,
    ],
  };
}
