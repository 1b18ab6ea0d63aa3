import { Type, type Static } from 'typebox';
import { Micros, Nullable, NullableEnum, OneOf, Time, Uuid } from '../schemas.ts';

const Deviation = Type.Object({
  value: Nullable(Type.Number()),
  unit: Type.String(),
  percentile: Nullable(
    Type.Number({ minimum: 0, maximum: 100, description: "Within the athlete's own history at the same activity; null: too little of it" }),
  ),
  band: NullableEnum(['green', 'amber', 'red'], 'null: not enough data'),
  amberAt: Nullable(Type.Number({ description: '95th percentile' })),
  redAt: Nullable(Type.Number({ description: '99th percentile' })),
  reference: NullableEnum(['own', 'population'], "Whose percentiles: population until there is enough of the athlete's own"),
});

export const AthleteState = Type.Object(
  {
    athleteId: Uuid,
    status: OneOf(['ok', 'not-enough-data', 'no-data']),
    reason: Nullable(Type.String({ description: 'Why there is no figure' })),
    at: Nullable(Type.String({ format: 'date-time', description: 'End of the newest window' })),
    ageS: Nullable(Type.Number({ description: 'Seconds since then' })),
    state: Type.Object({
      value: Nullable(Type.Number({ description: 'P(movement altered as in an injured athlete), 0 to 1' })),
      unit: Type.String(),
      logit: Nullable(Type.Number()),
      logitSd: Nullable(Type.Number()),
    }),
    rehab: Type.Object({ value: Nullable(Type.Number()), unit: Type.String() }),
    performance: Type.Object({ value: Nullable(Type.Number()), unit: Type.String() }),
    window: Type.Unsafe<WindowOfState | null>({
      type: ['object', 'null'],
      properties: {
        windowIndex: Type.Integer(),
        startUs: Micros,
        endUs: Micros,
        activity: OneOf(['rest', 'walk', 'run', 'jump']),
        observedFraction: Type.Number(),
      },
      required: ['windowIndex', 'startUs', 'endUs', 'activity', 'observedFraction'],
    }),
    deviation: Type.Object({ roughness: Deviation, drift: Deviation }),
    recovery: Type.Object({
      value: Nullable(Type.Number({ description: 'Minimum over open injuries, 1 without one, 0 to 1' })),
      unit: Type.String(),
      injuries: Type.Optional(
        Type.Array(Type.Object({ injuryId: Uuid, value: Type.Number() }), { description: 'Only with the scope medical' }),
      ),
    }),
    openAlerts: Type.Integer({ minimum: 0 }),
    provenance: Type.Object({
      modelVersion: Nullable(Type.String()),
      methodVersion: Nullable(Type.String()),
      asmsWindowIndex: Nullable(Type.Integer({ description: 'Newest window that moved the ASMS state' })),
      updatedAt: Nullable(Time),
      provisional: Type.Boolean({ description: 'Baselines were still those of the population, or there is no history for percentiles' }),
    }),
  },
  { title: 'AthleteState' },
);
export type AthleteState = Static<typeof AthleteState>;

interface WindowOfState {
  windowIndex: number;
  startUs: number;
  endUs: number;
  activity: 'rest' | 'walk' | 'run' | 'jump';
  observedFraction: number;
}
