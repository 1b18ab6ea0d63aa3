import { Type, type Static, type TSchema } from 'typebox';
import { EXAMPLE_IDS, EXAMPLE_TIME_ZONE, exampleOf } from '../examples.ts';
import { Day, Nullable, NullableEnum, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';
import { NewOutcome } from '../medical/schemas.ts';

/** An object or null. */
function ObjectOrNull<P extends Record<string, TSchema>>(properties: P, description: string) {
  return Type.Unsafe<Static<ReturnType<typeof Type.Object<P>>> | null>({
    type: ['object', 'null'],
    description,
    properties,
    required: Object.keys(properties),
  });
}

const NumberOrNull = (description: string) => Nullable(Type.Number({ description }));
const CANDIDATES = ['population', 'interceptOnly', 'personal'] as const;
const DECISIONS = ['accepted', 'refused', 'not-enough-outcomes'] as const;
const Serves = OneOf(CANDIDATES, {
  description: "Whose forecasts are shown: each athlete's own parameters, each athlete's own intercept alone, or the population's",
});
const TargetName = Type.String({ description: 'injury, or performance: and the name of the metric' });

export const Correction = Type.Object(
  {
    at: Type.Optional(Type.Unsafe<string>({ ...Time, description: 'As before unless told' })),
    value: NewOutcome.properties.value,
  },
  {
    additionalProperties: false,
    examples: [{ value: { rpe: 7, minutes: 75 } }],
  },
);

export const OutcomeParams = Type.Object({ id: Uuid, outcomeId: Uuid });
export const StepParams = Type.Object({ id: Uuid, stepId: Uuid });

const Move = Type.Object({
  before: Type.Array(Type.Number(), {
    description: 'injury: intercept and logit scale. performance: intercept and a weight a feature of F_attn',
  }),
  after: Type.Array(Type.Number()),
  lossBefore: Type.Number({ description: 'Regularised loss of eq. 36 over the lessons' }),
  lossAfter: Type.Number({ description: 'Never above lossBefore' }),
  iterations: Type.Integer(),
});

const Losses = { population: Type.Number(), interceptOnly: Type.Number(), personal: Type.Number() };

export const Step = Type.Object(
  {
    id: Uuid,
    target: TargetName,
    position: Type.Integer({ minimum: 0 }),
    lessonId: Type.String(),
    outcomeIds: Type.Array(Type.String(), {
      description: 'Outcomes and injury records it was learned from; none where no injury followed',
    }),
    knownAt: Time,
    label: Type.Number({ description: 'injury: 1 or 0. performance: smallest worthwhile changes above the reference' }),
    lessons: Type.Integer({ description: 'Lessons in the loss, its own among them' }),
    interceptOnly: Move,
    personal: Move,
    forecast: ObjectOrNull(Losses, 'By each candidate before it was learned from: log-odds, or smallest worthwhile changes'),
    loss: ObjectOrNull(Losses, 'What each forecast lost: log loss, or squared smallest worthwhile changes'),
    reason: Type.String({ description: 'One plain sentence' }),
    methodVersion: Type.String(),
    populationVersion: Type.String(),
    learnedAt: Time,
    undone: ObjectOrNull({ at: Time, by: Type.String(), reason: Type.String() }, 'null: in force'),
  },
  {
    title: 'FeedbackStep',
    examples: [
      {
        id: '0b1a2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d',
        target: 'injury',
        position: 41,
        lessonId: 'hazard:2026-11-02',
        outcomeIds: [],
        knownAt: '2026-11-09T23:00:00.000Z',
        label: 0,
        lessons: 42,
        interceptOnly: { before: [-0.081, 1], after: [-0.083, 1], lossBefore: 0.1214, lossAfter: 0.1212, iterations: 2 },
        personal: { before: [-0.079, 1.012], after: [-0.081, 1.013], lossBefore: 0.1209, lossAfter: 0.1207, iterations: 2 },
        forecast: { population: -3.44, interceptOnly: -3.52, personal: -3.51 },
        loss: { population: 0.0315, interceptOnly: 0.0292, personal: 0.0294 },
        reason:
          'No injury followed a forecast of 2.90 %; now it would be 2.89 % (intercept -0.081, scale 1.013). Regularised loss over 42 outcomes: 0.1209 before, 0.1207 after.',
        methodVersion: 'feedback-1.0.0',
        populationVersion: 'binn-hazard-0.2.0 536d7c4f6a3b',
        learnedAt: '2026-11-10T00:01:20.000Z',
        undone: null,
      },
    ],
  },
);
export type Step = Static<typeof Step>;

export const Steps = Type.Object(
  { athleteId: Uuid, items: Type.Array(Step), nextCursor: Nullable(Type.String()) },
  { examples: [{ athleteId: EXAMPLE_IDS.athlete, items: [exampleOf(Step)], nextCursor: null }] },
);
export const StepQuery = Type.Object(
  { ...PageQuery, target: Type.Optional(Type.String({ minLength: 1, maxLength: 80, description: 'injury needs the scope medical' })) },
  { additionalProperties: false },
);

const EXAMPLE_UNDONE = { at: '2026-11-10T08:15:00.000Z', by: 'Head of performance', reason: 'Injuries were not recorded that week' };
export const Undo = Type.Object(
  { reason: Text(500, 'Kept with the step') },
  { additionalProperties: false, examples: [{ reason: EXAMPLE_UNDONE.reason }] },
);
export const Undone = Type.Object(
  { athleteId: Uuid, step: Step },
  { examples: [{ athleteId: EXAMPLE_IDS.athlete, step: { ...(exampleOf(Step) as object), undone: EXAMPLE_UNDONE } }] },
);

const EXAMPLE_SENTENCE =
  "Not enough outcomes: 1092 of 26 athletes, 4 injuries; 100 of 8 athletes and 10 injuries are needed. The population's forecast is shown.";
export const AthleteFeedback = Type.Object(
  {
    athleteId: Uuid,
    targets: Type.Array(
      Type.Object({
        target: TargetName,
        steps: Type.Integer({ minimum: 0, description: 'In force' }),
        knownAt: Type.Unsafe<string>({ ...Time, description: 'Of the last outcome learned from' }),
        interceptOnly: Type.Array(Type.Number()),
        personal: Type.Array(Type.Number()),
        meanLoss: Type.Object(
          {
            population: NumberOrNull('null: no forecast to judge'),
            interceptOnly: Nullable(Type.Number()),
            personal: Nullable(Type.Number()),
          },
          { description: "Mean loss of this athlete's forecasts, each made before its outcome was learned" },
        ),
        serves: Serves,
        decision: NullableEnum(DECISIONS, 'Of the guard over the squad; null: it has not judged yet'),
        sentence: Nullable(Type.String()),
        methodVersion: Type.String(),
        populationVersion: Type.String(),
      }),
    ),
  },
  {
    title: 'AthleteFeedback',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        targets: [
          {
            target: 'injury',
            steps: 42,
            knownAt: '2026-11-09T23:00:00.000Z',
            interceptOnly: [-0.083, 1],
            personal: [-0.081, 1.013],
            meanLoss: { population: 0.0371, interceptOnly: 0.0358, personal: 0.036 },
            serves: 'population',
            decision: 'not-enough-outcomes',
            sentence: EXAMPLE_SENTENCE,
            methodVersion: 'feedback-1.0.0',
            populationVersion: 'binn-hazard-0.2.0 536d7c4f6a3b',
          },
        ],
      },
    ],
  },
);
export type AthleteFeedback = Static<typeof AthleteFeedback>;

const Gain = {
  meanGain: NumberOrNull('Mean loss of the one compared with less that of the candidate: above 0 the candidate is better'),
  standardError: NumberOrNull('With athletes as the independent units'),
  lowerBound: NumberOrNull('One-sided 95 % lower bound'),
};

export const TeamFeedback = Type.Object(
  {
    teamId: Uuid,
    targets: Type.Array(
      Type.Object({
        target: TargetName,
        decision: OneOf(DECISIONS),
        serves: Serves,
        sentence: Type.String(),
        athletes: Type.Integer(),
        outcomes: Type.Integer(),
        events: Type.Integer({ description: 'Injuries among them, each once; 0 for performance' }),
        personalAgainstIntercept: ObjectOrNull(Gain, 'null: not enough outcomes'),
        interceptAgainstPopulation: ObjectOrNull(Gain, 'null: not enough outcomes'),
        population: ObjectOrNull(
          { version: Type.String(), sessions: Type.Integer(), athletes: Type.Integer(), fittedAt: Time },
          "The squad's head over F_attn, fitted once for the active model; null: not enough sessions yet, or a target without one",
        ),
        methodVersion: Type.String(),
        judgedAt: Time,
      }),
    ),
  },
  {
    title: 'TeamFeedback',
    examples: [
      {
        teamId: EXAMPLE_IDS.team,
        targets: [
          {
            target: 'injury',
            decision: 'not-enough-outcomes',
            serves: 'population',
            sentence: EXAMPLE_SENTENCE,
            athletes: 26,
            outcomes: 1092,
            events: 4,
            personalAgainstIntercept: null,
            interceptAgainstPopulation: null,
            population: null,
            methodVersion: 'feedback-1.0.0',
            judgedAt: '2026-11-10T00:01:40.000Z',
          },
        ],
      },
    ],
  },
);
export type TeamFeedback = Static<typeof TeamFeedback>;

const EXAMPLE_METRIC = { name: 'jump-height', unit: 'cm', smallestWorthwhileChange: 1.2, reference: 38, higherIsBetter: true };
export const NewMetric = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-z0-9]+(-[a-z0-9]+)*$' }),
    unit: Text(16),
    smallestWorthwhileChange: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1e6,
      description: 'In the unit: 0.2 of the SD between athletes',
    }),
    reference: Type.Number({ minimum: -1e6, maximum: 1e6, description: "In the unit: the squad's middle" }),
    higherIsBetter: Type.Boolean({ description: 'false for sprint times' }),
  },
  { additionalProperties: false, examples: [EXAMPLE_METRIC] },
);

export const TeamMetric = Type.Object(
  {
    teamId: Uuid,
    name: Type.String(),
    unit: Type.String(),
    smallestWorthwhileChange: Type.Number(),
    reference: Type.Number(),
    higherIsBetter: Type.Boolean(),
    updatedAt: Time,
    updatedBy: Type.String(),
  },
  {
    title: 'PerformanceMetric',
    examples: [{ teamId: EXAMPLE_IDS.team, ...EXAMPLE_METRIC, updatedAt: '2026-07-01T09:20:00.000Z', updatedBy: 'Head of performance' }],
  },
);
export const TeamMetrics = Type.Object(
  { teamId: Uuid, items: Type.Array(TeamMetric) },
  { examples: [{ teamId: EXAMPLE_IDS.team, items: [exampleOf(TeamMetric)] }] },
);

const Forecast = Type.Object({
  expected: Type.Number({ description: 'Sum of probabilities' }),
  observedOverExpected: NumberOrNull('null where nothing was expected'),
  brier: NumberOrNull('Mean of (probability - label)^2; null without rows'),
});
const Interval = ObjectOrNull({ lower: Type.Number(), upper: Type.Number() }, '95 %, Wilson');
const Bucket = Type.Object({
  from: Day,
  to: Day,
  rows: Type.Integer({ description: 'Athlete-days with a known label and no plan: what all figures are of' }),
  observed: Type.Integer({ description: 'Of them those with an injury in the next 7 days' }),
  observedShare: Nullable(Type.Number()),
  observedInterval: Interval,
  treated: Type.Integer({ description: 'Days under an accepted plan: in no figure' }),
  unknown: Type.Integer({ description: 'Seven days are not over yet, or were not observed' }),
  before: Forecast,
  after: Forecast,
});
const Line = ObjectOrNull(
  { intercept: Type.Number({ description: '0 where calibrated' }), slope: Type.Number({ description: '1 where calibrated' }) },
  'Null where labels are all alike, or separated by the forecast',
);

const EXAMPLE_WEEK = {
  from: '2026-11-02',
  to: '2026-11-08',
  rows: 168,
  observed: 5,
  observedShare: 0.0298,
  observedInterval: { lower: 0.009, upper: 0.094 },
  treated: 10,
  unknown: 4,
  before: { expected: 5.4, observedOverExpected: 0.926, brier: 0.0287 },
  after: { expected: 5.4, observedOverExpected: 0.926, brier: 0.0287 },
};
export const Calibration = Type.Object(
  {
    teamId: Uuid,
    timeZone: Type.String(),
    from: Day,
    to: Day,
    candidate: Serves,
    weeks: Type.Array(Bucket, { description: 'Seven days each, oldest first' }),
    total: Type.Unsafe<Static<typeof Bucket> | null>({ ...Bucket, type: ['object', 'null'], description: 'null: no day has a hazard' }),
    calibrationBefore: Line,
    calibrationAfter: Line,
    alarms: Type.Object(
      {
        threshold: Type.Number(),
        raised: Type.Integer(),
        rightly: Type.Integer(),
        falsely: Type.Integer(),
        treated: Type.Integer(),
        unknown: Type.Integer(),
        ppv: NumberOrNull('Positive predictive value; null where none can be judged'),
        ppvInterval: Interval,
      },
      { description: 'Athlete-days at or above the threshold, by the forecast after feedback' },
    ),
  },
  {
    title: 'Calibration',
    examples: [
      {
        teamId: EXAMPLE_IDS.team,
        timeZone: EXAMPLE_TIME_ZONE,
        from: EXAMPLE_WEEK.from,
        to: EXAMPLE_WEEK.to,
        candidate: 'population',
        weeks: [EXAMPLE_WEEK],
        total: EXAMPLE_WEEK,
        calibrationBefore: { intercept: -0.12, slope: 0.94 },
        calibrationAfter: { intercept: -0.12, slope: 0.94 },
        alarms: {
          threshold: 0.05,
          raised: 14,
          rightly: 1,
          falsely: 11,
          treated: 2,
          unknown: 0,
          ppv: 0.083,
          ppvInterval: { lower: 0.015, upper: 0.354 },
        },
      },
    ],
  },
);
export type Calibration = Static<typeof Calibration>;

export const CalibrationQuery = Type.Object(
  {
    from: Type.Optional(Type.Unsafe<string>({ ...Day, description: '83 days before `to` unless told' })),
    to: Type.Optional(Type.Unsafe<string>({ ...Day, description: 'Yesterday unless told' })),
    threshold: Type.Optional(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1, description: '0.05 unless told' })),
    candidate: Type.Optional(OneOf(CANDIDATES, { description: 'Whose forecasts are "after": the one that serves unless told' })),
  },
  { additionalProperties: false },
);
