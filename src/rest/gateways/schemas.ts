import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS } from '../examples.ts';
import { Nullable, OwnerTeam, Text, Time, Uuid } from '../schemas.ts';

const fields = {
  id: Uuid,
  teamId: Uuid,
  name: Type.String(),
  tokenPrefix: Type.String(),
  createdAt: Time,
  lastSeenAt: Nullable(Time),
  revokedAt: Nullable(Time),
};
const example = {
  id: 'e3b1d9f2-7c64-4d0a-8b5f-2a1c3e4d5f60',
  teamId: EXAMPLE_IDS.team,
  name: 'Pitch side 1',
  tokenPrefix: 'kwg_q7Rf2x',
  createdAt: '2026-07-01T08:40:00.000Z',
  lastSeenAt: null,
  revokedAt: null,
};
export const Gateway = Type.Object(fields, { title: 'Gateway', examples: [example] });
export type Gateway = Static<typeof Gateway>;
export const CreatedGateway = Type.Object(
  { ...fields, token: Type.String({ description: 'kwg_...: shown once' }) },
  { title: 'CreatedGateway', examples: [{ ...example, token: 'kwg_q7Rf2xVt0mPz5LbN8sYcDkWj3aHgUe6iOx1TnQvB4rE' }] },
);

export const NewGateway = Type.Object(
  { teamId: OwnerTeam, name: Text(120) },
  { additionalProperties: false, examples: [{ teamId: example.teamId, name: example.name }] },
);

export const Progress = Type.Object(
  {
    streams: Type.Array(
      Type.Object({
        athleteId: Uuid,
        streamId: Type.Integer(),
        nextSequence: Type.Integer({ description: 'Everything below is stored or settled' }),
      }),
      { description: 'Streams this gateway opened, newest first, 10,000 at most' },
    ),
    athletes: Type.Array(
      Type.Object({ athleteId: Uuid, windowsDue: Type.Integer({ minimum: 0 }), windowsScored: Type.Integer({ minimum: 0 }) }),
      { description: 'Since the service started' },
    ),
  },
  {
    title: 'Progress',
    examples: [
      {
        streams: [{ athleteId: EXAMPLE_IDS.athlete, streamId: 12, nextSequence: 4220 }],
        athletes: [{ athleteId: EXAMPLE_IDS.athlete, windowsDue: 4210, windowsScored: 4209 }],
      },
    ],
  },
);
export type Progress = Static<typeof Progress>;
