import { Type, type Static } from 'typebox';
import { Nullable, PageQuery, Time, Uuid } from '../schemas.ts';

export const AuditEntry = Type.Object(
  {
    id: Uuid,
    at: Time,
    athleteId: Uuid,
    keyId: Uuid,
    caller: Type.String({ description: 'Name of the API key' }),
    action: Type.String({ description: 'operationId of what was asked for' }),
    statusCode: Type.Integer({ description: 'How it was answered; refusals are recorded too' }),
    others: Type.Integer({ description: 'Athletes the same answer named beside this one' }),
    teamId: Nullable(Uuid),
  },
  { title: 'AuditEntry' },
);
export type AuditEntry = Static<typeof AuditEntry>;

export const AuditQuery = Type.Object(
  { ...PageQuery, from: Type.Optional(Time), to: Type.Optional(Time) },
  { additionalProperties: false },
);
