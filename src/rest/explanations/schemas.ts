import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS } from '../examples.ts';
import { Nullable, OneOf, Time, Uuid } from '../schemas.ts';

export const GRAINS = ['sensor', 'channel'] as const;
const Grain = OneOf(GRAINS, { description: 'sensor: one part a sensor; channel: one a movement channel. Scalars are named in both' });

export const WindowParams = Type.Object({
  id: Uuid,
  // A window starts at its index times a second: this is the year 2096.
  windowIndex: Type.Integer({ minimum: 0, maximum: 4_000_000_000, description: 'windowIndex of the score' }),
});
export const GrainQuery = Type.Object({ grain: Type.Optional(Grain) }, { additionalProperties: false });

const Part = Type.Object({
  name: Type.String({ description: 'A sensor, a channel of the model contract, history, or medicalRecord' }),
  label: Type.String({ description: 'The same in words' }),
  kind: OneOf(['bio', 'phys', 'perf', 'context', 'history']),
  logit: Type.Number({ description: 'How far it moved the score from the base, in logit' }),
  reading: Nullable(
    Type.Object({
      value: Type.Number(),
      normal: Type.Number({ description: 'Mean over the background' }),
      unit: Type.String({ description: "SD: of the athlete's own baseline" }),
    }),
  ),
});

const Result = Type.Object({
  method: OneOf(['exact', 'sampled'], { description: 'exact: every coalition was scored' }),
  evaluations: Type.Integer({ description: 'Windows scored' }),
  baseLogit: Type.Number({ description: 'Mean logit over the background' }),
  logit: Type.Number({ description: "The window's" }),
  contributions: Type.Array(Part, { description: 'Their sum is logit - baseLogit' }),
  attention: Type.Object({
    stepMs: Type.Number(),
    time: Type.Array(Type.Number(), { description: 'Weight of each step of the window' }),
    modality: Type.Array(Type.Object({ name: Type.String(), weight: Type.Number() })),
  }),
  background: Type.Object({ own: Type.Integer(), squad: Type.Integer() }, { description: 'Quiet windows that stand for normal' }),
});

const EXAMPLE = {
  athleteId: EXAMPLE_IDS.athlete,
  windowIndex: 1_795_000_000,
  modelVersion: '0.2.2',
  grain: 'sensor',
  status: 'done',
  refusal: null,
  askedBy: null,
  sentence:
    'What moved the score most: movement of the right foot moved it up (1.84 of its usual spread, normally 1.01); the windows before this one moved it up. ' +
    'Normal is the mean of 2 quiet windows of the athlete and 2 of the squad.',
  result: {
    method: 'exact',
    evaluations: 61,
    baseLogit: -2.1,
    logit: 1.2,
    contributions: [
      {
        name: 'foot-right',
        label: 'movement of the right foot',
        kind: 'bio',
        logit: 2.1,
        reading: { value: 1.84, normal: 1.01, unit: 'SD' },
      },
      { name: 'history', label: 'the windows before this one', kind: 'history', logit: 1.2, reading: null },
    ],
    attention: { stepMs: 40, time: [0.02, 0.03], modality: [{ name: 'movement', weight: 0.41 }] },
    background: { own: 2, squad: 2 },
  },
  createdAt: '2026-11-27T10:00:00.000Z',
  finishedAt: '2026-11-27T10:00:02.000Z',
};

export const ScoreExplanation = Type.Object(
  {
    athleteId: Uuid,
    windowIndex: Type.Integer(),
    modelVersion: Type.String(),
    grain: Grain,
    status: OneOf(['pending', 'done', 'refused']),
    refusal: Nullable(Type.Object({ code: Type.String(), detail: Type.String() }, { description: 'Why there is none' })),
    askedBy: Nullable(Type.String({ description: 'null: an alert' })),
    sentence: Nullable(Type.String({ description: 'The three largest parts, in the units they were measured in' })),
    result: Nullable(Result),
    createdAt: Time,
    finishedAt: Nullable(Time),
  },
  { title: 'ScoreExplanation', examples: [EXAMPLE] },
);
export type ScoreExplanation = Static<typeof ScoreExplanation>;

/** With an alert: never in a webhook, since it tells of a person's body. */
export const AlertExplanation = Nullable(
  Type.Object(
    {
      status: ScoreExplanation.properties.status,
      sentence: ScoreExplanation.properties.sentence,
      refusal: ScoreExplanation.properties.refusal,
    },
    {
      description: 'What moved the score, once it is there; null where the alert is not about the score',
      examples: [{ status: 'done', sentence: EXAMPLE.sentence, refusal: null }],
    },
  ),
);

export const SummaryQuery = Type.Object(
  {
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    grain: Type.Optional(Grain),
    modelVersion: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: 'Versions are not mixed: that of the newest explanation unless told' }),
    ),
  },
  { additionalProperties: false },
);

export const ExplanationSummary = Type.Object(
  {
    teamId: Uuid,
    from: Time,
    to: Time,
    grain: Grain,
    modelVersion: Nullable(Type.String({ description: 'null: no explanation falls into the period' })),
    windows: Type.Integer({ description: 'Explained windows that are summed up' }),
    truncated: Type.Boolean({ description: 'There are more: the newest are summed up' }),
    rows: Type.Array(
      Type.Object({
        name: Type.String(),
        label: Type.String(),
        kind: Part.properties.kind,
        windows: Type.Integer({ description: 'Those in which it was observed' }),
        meanAbsolute: Type.Number({ description: 'Mean of |contribution|, logit' }),
        mean: Type.Number({ description: 'Mean contribution, logit' }),
        points: Type.Array(
          Type.Object({
            logit: Type.Number(),
            level: Nullable(Type.Number({ description: 'Place of the reading, 0 lowest to 1 highest' })),
          }),
        ),
      }),
      { description: 'Largest mean |contribution| first' },
    ),
  },
  {
    title: 'ExplanationSummary',
    examples: [
      {
        teamId: EXAMPLE_IDS.team,
        from: '2026-11-01T00:00:00.000Z',
        to: '2026-11-28T00:00:00.000Z',
        grain: 'sensor',
        modelVersion: '0.2.2',
        windows: 1,
        truncated: false,
        rows: [
          {
            name: 'foot-right',
            label: 'movement of the right foot',
            kind: 'bio',
            windows: 1,
            meanAbsolute: 2.1,
            mean: 2.1,
            points: [{ logit: 2.1, level: null }],
          },
        ],
      },
    ],
  },
);
