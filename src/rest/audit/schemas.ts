import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS } from '../examples.ts';
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
  {
    title: 'AuditEntry',
    examples: [
      {
        id: 'c8d7e6f5-a4b3-4c2d-9e1f-0b9a8c7d6e5f',
        at: '2026-11-25T10:28:01.120Z',
        athleteId: EXAMPLE_IDS.athlete,
        keyId: 'a2f6c8e4-1b3d-4f5a-9e7c-6d5b4a3f2e10',
        caller: 'Tablet on the bench',
        action: 'getAthleteState',
        statusCode: 200,
        others: 0,
        teamId: EXAMPLE_IDS.team,
      },
    ],
  },
);
export type AuditEntry = Static<typeof AuditEntry>;

export const AuditQuery = Type.Object(
  { ...PageQuery, from: Type.Optional(Time), to: Type.Optional(Time) },
  { additionalProperties: false },
);
