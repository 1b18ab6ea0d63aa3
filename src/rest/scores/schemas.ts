import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS } from '../examples.ts';
import { Micros, Nullable, OneOf, PageQuery, Time, Uuid } from '../schemas.ts';

const fraction = (description: string) => Nullable(Type.Number({ description }));
const Vector = Type.Array(Nullable(Type.Number()));

export const Score = Type.Object(
  {
    athleteId: Uuid,
    windowIndex: Type.Integer({ description: 'Counts hops of 1 s; with modelVersion it names the window' }),
    modelVersion: Type.String(),
    startUs: Micros,
    endUs: Micros,
    activity: OneOf(['rest', 'walk', 'run', 'jump']),
    status: OneOf(['scored', 'not-enough-data']),
    state: fraction('P(movement altered as in an injured athlete), 0 to 1, eq. 20; null: not enough data'),
    stateLogit: Nullable(Type.Number()),
    logitSd: fraction('Standard deviation of the logit'),
    rehab: fraction('Rehabilitation estimate, 0 to 1'),
    performance: fraction('Performance estimate, in SD of the training population'),
    residualNorm: Nullable(Type.Number()),
    observedFraction: Type.Number({ description: "Share of the model's biomechanical channels observed, 0 to 1" }),
    clipped: Type.Integer({ description: 'Samples whose z was clipped' }),
    streams: Type.Array(
      Type.Object({
        streamId: Type.Integer(),
        firstSequence: Type.Integer(),
        lastSequence: Type.Integer(),
        offsetUs: Type.Number({ description: 'Server time less device time' }),
        driftPpm: Type.Number(),
      }),
      { description: 'The frames the window used, and the clock that placed them' },
    ),
    closedByUs: Micros,
    scoredAtUs: Micros,
    provisional: Type.Boolean({ description: 'Baselines were still those of the population' }),
    shadow: Type.Boolean({ description: 'Beside the score that counts: of a shadow model or a re-score; only with modelVersion' }),
    attention: Type.Optional(
      Type.Object(
        { time: Vector, tokens: Vector, fAttn: Vector },
        { description: 'Only with include=attention: weights over time steps and tokens, and F_attn' },
      ),
    ),
    observations: Type.Optional(
      Type.Object(
        { phys: Vector, perf: Vector },
        { description: 'Only with include=attention: scalar observations in the order and units of the model contract; null is masked' },
      ),
    ),
  },
  {
    title: 'Score',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        windowIndex: 1_795_602_400,
        modelVersion: '0.2.2',
        startUs: 1_795_602_400_250_000,
        endUs: 1_795_602_402_250_000,
        activity: 'run',
        status: 'scored',
        state: 0.08,
        stateLogit: -2.44,
        logitSd: 0.31,
        rehab: 0.94,
        performance: 0.4,
        residualNorm: 1.52,
        observedFraction: 0.91,
        clipped: 0,
        streams: [{ streamId: 12, firstSequence: 4210, lastSequence: 4219, offsetUs: 182.4, driftPpm: -3.1 }],
        closedByUs: 1_795_602_402_310_000,
        scoredAtUs: 1_795_602_402_390_000,
        provisional: false,
        shadow: false,
      },
    ],
  },
);
export type Score = Static<typeof Score>;

export const ScoreQuery = Type.Object(
  {
    ...PageQuery,
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    order: Type.Optional(OneOf(['desc', 'asc'], { description: 'By time; newest first unless told' })),
    modelVersion: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'Every score of this version. Without it: the one that counts of each window',
      }),
    ),
    include: Type.Optional(OneOf(['attention'])),
  },
  { additionalProperties: false },
);
