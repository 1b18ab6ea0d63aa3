import { Type, type Static } from 'typebox';
import { EXPOSURES } from '../../asms/exposure.ts';
import { EXAMPLE_IDS } from '../examples.ts';
import { Micros, Nullable, NullableEnum, OneOf, PageQuery, Time, Uuid } from '../schemas.ts';

export const SESSION_TYPES = ['training', 'match', 'rehabilitation', 'test', 'recording'] as const;

const Minutes = Type.Number({ minimum: 0, maximum: 1_440, description: 'Minutes of taking part' });
const PlannedMinutes = Type.Number({ minimum: 0, maximum: 1_440, description: 'Minutes planned' });
const PlannedLoad = Type.Number({ minimum: 0, maximum: 14_400, description: 'session-RPE load planned, AU: rpe times minutes' });

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
    exposure: OneOf(EXPOSURES, { description: 'What it counts as where injuries are set against hours' }),
    exposureOf: OneOf(['staff', 'type'], { description: 'Who says so' }),
    minutes: Nullable(Type.Number({ description: 'Not known before the session was measured' })),
    minutesOf: NullableEnum(['staff', 'measured'], 'Who says so'),
    plannedMinutes: Nullable(PlannedMinutes),
    plannedLoad: Nullable(PlannedLoad),
  },
  {
    title: 'Session',
    examples: [
      {
        id: EXAMPLE_IDS.session,
        teamId: EXAMPLE_IDS.team,
        athleteId: EXAMPLE_IDS.athlete,
        type: 'training',
        startedAt: '2026-11-02T16:45:00.000Z',
        firstReceivedUs: 1793637900000000,
        lastReceivedUs: 1793642400000000,
        endedAt: '2026-11-02T18:00:00.000Z',
        openedBy: 'first-frame',
        closedBy: 'silence',
        metricsAt: '2026-11-02T18:15:09.000Z',
        exposure: 'training',
        exposureOf: 'type',
        minutes: 75,
        minutesOf: 'measured',
        plannedMinutes: 80,
        plannedLoad: 480,
      },
    ],
  },
);
export type Session = Static<typeof Session>;

const settable = {
  type: Type.Optional(OneOf(SESSION_TYPES)),
  exposure: Type.Optional(NullableEnum(EXPOSURES, 'null: what the type says')),
  plannedMinutes: Type.Optional(Nullable(PlannedMinutes)),
  plannedLoad: Type.Optional(Nullable(PlannedLoad)),
};

export const NewSession = Type.Object(
  {
    athleteId: Uuid,
    ...settable,
    startedAt: Type.Optional(
      Type.String({ format: 'date-time', maxLength: 40, description: 'A session of the past that no sensor recorded' }),
    ),
    minutes: Type.Optional(Minutes),
  },
  {
    additionalProperties: false,
    examples: [
      { athleteId: EXAMPLE_IDS.athlete, type: 'training', startedAt: '2026-11-02T16:45:00Z', minutes: 75 },
      { athleteId: EXAMPLE_IDS.athlete, type: 'match', plannedMinutes: 90, plannedLoad: 700 },
    ],
  },
);
export type NewSession = Static<typeof NewSession>;

export const SessionPatch = Type.Object(
  { ...settable, minutes: Type.Optional(Nullable(Minutes)) },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'What is left out stays; null takes it back',
    examples: [{ type: 'match', minutes: 62 }],
  },
);
export type SessionPatch = Static<typeof SessionPatch>;

export const SessionQuery = Type.Object(
  { ...PageQuery, athleteId: Type.Optional(Uuid), open: Type.Optional(Type.Boolean()), type: Type.Optional(OneOf(SESSION_TYPES)) },
  { additionalProperties: false },
);
