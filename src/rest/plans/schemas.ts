import { Type, type Static, type TProperties } from 'typebox';
import { EXAMPLE_IDS, exampleOf } from '../examples.ts';
import { LIMIT_FIELDS, WeightsSchema } from '../plan-settings/schemas.ts';
import { Day, Nullable, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

const PLAN_STATUS = ['proposed', 'accepted', 'changed', 'declined', 'superseded'] as const;

type ObjectOf<P extends TProperties> = Static<ReturnType<typeof Type.Object<P>>>;
/** The object or null, every member required. */
const OrNull = <P extends TProperties>(properties: P, description: string) =>
  Type.Unsafe<ObjectOf<P> | null>({ type: ['object', 'null'], description, properties, required: Object.keys(properties) });

const OUTLOOK = {
  injuryProbability: Type.Number({ description: 'Of a new time-loss injury within the horizon' }),
  injuryProbabilityLower: Type.Number({ description: 'With every relative risk at the lower end of its interval' }),
  injuryProbabilityUpper: Type.Number(),
  expectedDaysLost: Type.Number({ description: 'Over the horizon, d' }),
  expectedDaysLostAfter: Type.Number({ description: 'Over the four weeks after it, d' }),
  recovery: Type.Number({ description: 'R at the end, 0 to 1; 1 without an open injury' }),
  performanceChange: Nullable(Type.Number({ description: 'Mean over horizon and four weeks, smallest worthwhile changes from now' })),
  performanceChangeAtEnd: Nullable(Type.Number()),
  totalLoad: Type.Number({ description: 'AU' }),
  cost: Type.Number(),
  objective: Type.Number({ description: 'alpha days lost - beta performance + lambda2 (1 - R): what the plan makes small' }),
};

const PlanDay = Type.Object({
  day: Day,
  load: Type.Number(),
  doses: Type.Array(
    Type.Object({
      interventionId: Type.String(),
      name: Type.String(),
      level: Type.Integer({ minimum: 1 }),
      levels: Type.Integer({ minimum: 1, description: 'A full dose' }),
      doseUnit: Type.String(),
    }),
  ),
});

/** What is done, and what the model expects of it. */
const COURSE = { days: Type.Array(PlanDay), outlook: Type.Object(OUTLOOK) };
export type CourseView = ObjectOf<typeof COURSE>;

const SOLVED = {
  firstDay: Day,
  lastDay: Day,
  loadUnit: Type.String(),
  planned: Type.Array(
    Type.Object({
      day: Day,
      load: Type.Number(),
      minimum: Type.Number(),
      maximum: Type.Number(),
      source: OneOf(['athlete', 'team', 'usual'], { description: 'usual: the own usual week, under the ceilings of the day' }),
    }),
    { description: 'What was planned before' },
  ),
  limits: Type.Object({
    costBudget: Nullable(Type.Number({ description: 'Of the horizon' })),
    dailyLoadLimit: Nullable(Type.Number()),
    loadStep: Nullable(Type.Number()),
    weights: WeightsSchema,
  }),
  limitSources: Type.Record(Type.String(), Type.String()),
  hazard: Type.Object({
    source: OneOf(['own', 'population']),
    modelVersion: Nullable(Type.String()),
    day: Nullable(Type.String({ format: 'date' })),
  }),
  catalogue: Type.Record(Type.String(), Type.Integer(), { description: 'Version of each intervention' }),
  adherence: Type.Number({ description: 'Share of planned doses that the plan reckons with' }),
  methodVersion: Type.String(),
  missing: Type.Array(Type.String(), { description: 'What is not known, and what stands in for it' }),
  sentences: Type.Array(Type.String(), { description: 'The recommendation' }),
  medical: Type.Unsafe<Record<string, unknown> | null>({
    type: ['object', 'null'],
    additionalProperties: true,
    description: 'Open injuries with R, conditions and stages that the plan keeps to; null without the scope medical',
  }),
  ...COURSE,
  without: Type.Object(OUTLOOK, { description: 'The planned loads as they were, no intervention' }),
  report: Type.Object({
    gap: Type.Number({ description: 'No plan is better by more than this share: the solver’s gap and the tangent error together' }),
    tangentError: Type.Number({ description: 'What the cuts hide at this plan, in the objective' }),
    tangentErrorBound: Type.Number({ description: 'The most the first cuts could hide' }),
    isWithinGap: Type.Boolean({ description: 'false: time was up' }),
    rounds: Type.Integer(),
    elapsedS: Type.Number(),
  }),
};
export type SolvedView = ObjectOf<typeof SOLVED>;

const ALTERNATIVES = {
  prices: Type.Array(
    Type.Object({
      limit: Type.String(),
      movedBy: Type.Number({ description: 'Outwards, in its own unit' }),
      price: Type.Number({ description: 'Fall of the objective' }),
      error: Type.Number({ description: 'The price lies within this of the true one' }),
    }),
  ),
  runnerUp: OrNull(COURSE, 'The best plan with other sessions or rest days; null: there is none'),
};

const BALANCE = {
  interventionId: 'balance-training',
  name: 'Balance training',
  level: 1,
  levels: 1,
  doseUnit: '10 minutes on one leg, stable then unstable ground',
};
const EXAMPLE_OUTLOOK = {
  injuryProbability: 0.00994,
  injuryProbabilityLower: 0.00994,
  injuryProbabilityUpper: 0.00995,
  expectedDaysLost: 0.186,
  expectedDaysLostAfter: 2.592,
  recovery: 1,
  performanceChange: -0.046,
  performanceChangeAtEnd: 0.103,
  totalLoad: 545,
  cost: 4,
  objective: 2.783,
};
const EXAMPLE_SOLVED = {
  firstDay: '2026-11-28',
  lastDay: '2026-11-29',
  loadUnit: 'AU',
  planned: [
    { day: '2026-11-28', load: 420, minimum: 300, maximum: 420, source: 'athlete' },
    { day: '2026-11-29', load: 350, minimum: 245, maximum: 350, source: 'team' },
  ],
  limits: { costBudget: 4, dailyLoadLimit: 700, loadStep: null, weights: { daysLost: 1, performance: 0.1, recovery: 5 } },
  limitSources: { costBudget: 'athlete', dailyLoadLimit: 'team', loadStep: 'default', weights: 'athlete' },
  hazard: { source: 'population', modelVersion: null, day: null },
  catalogue: { 'balance-training': 1, 'load-change': 1, 'rest-day': 1 },
  adherence: 0.8,
  methodVersion: 'plan-1.0.0',
  missing: [
    "There is no daily hazard of the athlete's own (none was computed yet): the risk is that of an average athlete, 0.5 % a day at usual load.",
  ],
  sentences: [
    'Sessions: Balance training (10 minutes on one leg, stable then unstable ground) on 2026-11-28, 2026-11-29.',
    'Load (AU): 300 on 2026-11-28 instead of 420; 245 on 2026-11-29 instead of 350; as planned on the other days.',
    'By the model no plan is better than this by more than 0.1 %.',
  ],
  medical: null,
  days: [
    { day: '2026-11-28', load: 300, doses: [BALANCE] },
    { day: '2026-11-29', load: 245, doses: [BALANCE] },
  ],
  outlook: EXAMPLE_OUTLOOK,
  without: {
    ...EXAMPLE_OUTLOOK,
    injuryProbability: 0.0113,
    injuryProbabilityLower: 0.0113,
    injuryProbabilityUpper: 0.0113,
    expectedDaysLost: 0.212,
    expectedDaysLostAfter: 2.642,
    performanceChange: 0.106,
    performanceChangeAtEnd: -0.391,
    totalLoad: 770,
    cost: 0,
    objective: 2.843,
  },
  report: { gap: 0.00074, tangentError: 0.0021, tangentErrorBound: 0.0044, isWithinGap: true, rounds: 1, elapsedS: 0.092 },
};

export const PlanView = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    recommendationId: Uuid,
    status: OneOf(PLAN_STATUS),
    trigger: OneOf(['weekly', 'alert', 'stage', 'staff']),
    createdAt: Time,
    decidedAt: Nullable(Time),
    decidedBy: Nullable(Type.String()),
    reason: Nullable(Type.String()),
    ...SOLVED,
    alternatives: OrNull(ALTERNATIVES, 'null: they are not there yet'),
    changed: OrNull(
      { ...COURSE, sentences: Type.Array(Type.String()) },
      'What staff made of it; the sentences above are those of the proposal',
    ),
  },
  {
    title: 'Plan',
    examples: [
      {
        id: 'd9e8f7a6-b5c4-4d3e-8f2a-1b0c9d8e7f6a',
        athleteId: EXAMPLE_IDS.athlete,
        recommendationId: '1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d',
        status: 'proposed',
        trigger: 'staff',
        createdAt: '2026-11-28T07:30:00.000Z',
        decidedAt: null,
        decidedBy: null,
        reason: null,
        ...EXAMPLE_SOLVED,
        alternatives: {
          prices: [{ limit: 'the load allowed on 2026-11-29, 245 to 350 AU', movedBy: 30, price: 0.005, error: 0.003 }],
          runnerUp: {
            days: [
              { day: '2026-11-28', load: 300, doses: [BALANCE] },
              { day: '2026-11-29', load: 245, doses: [] },
            ],
            outlook: { ...EXAMPLE_OUTLOOK, cost: 3, objective: 2.785 },
          },
        },
        changed: null,
      },
    ],
  },
);
export type PlanView = Static<typeof PlanView>;

const ATTEMPT = {
  at: Time,
  trigger: Type.String(),
  refusal: OrNull({ code: Type.String(), message: Type.String() }, 'Why it gave no plan; null: it gave one'),
};
export type AttemptView = ObjectOf<typeof ATTEMPT>;
export const PlanPage = Type.Object(
  {
    athleteId: Uuid,
    items: Type.Array(PlanView),
    nextCursor: Nullable(Type.String()),
    lastAttempt: OrNull(ATTEMPT, 'The newest try to plan; null: there was none'),
  },
  {
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        items: [exampleOf(PlanView)],
        nextCursor: null,
        lastAttempt: { at: '2026-11-28T07:30:00.000Z', trigger: 'staff', refusal: null },
      },
    ],
  },
);

export const PlanQuery = Type.Object({ ...PageQuery, status: Type.Optional(OneOf(PLAN_STATUS)) }, { additionalProperties: false });

const Horizon = Type.Optional(Type.Integer({ minimum: 1, maximum: 14, description: 'Days; 7 unless told' }));
export const PlanBody = Type.Object({ horizonDays: Horizon }, { additionalProperties: false, examples: [{ horizonDays: 2 }] });

const Doses = Type.Array(
  Type.Object(
    {
      day: Day,
      interventionId: Type.String({ pattern: '^[a-z0-9-]{1,64}$' }),
      level: Type.Integer({ minimum: 0, maximum: 4, description: 'Steps of the dose; 0: not on that day' }),
    },
    { additionalProperties: false },
  ),
  { maxItems: 200 },
);
const Loads = Type.Array(Type.Object({ day: Day, load: Type.Number({ minimum: 0, maximum: 1e6 }) }, { additionalProperties: false }), {
  maxItems: 14,
});

export const WhatIfBody = Type.Object(
  {
    horizonDays: Horizon,
    limits: Type.Optional(Type.Object(LIMIT_FIELDS, { additionalProperties: false })),
    fixedDoses: Type.Optional(Doses),
    fixedLoads: Type.Optional(Loads),
  },
  { additionalProperties: false, examples: [{ horizonDays: 2, limits: { costBudget: 14 } }] },
);

export const WhatIfAnswer = Type.Object(
  {
    athleteId: Uuid,
    status: OneOf(['planned', 'infeasible']),
    plan: OrNull(SOLVED, 'The plan; null: there is none'),
    conflict: OrNull(
      { sentence: Type.String(), isSmallest: Type.Boolean({ description: 'false: not each of them may be needed' }) },
      'Limits that cannot hold together; null: they can',
    ),
  },
  { title: 'WhatIf', examples: [{ athleteId: EXAMPLE_IDS.athlete, status: 'planned', plan: EXAMPLE_SOLVED, conflict: null }] },
);

export const PlanDecisionBody = Type.Object(
  {
    status: OneOf(['accepted', 'changed', 'declined']),
    reason: Type.Optional(Text(2_000, 'Required for changed and declined')),
    doses: Type.Optional(Doses),
    loads: Type.Optional(Loads),
  },
  {
    additionalProperties: false,
    description: 'changed: the doses and loads named are set, the rest stays as it was proposed',
    examples: [{ status: 'declined', reason: 'Match on Saturday; the load is lowered on Sunday instead.' }],
  },
);
