import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS } from '../examples.ts';
import { JsonObject, Nullable, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

export const Metric = Type.Object(
  {
    id: Uuid,
    sessionId: Uuid,
    athleteId: Uuid,
    name: Type.String({ description: 'jumpHeight, rsiMod, strideTime, cadence, gaitSymmetry, heartRate, lnRmssd ...' }),
    value: Nullable(Type.Number({ description: 'null: could not be measured' })),
    unit: Type.String(),
    typicalError: Nullable(Type.Number({ description: "In the metric's unit" })),
    method: Type.String(),
    parameters: JsonObject,
    detail: Type.Optional(Type.Unknown({ description: 'Per jump or per step' })),
    provisional: Type.Boolean(),
    at: Time,
  },
  {
    title: 'Metric',
    examples: [
      {
        id: 'b7c6d5e4-f3a2-4b1c-9d0e-8f7a6b5c4d3e',
        sessionId: EXAMPLE_IDS.session,
        athleteId: EXAMPLE_IDS.athlete,
        name: 'jumpHeight',
        value: 0.371,
        unit: 'm',
        typicalError: 0.012,
        method: 'impulse-momentum-1',
        parameters: { takeoffForceN: 20, onsetSd: 5, weighS: 1 },
        provisional: false,
        at: '2026-11-02T18:00:00.000Z',
      },
    ],
  },
);
export type Metric = Static<typeof Metric>;

export const MetricQuery = Type.Object(
  {
    ...PageQuery,
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    name: Type.Optional(Text(64)),
    sessionId: Type.Optional(Uuid),
  },
  { additionalProperties: false },
);

const number = (description: string) => Type.Number({ description });

const CHANCES = {
  errorSd: number('sqrt(2) times the typical error'),
  increase: number('P(true change > smallest worthwhile change)'),
  decrease: number('P(true change < minus it)'),
  trivial: number('What is left'),
};
type Chances = Static<ReturnType<typeof Type.Object<typeof CHANCES>>>;
const BASELINE = { mean: Type.Number(), sd: Nullable(Type.Number()), sessions: Type.Integer() };
type Baseline = Static<ReturnType<typeof Type.Object<typeof BASELINE>>>;
const TYPICAL_ERROR = {
  value: number("In the metric's unit"),
  of: OneOf(['own-sessions', 'published', 'session-repeats'], {
    description: "The athlete's own sessions (8 or more), a publication, or the repeats within the latest session",
  }),
  source: Type.String(),
};
type TypicalError = Static<ReturnType<typeof Type.Object<typeof TYPICAL_ERROR>>>;
const WORTHWHILE = { value: Type.Number(), betweenAthleteSd: Type.Number(), athletes: Type.Integer() };
type Worthwhile = Static<ReturnType<typeof Type.Object<typeof WORTHWHILE>>>;
const orNull = <T>(properties: object, description: string) =>
  Type.Unsafe<T | null>({ type: ['object', 'null'], description, properties, required: Object.keys(properties) });

const MetricChange = Type.Object({
  name: Type.String(),
  unit: Type.String(),
  method: Type.String({ description: "Of the metric: only sessions measured with the latest one's method are compared" }),
  latest: Type.Object({ value: Type.Number(), at: Time, sessionId: Uuid, provisional: Type.Boolean() }),
  baseline: orNull<Baseline>(BASELINE, 'Up to 10 sessions before the latest, at least 3; null: fewer'),
  change: Nullable(Type.Number({ description: 'Latest less the mean of the baseline' })),
  typicalError: orNull<TypicalError>(TYPICAL_ERROR, 'null: neither measured nor published'),
  smallestWorthwhileChange: orNull<Worthwhile>(WORTHWHILE, '0.2 SD between the athletes of the team; null below 8 of them'),
  chances: orNull<Chances>(CHANCES, 'null: not enough data'),
  notEnoughData: Type.Array(Type.String(), { description: 'What is missing for the chances' }),
});

export const MetricChanges = Type.Object(
  { athleteId: Uuid, method: Type.String(), items: Type.Array(MetricChange, { description: 'By name' }) },
  {
    title: 'MetricChanges',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        method: 'change-1',
        items: [
          {
            name: 'jumpHeight',
            unit: 'm',
            method: 'impulse-momentum-1',
            latest: {
              value: 0.371,
              at: '2026-11-02T18:00:00.000Z',
              sessionId: EXAMPLE_IDS.session,
              provisional: false,
            },
            baseline: { mean: 0.402, sd: 0.011, sessions: 10 },
            change: -0.031,
            typicalError: { value: 0.012, of: 'own-sessions', source: '24 sessions of the athlete' },
            smallestWorthwhileChange: { value: 0.0096, betweenAthleteSd: 0.048, athletes: 22 },
            chances: { errorSd: 0.01697, increase: 0.0084, decrease: 0.8964, trivial: 0.0952 },
            notEnoughData: [],
          },
        ],
      },
    ],
  },
);
export type MetricChanges = Static<typeof MetricChanges>;

export const ChangeQuery = Type.Object(
  { name: Type.Optional(Text(64, 'One metric; every one the athlete has unless told')) },
  { additionalProperties: false },
);
