import { Type, type Static } from 'typebox';
import { Nullable, Text, Time, Uuid } from '../schemas.ts';

const fields = {
  id: Uuid,
  teamId: Uuid,
  name: Type.String(),
  tokenPrefix: Type.String(),
  createdAt: Time,
  lastSeenAt: Nullable(Time),
  revokedAt: Nullable(Time),
};
export const Gateway = Type.Object(fields, { title: 'Gateway' });
export type Gateway = Static<typeof Gateway>;
export const CreatedGateway = Type.Object(
  { ...fields, token: Type.String({ description: 'kwg_...: shown once' }) },
  { title: 'CreatedGateway' },
);

export const NewGateway = Type.Object(
  { teamId: Type.Optional(Uuid), name: Text(120) },
  { additionalProperties: false, examples: [{ name: 'Pitch side 1' }] },
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
  { title: 'Progress' },
);
export type Progress = Static<typeof Progress>;
