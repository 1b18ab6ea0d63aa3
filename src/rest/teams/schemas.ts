import { Type, type Static } from 'typebox';
import { Text, Time, Uuid } from '../schemas.ts';

export const Team = Type.Object(
  { id: Uuid, name: Type.String(), timeZone: Type.String({ description: 'IANA name' }), createdAt: Time },
  { title: 'Team' },
);
export type Team = Static<typeof Team>;

export const NewTeam = Type.Object(
  { name: Text(120), timeZone: Type.Optional(Text(64, 'IANA name; decides what a day is. UTC unless told')) },
  { additionalProperties: false, examples: [{ name: 'First team', timeZone: 'Europe/Rome' }] },
);
export type NewTeam = Static<typeof NewTeam>;
