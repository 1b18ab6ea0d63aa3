import { Type, type Static } from 'typebox';
import { StreamKind } from '../../contracts/protocol.ts';
import { Nullable, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

const KINDS = StreamKind.anyOf.map((kind) => kind.const);

export const Assignment = Type.Object(
  { id: Uuid, deviceId: Uuid, athleteId: Uuid, validFrom: Time, validTo: Nullable(Time) },
  { title: 'Assignment' },
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
  { title: 'Device' },
);
export type Device = Static<typeof Device>;

export const NewDevice = Type.Object(
  {
    teamId: Type.Optional(Uuid),
    serial: Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9._:-]+$' }),
    kind: OneOf(KINDS),
    label: Type.Optional(Text(120)),
  },
  { additionalProperties: false, examples: [{ serial: 'imu-0042', kind: 'imu', label: 'Left foot 42' }] },
);
export type NewDevice = Static<typeof NewDevice>;

export const NewAssignment = Type.Object(
  { athleteId: Uuid, validFrom: Type.Optional(Time), validTo: Type.Optional(Time) },
  { additionalProperties: false },
);

export const DeviceQuery = Type.Object(
  { ...PageQuery, athleteId: Type.Optional(Uuid), serial: Type.Optional(Text(64)) },
  { additionalProperties: false },
);
