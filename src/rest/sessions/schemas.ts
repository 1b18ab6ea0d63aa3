import { Type, type Static } from 'typebox';
import { Micros, Nullable, NullableEnum, OneOf, PageQuery, Time, Uuid } from '../schemas.ts';

export const SESSION_TYPES = ['training', 'match', 'rehabilitation', 'test', 'recording'] as const;

export const Session = Type.Object(
  {
    id: Uuid,
    teamId: Uuid,
    athleteId: Uuid,
    type: OneOf(SESSION_TYPES),
    startedAt: Time,
    firstReceivedUs: Micros,
    lastReceivedUs: Micros,
    endedAt: Nullable(Time),
    openedBy: OneOf(['first-frame', 'staff']),
    closedBy: NullableEnum(['silence', 'staff']),
    metricsAt: Nullable(Type.String({ format: 'date-time', description: 'When the metrics of the session were computed' })),
  },
  { title: 'Session' },
);
export type Session = Static<typeof Session>;

export const NewSession = Type.Object({ athleteId: Uuid, type: Type.Optional(OneOf(SESSION_TYPES)) }, { additionalProperties: false });
export type NewSession = Static<typeof NewSession>;

export const SessionQuery = Type.Object(
  { ...PageQuery, athleteId: Type.Optional(Uuid), open: Type.Optional(Type.Boolean()), type: Type.Optional(OneOf(SESSION_TYPES)) },
  { additionalProperties: false },
);
