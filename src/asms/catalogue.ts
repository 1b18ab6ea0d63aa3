/**
 * The default catalogue of interventions and the regions they reach: what a store is seeded with, and what staff then change. † marks literature cited
 * from memory, to be checked before it is quoted. Where no trial gives a relative risk there is none here: `riskEffects` is empty, the planner
 * takes the effect on risk as unknown (a relative risk of 1), and the evidence line says why the entry is offered all the same.
 * Costs are in quarter hours of staff and athlete time together (chosen). Doses, rest days, soreness and how fast an effect builds are (chosen) unless a
 * source stands beside them. Relative risks of separate trials are multiplied, as if their effects were independent: nobody has tested them together.
 */
import type { Intervention, RiskRegion } from './plan/problem.ts';

/** An effect that needs w weeks of training to be there by 90 %: kept^(7 w) = 0.1. */
const keptOverWeeks = (weeks: number): number => 0.1 ** (1 / (7 * weeks));

/** Mean of a log-normal with this median. */
const meanDays = (median: number, logSd: number): number => median * Math.exp(logSd ** 2 / 2);

/**
 * Shares of time-loss injuries in professional football and median days lost after Ekstrand 2011†; log-SD (chosen), as in the simulated season.
 * The thigh's share is split in two halves: about every second thigh injury is a hamstring's (the same study†).
 */
export const DEFAULT_REGIONS: readonly RiskRegion[] = [
  { code: 'hamstring', share: 0.12, severityDays: meanDays(14, 0.7) },
  { code: 'thigh-other', share: 0.12, severityDays: meanDays(14, 0.7) },
  { code: 'hip-groin', share: 0.15, severityDays: meanDays(11, 0.8) },
  { code: 'knee', share: 0.18, severityDays: meanDays(16, 1.1) },
  { code: 'ankle', share: 0.15, severityDays: meanDays(12, 0.8) },
  { code: 'calf', share: 0.11, severityDays: meanDays(13, 0.7) },
  { code: 'foot', share: 0.06, severityDays: meanDays(13, 0.9) },
  { code: 'other', share: 0.11, severityDays: meanDays(8, 0.9) },
];

/** What an entry is unless it says otherwise. */
const PLAIN = {
  action: 'session',
  doseLevels: 1,
  maximumDaysAWeek: 7,
  restDaysAfter: 0,
  riskEffects: [],
  effectKept: 0,
  recoveryEffects: [],
  soreness: 0,
  contraindications: [],
} as const satisfies Partial<Intervention>;

const UNKNOWN = 'Effect on injury risk unknown: no trial gives a relative risk.';

export const DEFAULT_CATALOGUE: readonly Intervention[] = [
  {
    ...PLAIN,
    id: 'load-change',
    name: 'Change of load',
    kind: 'load',
    action: 'load-change',
    doseUnit: 'load of the day, within its allowed range',
    costPerLevel: 1,
    evidence: `${UNKNOWN} It acts through fatigue and load above the 28-day mean, whose coefficients are the hazard model's; that changing them changes the risk is an assumption (Impellizzeri 2020†).`,
  },
  {
    ...PLAIN,
    id: 'rest-day',
    name: 'Rest day',
    kind: 'load',
    action: 'rest-day',
    doseUnit: 'day without training',
    costPerLevel: 2,
    maximumDaysAWeek: 2,
    evidence: `${UNKNOWN} It acts through fatigue, as the change of load does.`,
  },
  {
    ...PLAIN,
    id: 'nordic-hamstring',
    name: 'Eccentric hamstring strength (Nordic hamstring exercise)',
    kind: 'strength',
    doseLevels: 2,
    doseUnit: '3 sets of 8 to 10; half a dose is 2 sets of 5',
    costPerLevel: 1,
    maximumDaysAWeek: 2,
    restDaysAfter: 2,
    riskEffects: [{ scope: ['hamstring'], relativeRisk: 0.49, lower: 0.32, upper: 0.74 }],
    effectKept: keptOverWeeks(10),
    soreness: 0.25,
    contraindications: ['hamstring-injury-acute', 'knee-injury-acute'],
    evidence: 'van Dyk 2019†: RR 0.49 (0.32 to 0.74), hamstring injuries only, programmes with the Nordic hamstring exercise, 15 trials.',
  },
  {
    ...PLAIN,
    id: 'copenhagen-adductor',
    name: 'Adductor strength (Copenhagen adduction exercise)',
    kind: 'strength',
    doseLevels: 2,
    doseUnit: '3 sets of 7 to 15 a side; half a dose is 2 sets of 5',
    costPerLevel: 1,
    maximumDaysAWeek: 3,
    restDaysAfter: 1,
    riskEffects: [{ scope: ['hip-groin'], relativeRisk: 0.59, lower: 0.4, upper: 0.86 }],
    effectKept: keptOverWeeks(8),
    soreness: 0.2,
    contraindications: ['groin-injury-acute'],
    evidence:
      'Harøy 2019†: odds ratio 0.59 (0.40 to 0.86) of a groin problem in a week of the season; taken for a relative risk of time loss, which the trial did not have as its outcome.',
  },
  {
    ...PLAIN,
    id: 'balance-training',
    name: 'Balance training',
    kind: 'balance',
    doseUnit: '10 minutes on one leg, stable then unstable ground',
    costPerLevel: 1,
    maximumDaysAWeek: 5,
    riskEffects: [{ scope: ['ankle'], relativeRisk: 0.65, lower: 0.55, upper: 0.77 }],
    effectKept: keptOverWeeks(6),
    soreness: 0.02,
    contraindications: ['ankle-injury-acute'],
    evidence: 'Schiftan 2015†: RR 0.65 (0.55 to 0.77), ankle sprains only, proprioceptive training, 7 trials.',
  },
  {
    ...PLAIN,
    id: 'landing-technique',
    name: 'Jump and landing technique',
    kind: 'balance',
    doseUnit: '15 minutes with feedback',
    costPerLevel: 2,
    maximumDaysAWeek: 3,
    restDaysAfter: 1,
    effectKept: keptOverWeeks(8),
    soreness: 0.1,
    contraindications: ['knee-injury-acute', 'ankle-injury-acute', 'no-impact'],
    evidence: `${UNKNOWN} Neuromuscular programmes lower injuries of the anterior cruciate ligament (Webster & Hewett 2018†), a small part of knee injuries: their figure does not carry over to the region. Offered for altered landing.`,
  },
  {
    ...PLAIN,
    id: 'gait-retraining',
    name: 'Gait retraining',
    kind: 'gait',
    doseUnit: '15 to 30 minutes of running with feedback on impact',
    costPerLevel: 3,
    maximumDaysAWeek: 4,
    effectKept: keptOverWeeks(2),
    soreness: 0.1,
    contraindications: ['no-impact', 'calf-injury-acute'],
    evidence: `${UNKNOWN} Chan 2018† had a hazard ratio of 0.38 (0.25 to 0.59) over a year in novice runners, with fewer injuries of heel and knee and more of calf and Achilles tendon: it is not carried over to trained athletes. Offered for altered gait.`,
  },
  {
    ...PLAIN,
    id: 'sleep-extension',
    name: 'Longer sleep',
    kind: 'recovery',
    doseUnit: '60 to 90 minutes more in bed',
    costPerLevel: 1,
    evidence: `${UNKNOWN} Short sleep goes with injury in cohorts of adolescents (Milewski 2014†), which is no trial. Offered where sleep is short.`,
  },
  {
    ...PLAIN,
    id: 'cold-water',
    name: 'Cold-water immersion',
    kind: 'recovery',
    doseUnit: '10 to 15 minutes at 10 to 15 °C',
    costPerLevel: 1,
    contraindications: ['open-wound', 'cold-intolerance'],
    evidence: `${UNKNOWN} Trials show less soreness a day or two later (Bleakley 2012†), not fewer injuries. Offered in congested weeks.`,
  },
  {
    ...PLAIN,
    id: 'active-recovery',
    name: 'Active recovery and mobility',
    kind: 'recovery',
    doseUnit: '20 minutes, easy',
    costPerLevel: 1,
    evidence: `${UNKNOWN} Offered because athletes ask for it.`,
  },
  {
    ...PLAIN,
    id: 'physiotherapy',
    name: 'Physiotherapy',
    kind: 'therapy',
    doseLevels: 2,
    doseUnit: '60 minutes; half a dose is 30',
    costPerLevel: 3,
    maximumDaysAWeek: 5,
    recoveryEffects: [{ scope: 'all', gainPerDay: 0.01 }],
    evidence: `${UNKNOWN} Gain in recovery of 0.01 a day at full dose (chosen): small beside the 0.1 a day of an injury of 30 days; it is the service's figure for any therapy.`,
  },
  {
    ...PLAIN,
    id: 'rehabilitation-exercise',
    name: 'Exercise of the injured region under supervision',
    kind: 'therapy',
    doseUnit: '45 minutes after the stage of return to play',
    costPerLevel: 3,
    maximumDaysAWeek: 5,
    recoveryEffects: [{ scope: 'all', gainPerDay: 0.01 }],
    soreness: 0.1,
    contraindications: ['no-exercise'],
    evidence: `${UNKNOWN} Gain in recovery of 0.01 a day (chosen), as for physiotherapy; lengthening exercise brought athletes back earlier after hamstring injury (Askling 2013†), given as days, not as a rate of this model.`,
  },
  {
    ...PLAIN,
    id: 'medical-review',
    name: 'Medical review',
    kind: 'medical',
    doseUnit: '30 minutes with the team doctor',
    costPerLevel: 4,
    maximumDaysAWeek: 1,
    evidence: `${UNKNOWN} It finds out, it does not treat: offered on a risk alert or where recovery falls back. Staff fix it; the planner has no reason to choose it.`,
  },
];
