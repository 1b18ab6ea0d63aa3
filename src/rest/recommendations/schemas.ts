import { Type, type Static } from 'typebox';
import { JsonObject, Nullable, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

export const DECISIONS = ['accepted', 'changed', 'declined'] as const;
/** superseded: a plan, or a newer one, took its place. */
const STATUSES = ['proposed', ...DECISIONS, 'superseded'] as const;

export const Recommendation = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    alertId: Nullable(Uuid),
    kind: Type.String(),
    title: Type.String(),
    rationale: Type.String(),
    evidence: JsonObject,
    methodVersion: Type.String(),
    status: OneOf(STATUSES),
    decidedAt: Nullable(Time),
    decidedBy: Nullable(Type.String()),
    decisionNote: Nullable(Type.String()),
    createdAt: Time,
  },
  { title: 'Recommendation' },
);
export type Recommendation = Static<typeof Recommendation>;

export const RecommendationQuery = Type.Object({ ...PageQuery, status: Type.Optional(OneOf(STATUSES)) }, { additionalProperties: false });

export const Decision = Type.Object(
  { status: OneOf(DECISIONS), reason: Type.Optional(Text(2_000, 'Required for changed and declined')) },
  { additionalProperties: false, examples: [{ status: 'declined', reason: 'Match on Saturday; load is lowered on Sunday instead.' }] },
);
