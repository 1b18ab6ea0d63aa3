import { DEFAULT_REGIONS } from '../../src/asms/catalogue.ts';
import { steadyLoad } from '../../src/asms/load.ts';
import { DEFAULT_WEIGHTS, type PlanProblem } from '../../src/asms/plan/problem.ts';

/** Usual load on every day and nothing to choose from. */
export const emptyProblem = (days: number): PlanProblem => ({
  days: Array.from({ length: days }, () => ({ load: 300, minimumLoad: 0, maximumLoad: 330 })),
  load: steadyLoad(300),
  usualDailyLoad: 300,
  hazard: { logDailyRate: Math.log(0.005), fatigue: 0.7, loadExcess: 0.4 },
  regions: DEFAULT_REGIONS,
  injuries: [],
  performance: { fitnessGain: 1, fatigueLoss: 2, smallestWorthwhileChange: 1_500 },
  interventions: [],
  effectsNow: {},
  adherence: 0.8,
  doneDaysAgo: {},
  conditions: [],
  stages: [],
  dailyLoadLimit: null,
  costBudget: 12,
  loadStep: null,
  fixedDoses: [],
  fixedLoads: [],
  weights: DEFAULT_WEIGHTS,
});
