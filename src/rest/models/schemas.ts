import { Type, type Static } from 'typebox';
import { exampleOf } from '../examples.ts';
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
  {
    title: 'Model',
    examples: [
      {
        version: '0.2.2',
        name: 'binn',
        status: 'active',
        sha256: '536d7c4f6a3bc62e4b4912d7b404fcdc335001fcbe2f1e95760e85c4e72dc124',
        contractSha256: '0f4c2a8e6b1d3957c0e2f4a6b8d0c2e4f6a8b0d2c4e6f8a0b2d4c6e8f0a2b4d6',
        metrics: null,
        registeredAt: '2026-07-01T07:55:00.000Z',
        registeredBy: 'first start',
        activatedAt: '2026-07-01T07:55:00.000Z',
        history: [{ at: '2026-07-01T07:55:00.000Z', from: null, to: 'active', by: 'first start' }],
      },
    ],
  },
);
export type Model = Static<typeof Model>;
export const Models = Type.Object({ items: Type.Array(Model) }, { examples: [{ items: [exampleOf(Model)] }] });
export type ModelStatus = Model['status'];

export const VersionParams = Type.Object({ version: Type.String({ minLength: 1, maxLength: 64 }) });
