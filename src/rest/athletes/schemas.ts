import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS } from '../examples.ts';
import { Day, Nullable, NullableEnum, OwnerTeam, PageQuery, Text, Time, Uuid } from '../schemas.ts';

const Context = Type.Record(Type.String({ minLength: 1, maxLength: 64 }), Type.Number(), {
  maxProperties: 64,
  description: "Values of the model contract's context channels by name (surfaceHardness, wbgt, altitude, travelHours ...)",
});
const heightM = Type.Number({ minimum: 0.5, maximum: 2.8, description: 'm' });
const massKg = Type.Number({ minimum: 15, maximum: 350, description: 'kg' });

const example = {
  teamId: EXAMPLE_IDS.team,
  externalId: '10',
  name: 'A. Runner',
  sex: 'f',
  birthDate: '2001-04-09',
  heightM: 1.71,
  massKg: 62.5,
  context: { altitude: 120 },
};

export const Athlete = Type.Object(
  {
    id: Uuid,
    teamId: Uuid,
    externalId: Type.String(),
    name: Type.String(),
    sex: NullableEnum(['f', 'm']),
    birthDate: Nullable(Day),
    heightM: Nullable(heightM),
    massKg: Nullable(massKg),
    context: Context,
    active: Type.Boolean(),
    createdAt: Time,
  },
  {
    title: 'Athlete',
    examples: [{ id: EXAMPLE_IDS.athlete, ...example, active: true, createdAt: '2026-07-01T08:20:00.000Z' }],
  },
);
export type Athlete = Static<typeof Athlete>;

const facts = {
  sex: Type.Optional(NullableEnum(['f', 'm'])),
  birthDate: Type.Optional(Nullable(Day)),
  heightM: Type.Optional(Nullable(heightM)),
  massKg: Type.Optional(Nullable(massKg)),
  context: Type.Optional(Context),
};

export const NewAthlete = Type.Object(
  { teamId: OwnerTeam, externalId: Text(128, "The squad's own number or id, unique in the team"), name: Text(200), ...facts },
  { additionalProperties: false, examples: [example] },
);
export type NewAthlete = Static<typeof NewAthlete>;

export const AthletePatch = Type.Object(
  { externalId: Type.Optional(Text(128)), name: Type.Optional(Text(200)), active: Type.Optional(Type.Boolean()), ...facts },
  { additionalProperties: false, minProperties: 1, examples: [{ massKg: 63.1 }] },
);
export type AthletePatch = Static<typeof AthletePatch>;

export const AthleteQuery = Type.Object(
  {
    ...PageQuery,
    externalId: Type.Optional(Text(128)),
    active: Type.Optional(Type.Boolean({ description: 'Active athletes unless told; false: those deactivated' })),
  },
  { additionalProperties: false },
);
