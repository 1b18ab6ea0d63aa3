import { Type, type Static } from 'typebox';
import { ALERT_TYPES } from '../../contracts/events.ts';
import { EXAMPLE_IDS, EXAMPLE_TIME_ZONE } from '../examples.ts';
import { Day, Nullable, OneOf, Uuid } from '../schemas.ts';

const period = {
  teamId: Uuid,
  timeZone: Type.String({ description: "The team's: it decides what a day is" }),
  from: Day,
  to: Day,
};
const example = { teamId: EXAMPLE_IDS.team, timeZone: EXAMPLE_TIME_ZONE, from: '2026-11-01', to: '2026-11-28' };

export const FiguresQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: 'First day; 27 days before to unless told' })),
    to: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: "Last day, counted; the team's today unless told" })),
  },
  { additionalProperties: false },
);

export const AlertRatings = Type.Object(
  {
    ...period,
    ratings: Type.Integer({ description: 'Of alerts raised in these days' }),
    alerts: Type.Integer({ description: 'Rated ones' }),
    raters: Type.Integer(),
    mean: Nullable(Type.Number({ description: '1 to 5' })),
    agreement: Type.Object({
      method: Type.String(),
      alpha: Nullable(Type.Number({ description: '1: complete, 0: as by chance. null: hiddenBecause says why' })),
      alerts: Type.Integer({ description: 'Rated by two or more' }),
      ratings: Type.Integer({ description: 'Of these' }),
    }),
    hiddenBecause: Nullable(Type.String({ description: 'Why there is no mean or no alpha' })),
  },
  {
    title: 'AlertRatings',
    examples: [
      {
        ...example,
        ratings: 24,
        alerts: 11,
        raters: 3,
        mean: 3.4,
        agreement: { method: 'krippendorff-alpha-ordinal', alpha: 0.71, alerts: 8, ratings: 21 },
        hiddenBecause: null,
      },
    ],
  },
);
export type AlertRatings = Static<typeof AlertRatings>;

const PPV = {
  outcomes: Type.Integer({ description: 'Closed alerts about the athlete (not about sensors), raised in these days' }),
  confirmed: Type.Integer({ description: 'Of these with the outcome injury-confirmed or load-changed' }),
  ppv: Nullable(Type.Number({ description: 'confirmed over outcomes' })),
  lower: Nullable(Type.Number({ description: 'Of the Wilson 95 % interval' })),
  upper: Nullable(Type.Number()),
};
export const AlertFigures = Type.Object(
  {
    ...period,
    days: Type.Integer(),
    alerts: Type.Integer({ description: 'Raised in these days' }),
    alertsADay: Type.Number(),
    busiestDay: Nullable(Type.Integer({ description: 'Alerts of the day that had most' })),
    daysWithAtMost3Athletes: Type.Integer({ description: 'Days on which at most 3 athletes had an alert about themselves, none included' }),
    noticesSent: Type.Integer({ description: 'To recipients, in these days' }),
    ...PPV,
    hiddenBecause: Nullable(Type.String({ description: 'Why there is no PPV' })),
    byType: Type.Array(Type.Object({ type: OneOf(ALERT_TYPES), alerts: Type.Integer(), ...PPV }), {
      description: 'Types that had an alert; those about sensors have no PPV',
    }),
  },
  {
    title: 'AlertFigures',
    examples: [
      {
        ...example,
        days: 28,
        alerts: 42,
        alertsADay: 1.5,
        busiestDay: 6,
        daysWithAtMost3Athletes: 27,
        noticesSent: 51,
        outcomes: 30,
        confirmed: 9,
        ppv: 0.3,
        lower: 0.167,
        upper: 0.479,
        hiddenBecause: null,
        byType: [{ type: 'risk', alerts: 12, outcomes: 10, confirmed: 5, ppv: 0.5, lower: 0.237, upper: 0.763 }],
      },
    ],
  },
);
export type AlertFigures = Static<typeof AlertFigures>;
