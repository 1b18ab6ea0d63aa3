import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS, EXAMPLE_TIME_ZONE } from '../examples.ts';
import { Day, JsonObject, Nullable, NullableEnum, OneOf, Time, Uuid } from '../schemas.ts';

const Probability = (description: string) => Nullable(Type.Number({ minimum: 0, maximum: 1, description }));

const TERMS = { binn: Type.Number(), load: Type.Number(), hrv: Type.Number(), history: Type.Number(), context: Type.Number() };
type Terms = Static<ReturnType<typeof Type.Object<typeof TERMS>>>;

export const REASONS = ['not-computed', 'not-at-risk', 'load-history', 'active-windows', 'f-attn', 'no-hazard-model'] as const;

const HazardDay = Type.Object({
  day: Day,
  probability: Probability('Of a new time-loss injury in the next 7 days, by the model; null: see reason'),
  lower: Probability('95 % interval, from the uncertainty of the coefficients'),
  upper: Probability('95 % interval'),
  terms: Type.Unsafe<Terms | null>({
    type: ['object', 'null'],
    description: 'Log-odds by group of features; 0 is the middle of the population the model was fitted on',
    properties: TERMS,
    required: Object.keys(TERMS),
  }),
  shown: Probability('What feedback makes of it where the guard lets it serve; otherwise the same as probability'),
  shownBy: OneOf(['population', 'interceptOnly', 'personal'], { description: 'Whose parameters `shown` was made with' }),
  reason: NullableEnum(REASONS, 'Why there is no probability'),
  sentence: Nullable(Type.String({ description: 'The reason in words' })),
  input: Type.Unsafe<Record<string, unknown> | null>({
    ...JsonObject,
    type: ['object', 'null'],
    description: 'What it was computed from: feature values in their units (null: not known), active windows, days of load, hazard model',
  }),
  modelVersion: Nullable(Type.String({ description: 'Of the network whose F_attn it reads' })),
  methodVersion: Nullable(Type.String()),
  computedAt: Nullable(Time),
});

export const AthleteHazard = Type.Object(
  {
    athleteId: Uuid,
    timeZone: Type.String({ description: "IANA name, the team's: it decides what a day is" }),
    from: Day,
    to: Day,
    days: Type.Array(HazardDay, { description: 'Oldest first, one entry a day of the range' }),
  },
  {
    title: 'AthleteHazard',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        timeZone: EXAMPLE_TIME_ZONE,
        from: '2026-11-02',
        to: '2026-11-02',
        days: [
          {
            day: '2026-11-02',
            probability: 0.031,
            lower: 0.022,
            upper: 0.044,
            terms: { binn: 0.12, load: 0.21, hrv: 0, history: 0.11, context: -0.06 },
            shown: 0.031,
            shownBy: 'population',
            reason: null,
            sentence: null,
            input: { hazardModel: 'binn-hazard-0.2.0', activeWindows: 1800, loadDays: 120, atRisk: true, values: { acuteExcess: 0.14 } },
            modelVersion: '0.2.2',
            methodVersion: 'daily-hazard-2',
            computedAt: '2026-11-03T00:01:10.000Z',
          },
        ],
      },
    ],
  },
);
export type AthleteHazard = Static<typeof AthleteHazard>;

export const HazardQuery = Type.Object(
  {
    from: Type.Optional(Type.Unsafe<string>({ ...Day, description: '27 days before `to` unless told' })),
    to: Type.Optional(
      Type.Unsafe<string>({ ...Day, description: 'Yesterday in the time zone of the team unless told: the last day that is over' }),
    ),
  },
  { additionalProperties: false },
);
