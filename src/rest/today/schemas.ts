import { Type, type Static } from 'typebox';
import { AVAILABILITIES } from '../../asms/availability.ts';
import { EXAMPLE_IDS, EXAMPLE_TIME_ZONE } from '../examples.ts';
import { Day, Nullable, NullableEnum, OneOf, Time, Uuid } from '../schemas.ts';

const Interval = Type.Unsafe<{ lower: number; upper: number } | null>({
  type: ['object', 'null'],
  properties: { lower: { type: 'number' }, upper: { type: 'number' } },
  required: ['lower', 'upper'],
});

const DayLoad = Type.Object({
  day: Day,
  planned: Nullable(Type.Number({ description: 'Planned for the athlete, or else for the team; null: no plan' })),
  actual: Nullable(Type.Number({ description: 'Rated so far; null: nothing is recorded. A stated rest day is 0' })),
  complete: Type.Boolean({ description: 'The day is over and all of its sessions are rated' }),
});

const Morning = Type.Object({
  athleteId: Uuid,
  name: Type.String(),
  attention: OneOf(['act', 'look', 'none'], { description: 'act: before training today; look: when there is time; none: nothing to do' }),
  why: Type.String({ description: 'The strongest thing that is known, in one sentence' }),
  availability: Type.Object({ status: OneOf(AVAILABILITIES), since: Nullable(Time) }),
  hazard: Type.Object({
    day: Nullable(Day),
    probability: Nullable(Type.Number({ description: 'Of a new time-loss injury within 7 days' })),
    lower: Nullable(Type.Number()),
    upper: Nullable(Type.Number()),
    reason: Nullable(Type.String({ description: 'Why there is none' })),
  }),
  deviation: Type.Object({
    value: Nullable(Type.Number({ description: "Drift, SD from the athlete's own normal" })),
    band: NullableEnum(['green', 'amber', 'red']),
    amberAt: Nullable(Type.Number({ description: 'Own 95th percentile' })),
    redAt: Nullable(Type.Number({ description: 'Own 99th percentile' })),
    reference: NullableEnum(['own', 'population'], 'population: too few windows of the athlete yet, it raises nothing'),
  }),
  load: Type.Object({ unit: Type.Literal('AU'), today: DayLoad, yesterday: DayLoad }),
  data: Type.Object({
    windows: Type.Integer({ description: 'Scored yesterday and today' }),
    observedShare: Nullable(Type.Number({ description: 'Mean share of the movement channels that they observed' })),
    lastAt: Nullable(Time),
  }),
  alerts: Type.Array(Type.Object({ alertId: Uuid, type: Type.String(), severity: OneOf(['amber', 'red']), raisedAt: Time })),
});
export type Morning = Static<typeof Morning>;

export const Today = Type.Object(
  {
    teamId: Uuid,
    day: Day,
    timeZone: Type.String(),
    counts: Type.Object({
      full: Type.Integer(),
      modified: Type.Integer(),
      out: Type.Integer(),
      act: Type.Integer(),
      look: Type.Integer(),
    }),
    threshold: Type.Object(
      {
        probability: Nullable(Type.Number()),
        flaggedShare: Type.Number(),
        athleteDays: Type.Integer({ description: 'Of the last 28 days, that it comes from' }),
        ppv: Nullable(
          Type.Number({ description: 'Share of flagged athlete-days of the last 180 days that an injury followed within 7 days' }),
        ),
        ppvInterval: Interval,
        judged: Type.Integer({ description: 'Flagged athlete-days with a known outcome, not under an accepted plan' }),
      },
      { description: "The squad's threshold: a tenth of its athlete-days lie above it. Null before 150 athlete-days" },
    ),
    items: Type.Array(Morning, { description: 'Whom to look at first comes first' }),
    truncated: Type.Boolean({ description: 'The team has more athletes than one answer holds (500)' }),
  },
  {
    examples: [
      {
        teamId: EXAMPLE_IDS.team,
        day: '2026-11-27',
        timeZone: EXAMPLE_TIME_ZONE,
        counts: { full: 23, modified: 2, out: 1, act: 1, look: 2 },
        threshold: {
          probability: 0.048,
          flaggedShare: 0.1,
          athleteDays: 690,
          ppv: 0.07,
          ppvInterval: { lower: 0.04, upper: 0.12 },
          judged: 143,
        },
        items: [
          {
            athleteId: EXAMPLE_IDS.athlete,
            name: 'A. Runner',
            attention: 'act',
            why: "Probability of a new injury within 7 days 6.0 % (4.1 % to 8.5 %), 3.0 times the athlete's own usual of the last 28 days; among the highest tenth of the squad's last 28 days.",
            availability: { status: 'full', since: null },
            hazard: { day: '2026-11-26', probability: 0.06, lower: 0.041, upper: 0.085, reason: null },
            deviation: { value: 0.72, band: 'green', amberAt: 0.8, redAt: 1.1, reference: 'own' },
            load: {
              unit: 'AU',
              today: { day: '2026-11-27', planned: 400, actual: null, complete: false },
              yesterday: { day: '2026-11-26', planned: 450, actual: 470, complete: true },
            },
            data: { windows: 4_210, observedShare: 0.91, lastAt: '2026-11-26T17:42:10.000Z' },
            alerts: [],
          },
        ],
        truncated: false,
      },
    ],
  },
);
export type Today = Static<typeof Today>;
