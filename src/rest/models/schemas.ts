import { Type, type Static } from 'typebox';
import { Nullable, OneOf, Time } from '../schemas.ts';

const STATUSES = ['registered', 'active', 'shadow', 'retired'] as const;
const Status = OneOf(STATUSES, {
  description: 'active: its scores count. shadow: scores beside it, seen only with modelVersion. registered, retired: scores nothing',
});

export const Model = Type.Object(
  {
    version: Type.String(),
    name: Type.String(),
    status: Status,
    sha256: Type.String({ description: 'Of the graph, hex' }),
    contractSha256: Type.String({ description: 'Of the contract, hex' }),
    metrics: Type.Unsafe<Record<string, unknown> | null>({
      type: ['object', 'null'],
      additionalProperties: true,
      description: 'What its evaluation measured, as the evaluation wrote it; null where none came with it',
    }),
    registeredAt: Time,
    registeredBy: Type.String(),
    activatedAt: Nullable(Time),
    history: Type.Array(Type.Object({ at: Time, from: Nullable(Type.String()), to: Type.String(), by: Type.String() }), {
      description: 'Changes of the status, newest first',
    }),
  },
  { title: 'Model' },
);
export type Model = Static<typeof Model>;
export type ModelStatus = Model['status'];

export const VersionParams = Type.Object({ version: Type.String({ minLength: 1, maxLength: 64 }) });
