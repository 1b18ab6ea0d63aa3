import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS, EXAMPLE_TIME_ZONE } from '../examples.ts';
import { Text, Time, Uuid } from '../schemas.ts';

const example = { name: 'First team', timeZone: EXAMPLE_TIME_ZONE };

export const Team = Type.Object(
  { id: Uuid, name: Type.String(), timeZone: Type.String({ description: 'IANA name' }), createdAt: Time },
  { title: 'Team', examples: [{ id: EXAMPLE_IDS.team, ...example, createdAt: '2026-07-01T08:00:00.000Z' }] },
);
export type Team = Static<typeof Team>;

export const NewTeam = Type.Object(
  { name: Text(120), timeZone: Type.Optional(Text(64, 'IANA name; decides what a day is. UTC unless told')) },
  { additionalProperties: false, examples: [example] },
);
export type NewTeam = Static<typeof NewTeam>;
