import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS } from '../examples.ts';
import { Nullable, NullableEnum, OneOf, Text, Time, Uuid } from '../schemas.ts';

export const SCOPES = ['read', 'write', 'medical', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export const ROLES = ['coach', 'medical', 'analyst', 'admin', 'athlete'] as const;
export type Role = (typeof ROLES)[number];

/** What a role opens. An athlete's key has no scope: only routes that name it (`self` in auth.ts) open to it, for its own athlete. */
export const ROLE_SCOPES: Readonly<Record<Role, readonly Scope[]>> = {
  coach: ['read', 'write'],
  medical: ['read', 'write', 'medical'],
  analyst: ['read'],
  admin: ['read', 'write', 'admin'],
  athlete: [],
};

const fields = {
  id: Uuid,
  teamId: Nullable(Type.String({ format: 'uuid', description: 'null: every team' })),
  name: Type.String(),
  prefix: Type.String(),
  role: NullableEnum(ROLES, 'null: made with explicit scopes'),
  scopes: Type.Array(OneOf(SCOPES)),
  athleteId: Nullable(Type.String({ format: 'uuid', description: 'Of the role athlete: whose key it is' })),
  createdAt: Time,
  expiresAt: Nullable(Time),
  revokedAt: Nullable(Time),
  lastUsedAt: Nullable(Time),
};
const example = {
  id: 'a2f6c8e4-1b3d-4f5a-9e7c-6d5b4a3f2e10',
  teamId: EXAMPLE_IDS.team,
  name: 'Tablet on the bench',
  prefix: 'kw_Zk3vQ9',
  role: 'coach',
  scopes: ['read', 'write'],
  athleteId: null,
  createdAt: '2026-07-01T08:50:00.000Z',
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
};
export const ApiKey = Type.Object(fields, { title: 'ApiKey', examples: [example] });
export type ApiKey = Static<typeof ApiKey>;
export const CreatedApiKey = Type.Object(
  { ...fields, key: Type.String({ description: 'kw_...: shown once' }) },
  { title: 'CreatedApiKey', examples: [{ ...example, key: 'kw_Zk3vQ9wYt1nRb6XsJ0eLhMf8cGpKaUd5iOq2TyVxN7A' }] },
);

export const NewApiKey = Type.Object(
  {
    teamId: Type.Optional(Type.String({ format: 'uuid', description: 'Left out: a key of every team creates another one of every team' })),
    name: Text(120),
    role: Type.Optional(
      OneOf(ROLES, {
        description:
          'In place of scopes: coach (read, write), medical (read, write, medical), analyst (read), admin (read, write, admin), athlete (own record only)',
      }),
    ),
    athleteId: Type.Optional(Type.String({ format: 'uuid', description: 'With the role athlete: the one athlete the key is bound to' })),
    scopes: Type.Optional(
      Type.Array(OneOf(SCOPES), {
        minItems: 1,
        maxItems: SCOPES.length,
        uniqueItems: true,
        description:
          'In place of a role. None that the creating key does not have. admin includes write, write includes read; medical stands alone',
      }),
    ),
    expiresAt: Type.Optional(Type.String({ format: 'date-time', maxLength: 40, description: 'To come; it never expires unless told' })),
  },
  {
    additionalProperties: false,
    examples: [
      { teamId: example.teamId, name: example.name, role: example.role },
      { teamId: example.teamId, name: 'A. Runner', role: 'athlete', athleteId: EXAMPLE_IDS.athlete },
      { teamId: example.teamId, name: 'Import script', scopes: ['write'] },
    ],
  },
);
export type NewApiKey = Static<typeof NewApiKey>;
