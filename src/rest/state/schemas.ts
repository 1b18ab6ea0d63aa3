import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS } from '../examples.ts';
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
  {
    title: 'AthleteState',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        status: 'ok',
        reason: null,
        at: '2026-11-25T10:26:42.250Z',
        ageS: 1.4,
        state: { value: 0.08, unit: '1', logit: -2.44, logitSd: 0.31 },
        rehab: { value: 0.94, unit: '1' },
        performance: { value: 0.4, unit: 'SD' },
        window: {
          windowIndex: 1_795_602_400,
          startUs: 1_795_602_400_250_000,
          endUs: 1_795_602_402_250_000,
          activity: 'run',
          observedFraction: 0.91,
        },
        deviation: {
          roughness: { value: 0.21, unit: 'SD2', percentile: 62, band: 'green', amberAt: 0.55, redAt: 0.83, reference: 'own' },
          drift: { value: 1.42, unit: 'SD', percentile: 99.2, band: 'red', amberAt: 0.82, redAt: 1.1, reference: 'own' },
        },
        recovery: { value: 1, unit: '1' },
        openAlerts: 1,
        provenance: {
          modelVersion: '0.2.2',
          methodVersion: 'asms-2.1.0',
          asmsWindowIndex: 1_795_602_400,
          updatedAt: '2026-11-25T10:26:42.610Z',
          provisional: false,
        },
      },
    ],
  },
);
export type AthleteState = Static<typeof AthleteState>;

interface WindowOfState {
  windowIndex: number;
  startUs: number;
  endUs: number;
  activity: 'rest' | 'walk' | 'run' | 'jump';
  observedFraction: number;
}
