import { Type, type Static } from 'typebox';
import { LOAD_SERIES } from '../../asms/session-load.ts';
import { EXAMPLE_IDS } from '../examples.ts';
import { Day, Nullable, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

const Series = OneOf(LOAD_SERIES, { description: 'Load series; its unit is that of GET /v1/athletes/{id}/load' });
const DayOrNull = (description: string) => Nullable(Type.String({ format: 'date', maxLength: 10, description }));

export const LoadCeiling = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    series: Series,
    ceiling: Type.Number({ description: "Of one day's load, in the unit of the series" }),
    from: Day,
    to: DayOrNull('Last day on which it holds; null: until it is ended. The day before `from`: ended before it held'),
    reason: Nullable(Type.String()),
    setBy: Type.String(),
    endedAt: Nullable(Time),
    endedBy: Nullable(Type.String()),
    createdAt: Time,
  },
  {
    title: 'LoadCeiling',
    examples: [
      {
        id: '0d8f3a52-7c0b-4f3e-9a51-2f6f0f4f7d10',
        athleteId: EXAMPLE_IDS.athlete,
        series: 'session-rpe',
        ceiling: 450,
        from: '2026-11-02',
        to: null,
        reason: 'Third match in eight days',
        setBy: 'Coach',
        endedAt: null,
        endedBy: null,
        createdAt: '2026-11-02T07:30:00.000Z',
      },
    ],
  },
);
export type LoadCeiling = Static<typeof LoadCeiling>;

export const NewLoadCeiling = Type.Object(
  {
    series: Series,
    ceiling: Type.Number({
      minimum: 0,
      maximum: 1e6,
      description: "Above 0, in the unit of the series; a day's load above it raises an alert",
    }),
    from: Type.Optional(
      Type.String({ format: 'date', maxLength: 10, description: "First day, the team's; today unless told, not earlier" }),
    ),
    to: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: 'Last day; absent: until it is ended' })),
    reason: Type.Optional(Text(500)),
  },
  {
    additionalProperties: false,
    examples: [{ series: 'session-rpe', ceiling: 450, reason: 'Third match in eight days' }],
  },
);
export type NewLoadCeiling = Static<typeof NewLoadCeiling>;

export const LoadCeilingQuery = Type.Object({
  ...PageQuery,
  open: Type.Optional(Type.Boolean({ description: 'true: those that hold today or later, false: those that are over' })),
});
