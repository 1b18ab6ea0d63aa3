import { Type, type Static } from 'typebox';
import { JsonObject, Nullable, PageQuery, Text, Time, Uuid } from '../schemas.ts';

export const Metric = Type.Object(
  {
    id: Uuid,
    sessionId: Uuid,
    athleteId: Uuid,
    name: Type.String({ description: 'jump-height, rsi-mod, stride-time, cadence, step-symmetry, heart-rate, ln-rmssd ...' }),
    value: Nullable(Type.Number({ description: 'null: could not be measured' })),
    unit: Type.String(),
    typicalError: Nullable(Type.Number({ description: "In the metric's unit" })),
    method: Type.String(),
    parameters: JsonObject,
    detail: Type.Optional(Type.Unknown({ description: 'Per jump or per step' })),
    provisional: Type.Boolean(),
    at: Time,
  },
  { title: 'Metric' },
);
export type Metric = Static<typeof Metric>;

export const MetricQuery = Type.Object(
  {
    ...PageQuery,
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    name: Type.Optional(Text(64)),
    sessionId: Type.Optional(Uuid),
  },
  { additionalProperties: false },
);
