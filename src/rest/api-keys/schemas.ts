import { Type, type Static } from 'typebox';
import { Nullable, OneOf, Text, Time, Uuid } from '../schemas.ts';

export const SCOPES = ['read', 'write', 'medical', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

const fields = {
  id: Uuid,
  teamId: Nullable(Type.String({ format: 'uuid', description: 'null: every team' })),
  name: Type.String(),
  prefix: Type.String(),
  scopes: Type.Array(OneOf(SCOPES)),
  createdAt: Time,
  expiresAt: Nullable(Time),
  revokedAt: Nullable(Time),
  lastUsedAt: Nullable(Time),
};
export const ApiKey = Type.Object(fields, { title: 'ApiKey' });
export type ApiKey = Static<typeof ApiKey>;
export const CreatedApiKey = Type.Object(
  { ...fields, key: Type.String({ description: 'kw_...: shown once' }) },
  { title: 'CreatedApiKey' },
);

export const NewApiKey = Type.Object(
  {
    teamId: Type.Optional(Uuid),
    name: Text(120),
    scopes: Type.Array(OneOf(SCOPES), {
      minItems: 1,
      maxItems: SCOPES.length,
      uniqueItems: true,
      description: 'None that the creating key does not have. admin includes write, write includes read; medical stands alone',
    }),
    expiresAt: Type.Optional(Time),
  },
  { additionalProperties: false, examples: [{ name: 'Tablet on the bench', scopes: ['read'] }] },
);
