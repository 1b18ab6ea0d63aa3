import { Type, type Static } from 'typebox';
import { Nullable, NullableEnum, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

const SIDES = ['left', 'right', 'both'] as const;
const SEVERITIES = ['minimal', 'mild', 'moderate', 'severe'] as const;
export const OUTCOME_KINDS = ['injury', 'performance', 'session-rpe', 'wellness'] as const;

export const Injury = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    diagnosisCode: Type.String({ description: 'OSIICS' }),
    region: Type.String(),
    side: NullableEnum(SIDES),
    severity: NullableEnum(SEVERITIES),
    onsetAt: Time,
    clearedAt: Nullable(Time),
    clearedBy: Nullable(Type.String()),
    timeLossDays: Type.Number({ description: 'd; k0 = ln 20 / this' }),
    createdAt: Time,
  },
  { title: 'Injury' },
);
export type Injury = Static<typeof Injury>;

export const NewInjury = Type.Object(
  {
    diagnosisCode: Type.String({ minLength: 2, maxLength: 16, pattern: '^[A-Za-z0-9.]+$', description: 'OSIICS' }),
    region: Text(64),
    side: Type.Optional(OneOf(SIDES)),
    severity: Type.Optional(OneOf(SEVERITIES)),
    onsetAt: Time,
    timeLossDays: Type.Number({ exclusiveMinimum: 0, maximum: 1_500, description: 'Published or clinician-set time loss, d' }),
  },
  {
    additionalProperties: false,
    examples: [{ diagnosisCode: 'TMHXX', region: 'thigh', side: 'left', onsetAt: '2026-11-02T15:10:00Z', timeLossDays: 18 }],
  },
);
export type NewInjury = Static<typeof NewInjury>;

export const Therapy = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    injuryId: Uuid,
    kind: Type.String(),
    dosePerDay: Type.Number({ description: 'Units of the catalogue entry a day' }),
    adherence: Type.Number({ description: '0 to 1' }),
    startsAt: Time,
    endsAt: Nullable(Time),
    prescribedBy: Nullable(Type.String()),
    createdAt: Time,
  },
  { title: 'Therapy' },
);
export type Therapy = Static<typeof Therapy>;

export const NewTherapy = Type.Object(
  {
    injuryId: Uuid,
    kind: Text(64),
    dosePerDay: Type.Number({ minimum: 0, maximum: 1_000 }),
    adherence: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    startsAt: Time,
    endsAt: Type.Optional(Time),
  },
  { additionalProperties: false },
);
export type NewTherapy = Static<typeof NewTherapy>;

export const Outcome = Type.Object(
  { id: Uuid, athleteId: Uuid, kind: OneOf(OUTCOME_KINDS), at: Time, value: Type.Unknown(), createdAt: Time },
  { title: 'Outcome' },
);
export type Outcome = Static<typeof Outcome>;

export const NewOutcome = Type.Object(
  {
    kind: OneOf(OUTCOME_KINDS, { description: 'injury needs the scope medical' }),
    at: Time,
    value: Type.Record(
      Type.String({ minLength: 1, maxLength: 64 }),
      Type.Union([Type.Number(), Type.String({ maxLength: 500 }), Type.Boolean(), Type.Null()]),
      { maxProperties: 32 },
    ),
  },
  { additionalProperties: false, examples: [{ kind: 'session-rpe', at: '2026-11-02T18:00:00Z', value: { rpe: 6, minutes: 75 } }] },
);
export type NewOutcome = Static<typeof NewOutcome>;

export const MedicalQuery = Type.Object(
  { ...PageQuery, open: Type.Optional(Type.Boolean({ description: 'true: not cleared or ended yet' })) },
  { additionalProperties: false },
);
export const OutcomeQuery = Type.Object({ ...PageQuery, kind: Type.Optional(OneOf(OUTCOME_KINDS)) }, { additionalProperties: false });
