/** Names of limits (LIMITS in limits.ts) as a coach reads them. Stages and conditions are medical detail: without that scope they are named as kinds only. */
import type { PlanProblem } from './problem.ts';

export interface WordsContext {
  readonly problem: Pick<PlanProblem, 'days' | 'interventions' | 'costBudget' | 'dailyLoadLimit' | 'stages' | 'fixedLoads'>;
  /** ISO dates of the days. */
  readonly days: readonly string[];
  readonly loadUnit: string;
  readonly isMedical: boolean;
}

const figure = (value: number): string => String(Math.round(value * 100) / 100);

/** The first number of a name's tail, "day 3 nordic" gives 3 and "nordic". */
function dayAndRest(tail: string): { readonly day: number; readonly rest: string } {
  const [, digits = '', rest = ''] = /^day (\d+) ?(.*)$/u.exec(tail) ?? [];
  return { day: Number(digits), rest };
}

/** A limit in words: what it is and where it stands. A name that is not known is given back. */
export function limitInWords(name: string, { problem, days, loadUnit, isMedical }: WordsContext): string {
  const at = name.indexOf(':');
  const [kind, tail] = at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)];
  const nameOf = (id: string): string => problem.interventions.find((one) => one.id === id)?.name ?? id;
  const { day, rest } = dayAndRest(tail);
  switch (kind) {
    case 'daily-load-limit':
      return `the daily load limit of ${figure(problem.dailyLoadLimit ?? NaN)} ${loadUnit}`;
    case 'cost-budget':
      return `the cost budget of ${figure(problem.costBudget ?? NaN)}`;
    case 'allowed-load': {
      const { minimumLoad, maximumLoad } = problem.days[day] ?? { minimumLoad: NaN, maximumLoad: NaN };
      return `the load allowed on ${days[day]}, ${figure(minimumLoad)} to ${figure(maximumLoad)} ${loadUnit}`;
    }
    case 'stage-load-ceiling': {
      const ceiling = problem.stages.find((stage) => stage.name === tail)?.loadCeiling ?? NaN;
      return `the load ceiling of the return to play${isMedical ? `, stage ${tail}` : ''}, ${figure(ceiling)} ${loadUnit}`;
    }
    case 'stage-allowed-kinds':
      return isMedical ? `the work that the return to play allows at the stage ${tail}` : 'the work that the return to play allows';
    case 'contraindication':
      return isMedical ? `a condition that rules out ${nameOf(tail)}` : `a limit of medical staff on ${nameOf(tail)}`;
    case 'maximum-days-a-week':
      return `the most days a week of ${nameOf(tail)}, ${problem.interventions.find((one) => one.id === tail)?.maximumDaysAWeek}`;
    case 'rest-days-after':
      return `the days of rest after ${nameOf(tail)}, ${problem.interventions.find((one) => one.id === tail)?.restDaysAfter}`;
    case 'fixed-choice':
      return `the choice of ${nameOf(rest)} on ${days[day]}`;
    case 'fixed-load':
      return `the load of ${figure(problem.fixedLoads.find((fixed) => fixed.day === day)?.load ?? NaN)} ${loadUnit} set for ${days[day]}`;
    default:
      return name;
  }
}

const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;

/** Why there is no plan, in a sentence that says what to do. */
export function conflictInWords(limits: readonly string[], isSmallest: boolean, context: WordsContext): string {
  const words = [...new Set(limits.map((name) => limitInWords(name, context)))];
  const [head, remedy] =
    words.length === 1
      ? [`No plan keeps ${listed(words)}`, 'Change it']
      : [
          `No plan keeps these together: ${listed(words)}`,
          isSmallest ? 'Change any one of them' : 'Time ran out before it was known which of them can stay: change one or more of them',
        ];
  return `${head}. ${remedy}.`;
}

const AIMS = { daysLost: 'days lost', performance: 'performance', recovery: 'recovery' } as const;

/** What zeros mean that are allowed. */
export function limitNotes({ costBudget, weights }: Pick<PlanProblem, 'costBudget' | 'weights'>): string[] {
  const unweighted = (Object.keys(AIMS) as (keyof typeof AIMS)[]).filter((aim) => weights[aim] === 0);
  return [
    ...(costBudget === 0 ? ['The cost budget is 0: plans hold nothing that costs, no session, no rest day and no change of load.'] : []),
    ...unweighted.map((aim) => `The weight of ${AIMS[aim]} is 0: plans do not count it.`),
  ];
}
