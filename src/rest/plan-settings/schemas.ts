import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS, exampleDay } from '../examples.ts';
import { Day, Nullable, NullableEnum, OneOf, Time, Uuid } from '../schemas.ts';

const AMOUNT = { minimum: 0, maximum: 1e6 };

export const WeightsSchema = Type.Object(
  {
    daysLost: Type.Number({ ...AMOUNT, description: 'alpha: of one expected day lost' }),
    performance: Type.Number({ ...AMOUNT, description: 'beta: of one smallest worthwhile change' }),
    recovery: Type.Number({ ...AMOUNT, description: 'lambda2: of 1 - R at the end' }),
  },
  { additionalProperties: false },
);

/** One more than zero and less than a million: what a limit may be is said in words by the route. */
const Limit = (description: string) => Type.Optional(Nullable(Type.Number({ ...AMOUNT, description })));
export const LIMIT_FIELDS = {
  costBudget: Limit('gamma, for seven days, in the catalogue’s unit; 0: nothing that costs; null: no limit'),
  dailyLoadLimit: Limit('lambda: most load on any day, above 0; null: no limit'),
  loadStep: Limit('Loads change in whole steps of this, above 0; null: freely'),
  weights: Type.Optional(WeightsSchema),
};
const EXAMPLE_LIMITS = { costBudget: 16, dailyLoadLimit: 700 };
export const LimitsBody = Type.Object(LIMIT_FIELDS, {
  additionalProperties: false,
  description: 'What is absent is left to the team, or to the default',
  examples: [EXAMPLE_LIMITS],
});
export type LimitsBody = Static<typeof LimitsBody>;

const VERSION = { version: Type.Integer({ minimum: 1 }), by: Type.String(), at: Time };
const LimitsVersion = Type.Object({ ...VERSION, limits: Type.Object(LIMIT_FIELDS) });
const Source = OneOf(['athlete', 'team', 'default']);
const InForce = Type.Object({
  costBudget: Type.Object({ value: Nullable(Type.Number()), source: Source }),
  dailyLoadLimit: Type.Object({ value: Nullable(Type.Number()), source: Source }),
  loadStep: Type.Object({ value: Nullable(Type.Number()), source: Source }),
  weights: Type.Object({ value: WeightsSchema, source: Source }),
});
export const PlanLimitsView = Type.Object(
  {
    teamId: Uuid,
    athleteId: Nullable(Uuid),
    history: Type.Array(LimitsVersion, { description: 'Of the athlete, or of the team, the newest first: it holds' }),
    inForce: InForce,
    notes: Type.Array(Type.String()),
  },
  {
    title: 'PlanLimits',
    examples: [
      {
        teamId: EXAMPLE_IDS.team,
        athleteId: EXAMPLE_IDS.athlete,
        history: [{ version: 1, by: 'Head of performance', at: '2026-11-02T08:00:00.000Z', limits: EXAMPLE_LIMITS }],
        inForce: {
          costBudget: { value: 16, source: 'athlete' },
          dailyLoadLimit: { value: 700, source: 'athlete' },
          loadStep: { value: null, source: 'default' },
          weights: { value: { daysLost: 1, performance: 0.5, recovery: 5 }, source: 'default' },
        },
        notes: [],
      },
    ],
  },
);
export type PlanLimitsView = Static<typeof PlanLimitsView>;

const Condition = Type.String({ pattern: '^[a-z0-9-]{1,64}$' });
export const ConditionsBody = Type.Object(
  { conditions: Type.Array(Condition, { maxItems: 32, uniqueItems: true }) },
  { additionalProperties: false, examples: [{ conditions: ['calf-injury-acute'] }] },
);
export const ConditionsView = Type.Object(
  {
    athleteId: Uuid,
    conditions: Type.Array(Type.String()),
    version: Type.Integer({ minimum: 0, description: '0: none were ever recorded' }),
    by: Nullable(Type.String()),
    at: Nullable(Time),
    known: Type.Array(Type.String(), { description: 'Contraindications of the interventions in force' }),
  },
  {
    title: 'PlanConditions',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        conditions: ['calf-injury-acute'],
        version: 1,
        by: 'Dr Lind',
        at: '2026-11-02T15:40:00.000Z',
        known: ['ankle-injury-acute', 'calf-injury-acute', 'no-impact'],
      },
    ],
  },
);

const PlannedDay = Type.Object(
  {
    day: Day,
    load: Type.Number({ minimum: 0, maximum: 1e6, description: 'AU; 0: rest is planned' }),
    minimum: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1e6,
        description: 'Least that a plan may make of it; 70 % of the load unless told. 0 allows a rest day',
      }),
    ),
    maximum: Type.Optional(Type.Number({ minimum: 0, maximum: 1e6, description: 'Most that a plan may make of it; the load unless told' })),
    match: Type.Optional(
      Type.Boolean({ description: 'A match is planned: its load counts three times for the chance of an injury. false unless told' }),
    ),
  },
  { additionalProperties: false },
);
/** To come, also where the service started weeks ago. */
const EXAMPLE_DAYS = [exampleDay(28), exampleDay(29), exampleDay(30), exampleDay(31)] as const;
export const PlannedLoadBody = Type.Object(
  { days: Type.Array(PlannedDay, { minItems: 1, maxItems: 28 }) },
  {
    additionalProperties: false,
    examples: [
      {
        days: [
          { day: EXAMPLE_DAYS[0], load: 350 },
          { day: EXAMPLE_DAYS[1], load: 0 },
          { day: EXAMPLE_DAYS[2], load: 420, minimum: 300, maximum: 450 },
          { day: EXAMPLE_DAYS[3], load: 700, match: true },
        ],
      },
    ],
  },
);
export type PlannedDays = Static<typeof PlannedLoadBody>['days'];
export const PlannedLoadQuery = Type.Object({ from: Type.Optional(Day), to: Type.Optional(Day) }, { additionalProperties: false });
export const PlannedLoadView = Type.Object(
  {
    teamId: Uuid,
    athleteId: Nullable(Uuid),
    from: Day,
    to: Day,
    unit: Type.String(),
    days: Type.Array(
      Type.Object({
        day: Day,
        load: Nullable(Type.Number({ description: 'null: nothing is planned, the athlete’s usual week stands in' })),
        minimum: Nullable(Type.Number()),
        maximum: Nullable(Type.Number()),
        match: Nullable(Type.Boolean()),
        source: NullableEnum(['athlete', 'team']),
        by: Nullable(Type.String()),
        at: Nullable(Time),
      }),
    ),
  },
  {
    title: 'PlannedLoad',
    examples: [
      {
        teamId: EXAMPLE_IDS.team,
        athleteId: EXAMPLE_IDS.athlete,
        from: EXAMPLE_DAYS[0],
        to: EXAMPLE_DAYS[1],
        unit: 'AU',
        days: [
          {
            day: EXAMPLE_DAYS[0],
            load: 350,
            minimum: 245,
            maximum: 350,
            match: false,
            source: 'athlete',
            by: 'Head of performance',
            at: '2026-11-27T08:00:00.000Z',
          },
          { day: EXAMPLE_DAYS[1], load: null, minimum: null, maximum: null, match: null, source: null, by: null, at: null },
        ],
      },
    ],
  },
);

export type PlannedDayView = Static<typeof PlannedLoadView>['days'][number];

const Dose = Type.Object(
  {
    day: Day,
    interventionId: Type.String({ pattern: '^[a-z0-9-]{1,64}$' }),
    share: Type.Number({ minimum: 0, maximum: 1, description: 'Of a full dose; 0: it was not done' }),
  },
  { additionalProperties: false },
);
const EXAMPLE_DOSE = { day: exampleDay(-1), interventionId: 'nordic-hamstring' };
export const DosesBody = Type.Object(
  { doses: Type.Array(Dose, { minItems: 1, maxItems: 100 }) },
  { additionalProperties: false, examples: [{ doses: [{ ...EXAMPLE_DOSE, share: 1 }] }] },
);
export const DosesView = Type.Object(
  {
    athleteId: Uuid,
    items: Type.Array(
      Type.Object({
        day: Day,
        interventionId: Type.String(),
        planned: Nullable(Type.Number({ description: 'Share of a full dose in the accepted plan; null: none' })),
        done: Nullable(Type.Number({ description: 'null: nobody said' })),
      }),
      { description: 'Of the last 90 days, the newest first' },
    ),
    adherence: Type.Object({
      share: Type.Number({ description: 'Done over planned, over reported doses of 56 days, with five doses at 0.8 before them' }),
      plannedDoses: Type.Integer(),
      reportedDoses: Type.Integer(),
    }),
  },
  {
    title: 'Doses',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        items: [{ ...EXAMPLE_DOSE, planned: 1, done: 1 }],
        adherence: { share: 0.833, plannedDoses: 1, reportedDoses: 1 },
      },
    ],
  },
);
export type DoseRow = Static<typeof DosesView>['items'][number];
