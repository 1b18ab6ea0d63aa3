import { Type, type Static } from 'typebox';
import { LOAD_SERIES } from '../../asms/session-load.ts';
import { EXAMPLE_IDS, EXAMPLE_TIME_ZONE } from '../examples.ts';
import { Day, JsonObject, Nullable, OneOf, Time, Uuid } from '../schemas.ts';

const Figure = (description: string) => Type.Number({ description });
const FigureOrNull = (description: string) => Nullable(Type.Number({ description }));

const FIGURES = {
  acute: Figure('EWMA over 7 days'),
  chronic: Figure('EWMA over 28 days'),
  uncoupledRatio: FigureOrNull('Mean of days 1 to 7 over mean of days 8 to 28. For display: no rule and no model uses it'),
  weekLoad: Figure('Sum of the last 7 days'),
  monotony: FigureOrNull('Mean over SD of the last 7 days; null where the SD is 0'),
  strain: FigureOrNull('weekLoad times monotony'),
  fitness: Figure('Banister, 42 days'),
  fatigue: Figure('Banister, 7 days'),
};
type Figures = Static<ReturnType<typeof Type.Object<typeof FIGURES>>>;

const SeriesName = OneOf(LOAD_SERIES);

const LoadDay = Type.Object({
  day: Day,
  value: Nullable(Type.Number({ description: 'null: not recorded. 0: a rest day that was stated, or a session of 0' })),
  recorded: Type.Number({ description: 'Sum of the sessions that have a value, also where others have none: for display' }),
  sessions: Type.Integer({ minimum: 0 }),
  unrecorded: Type.Integer({ minimum: 0, description: 'Sessions without a value in this series' }),
  provisional: Type.Boolean({ description: 'Part of it was estimated, or the day is not over' }),
});

const LoadSession = Type.Object({
  day: Day,
  startedAt: Time,
  outcomeId: Nullable(Type.String({ format: 'uuid', description: 'The rating; null: nobody rated the session' })),
  sessionId: Nullable(Type.String({ format: 'uuid', description: 'The session record; null: there is none' })),
  value: Nullable(Type.Number()),
  provisional: Type.Boolean(),
  minutesCovered: Nullable(Type.Number({ description: 'Minutes the sensor measured; null: it was asked, or nothing was measured' })),
  parameters: Type.Unsafe<Record<string, unknown> | null>({
    type: ['object', 'null'],
    additionalProperties: true,
    description: "What this session's value was made with: the athlete's heart rates, the speed threshold and whose it is",
  }),
  reason: Nullable(Type.String({ description: 'Why the session has no value' })),
});

const SeriesLoad = Type.Object({
  series: SeriesName,
  unit: Type.String({ description: 'Of every value and figure but uncoupledRatio and monotony, which have none' }),
  method: Type.String(),
  parameters: JsonObject,
  days: Type.Array(LoadDay, { description: 'Oldest first, one entry a day of the range' }),
  sessions: Type.Array(LoadSession, { description: 'What the days were made of, in order' }),
  figures: Type.Unsafe<Figures | null>({
    type: ['object', 'null'],
    description: 'At the end of the last day of the range',
    properties: FIGURES,
    required: Object.keys(FIGURES),
  }),
  figuresMethod: Type.String(),
  hiddenBecause: Nullable(Type.String({ description: 'Why there are no figures' })),
  provisional: Type.Boolean({ description: 'One of the last 28 days is provisional or was not recorded' }),
});

export const AthleteLoad = Type.Object(
  {
    athleteId: Uuid,
    timeZone: Type.String({ description: "IANA name, the team's: it decides what a day is" }),
    from: Day,
    to: Day,
    series: Type.Array(SeriesLoad, { description: 'Series in which the athlete has a record' }),
    missing: Type.Array(Type.Object({ series: SeriesName, reason: Type.String() })),
    refused: Type.Array(Type.Object({ outcomeId: Uuid, at: Time, reason: Type.String() }), {
      description:
        'Ratings of the range that are not counted. Their day is not recorded, unless the rating repeats another or was corrected',
    }),
  },
  {
    title: 'AthleteLoad',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        timeZone: EXAMPLE_TIME_ZONE,
        from: '2026-11-02',
        to: '2026-11-03',
        series: [
          {
            series: 'session-rpe',
            unit: 'AU',
            method: 'session-rpe-minutes-1',
            parameters: { scale: 'CR10, 0 to 10' },
            days: [
              { day: '2026-11-02', value: 450, recorded: 450, sessions: 1, unrecorded: 0, provisional: false },
              { day: '2026-11-03', value: null, recorded: 0, sessions: 1, unrecorded: 1, provisional: false },
            ],
            sessions: [
              {
                day: '2026-11-02',
                startedAt: '2026-11-02T16:45:00.000Z',
                outcomeId: EXAMPLE_IDS.outcome,
                sessionId: null,
                value: 450,
                provisional: false,
                minutesCovered: null,
                parameters: null,
                reason: null,
              },
              {
                day: '2026-11-03',
                startedAt: '2026-11-03T18:00:00.000Z',
                outcomeId: '0c9cf3a5-3c0e-4d4e-8a49-2f3b1c2d4e6f',
                sessionId: null,
                value: null,
                provisional: false,
                minutesCovered: null,
                parameters: null,
                reason: null,
              },
            ],
            figures: null,
            figuresMethod: 'load-figures-1',
            hiddenBecause: 'Figures need 28 days: the first record is 2 days old',
            provisional: true,
          },
        ],
        missing: [
          {
            series: 'distance',
            reason: 'No measured session of the 400 days up to the last day of the range has a speed',
          },
        ],
        refused: [
          {
            outcomeId: '0c9cf3a5-3c0e-4d4e-8a49-2f3b1c2d4e6f',
            at: '2026-11-03T18:00:00.000Z',
            reason: 'rpe is 11, not from 0 to 10',
          },
        ],
      },
    ],
  },
);
export type AthleteLoad = Static<typeof AthleteLoad>;

export const LoadQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: 'First day; 55 days before to unless told' })),
    to: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: "Last day, counted; the team's today unless told" })),
  },
  { additionalProperties: false },
);
