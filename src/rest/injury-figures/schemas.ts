import { Type, type Static } from 'typebox';
import { EXPOSURES } from '../../asms/exposure.ts';
import { LEAST_EXPOSURE_HOURS } from '../../asms/injury-figures.ts';
import { BODY_REGIONS } from '../../asms/feedback/outcomes.ts';
import { EXAMPLE_IDS, EXAMPLE_TIME_ZONE } from '../examples.ts';
import { Day, Nullable, OneOf, Uuid } from '../schemas.ts';

const RATE = {
  value: Type.Number(),
  lower: Nullable(Type.Number({ description: '95 %' })),
  upper: Nullable(Type.Number({ description: '95 %' })),
};
type Rate = Static<ReturnType<typeof Type.Object<typeof RATE>>>;
const RateOrNull = (description: string) =>
  Type.Unsafe<Rate | null>({ type: ['object', 'null'], description, properties: RATE, required: Object.keys(RATE) });

const SEVERITY = {
  mean: Type.Number(),
  median: Type.Number(),
  lowerQuartile: Type.Number(),
  upperQuartile: Type.Number(),
  classes: Type.Array(Type.Integer(), { minItems: 4, maxItems: 4, description: 'Injuries of 0, 1 to 7, 8 to 28 and more than 28 days' }),
};
type Severity = Static<ReturnType<typeof Type.Object<typeof SEVERITY>>>;

const rates = {
  injuries: Type.Integer({ description: 'Every one recorded, with or without time loss' }),
  timeLossInjuries: Type.Integer(),
  open: Type.Integer({ description: 'Time-loss injuries that are not cleared: their days go on' }),
  daysLost: Type.Integer({ description: 'Neither the day of onset nor that of return is counted; of open injuries up to today' }),
  incidence: RateOrNull(`Time-loss injuries per 1,000 h, exact Poisson interval; null below ${LEAST_EXPOSURE_HOURS} h of exposure`),
  burden: RateOrNull(`Days lost per 1,000 h; null below ${LEAST_EXPOSURE_HOURS} h of exposure. Bounds are null where no day was lost`),
  hiddenBecause: Nullable(Type.String({ description: 'Why there is neither incidence nor burden' })),
};

const ClassFigures = Type.Object({
  exposure: OneOf([...EXPOSURES, 'all'], { description: 'all: the three, and injuries outside sessions' }),
  hours: Type.Number({ description: 'Athlete-hours' }),
  sessions: Type.Integer(),
  sessionsWithoutMinutes: Type.Integer({ description: 'Sessions whose hours are missing: the rates are too high by as much' }),
  ...rates,
  severity: Type.Unsafe<Severity | null>({
    type: ['object', 'null'],
    description: 'Days lost of the time-loss injuries; null without any',
    properties: SEVERITY,
    required: Object.keys(SEVERITY),
  }),
});

const RegionFigures = Type.Object({ region: OneOf(BODY_REGIONS), ...rates });
type Regions = Static<typeof RegionFigures>[];

const EXAMPLE_RATES = {
  injuries: 12,
  timeLossInjuries: 10,
  open: 1,
  daysLost: 143,
  incidence: { value: 4, lower: 1.918, upper: 7.356 },
  burden: { value: 57.2, lower: 24.1, upper: 135.8 },
  hiddenBecause: null,
};

export const InjuryFigures = Type.Object(
  {
    teamId: Uuid,
    timeZone: Type.String(),
    from: Day,
    to: Day,
    method: Type.String(),
    classes: Type.Array(ClassFigures),
    outsideSessions: Type.Integer({ description: 'Injuries that happened during no recorded session: in `all` only' }),
    availability: Type.Object({
      athleteDays: Type.Integer({ description: 'Of athletes that are active now, from the day they were entered' }),
      daysOut: Type.Integer({ description: 'By injury' }),
      share: Nullable(Type.Number({ description: '1 less days out over athlete-days' })),
    }),
    regions: Type.Unsafe<Regions | null>({
      type: ['array', 'null'],
      items: RegionFigures,
      description: 'By body area, most days lost first, against all exposure; null without the scope medical',
    }),
  },
  {
    title: 'InjuryFigures',
    examples: [
      {
        teamId: EXAMPLE_IDS.team,
        timeZone: EXAMPLE_TIME_ZONE,
        from: '2026-07-01',
        to: '2026-11-27',
        method: 'injury-figures-2',
        classes: [
          {
            exposure: 'all',
            hours: 2500,
            sessions: 1650,
            sessionsWithoutMinutes: 0,
            ...EXAMPLE_RATES,
            severity: { mean: 14.3, median: 9, lowerQuartile: 4, upperQuartile: 21, classes: [1, 4, 4, 1] },
          },
        ],
        outsideSessions: 2,
        availability: { athleteDays: 3600, daysOut: 141, share: 0.9608 },
        regions: [{ region: 'thigh', ...EXAMPLE_RATES }],
      },
    ],
  },
);

export const FiguresQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: 'First day; 364 days before to unless told' })),
    to: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: "Last day, counted; the team's today unless told" })),
  },
  { additionalProperties: false },
);
