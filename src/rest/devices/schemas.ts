import { Type, type Static } from 'typebox';
import { StreamKind } from '../../contracts/protocol.ts';
import { EXAMPLE_IDS } from '../examples.ts';
import { Nullable, OneOf, OwnerTeam, PageQuery, Text, Time, Uuid } from '../schemas.ts';

const KINDS = StreamKind.anyOf.map((kind) => kind.const);

const DEVICE_ID = '4b8e2c7a-5d1f-4a6b-9c3e-8f7a6b5c4d31';
const example = { teamId: EXAMPLE_IDS.team, serial: 'imu-0042', kind: 'imu', label: 'Left foot 42' };

export const Assignment = Type.Object(
  { id: Uuid, deviceId: Uuid, athleteId: Uuid, validFrom: Time, validTo: Nullable(Time) },
  {
    title: 'Assignment',
    examples: [
      {
        id: '1c9d7e5b-3a2f-4e8d-b6c4-5a4b3c2d1e0f',
        deviceId: DEVICE_ID,
        athleteId: EXAMPLE_IDS.athlete,
        validFrom: '2026-11-02T16:30:00.000Z',
        validTo: null,
      },
    ],
  },
);
export type Assignment = Static<typeof Assignment>;

export const Device = Type.Object(
  {
    id: Uuid,
    teamId: Uuid,
    serial: Type.String({ description: 'What hello calls the device' }),
    kind: Type.String(),
    label: Nullable(Type.String()),
    createdAt: Time,
    athleteId: Nullable(Type.String({ format: 'uuid', description: 'Whose data it carries now' })),
  },
  {
    title: 'Device',
    examples: [{ id: DEVICE_ID, ...example, createdAt: '2026-07-01T08:30:00.000Z', athleteId: EXAMPLE_IDS.athlete }],
  },
);
export type Device = Static<typeof Device>;

export const NewDevice = Type.Object(
  {
    teamId: OwnerTeam,
    serial: Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9._:-]+$' }),
    kind: OneOf(KINDS),
    label: Type.Optional(Text(120)),
  },
  { additionalProperties: false, examples: [example] },
);
export type NewDevice = Static<typeof NewDevice>;

export const NewAssignment = Type.Object(
  { athleteId: Uuid, validFrom: Type.Optional(Time), validTo: Type.Optional(Time) },
  { additionalProperties: false, examples: [{ athleteId: EXAMPLE_IDS.athlete }] },
);

export const DeviceQuery = Type.Object(
  { ...PageQuery, athleteId: Type.Optional(Uuid), serial: Type.Optional(Text(64)) },
  { additionalProperties: false },
);
