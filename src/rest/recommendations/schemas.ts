import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS } from '../examples.ts';
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
  {
    title: 'Recommendation',
    examples: [
      {
        id: 'e1d2c3b4-a5f6-4e7d-8c9b-0a1f2e3d4c5b',
        athleteId: EXAMPLE_IDS.athlete,
        alertId: EXAMPLE_IDS.alert,
        kind: 'reduce-load',
        title: 'Ease off and have the movement looked at',
        rationale:
          'What: no sprints, jumps or hard changes of direction for the rest of this session, and a short movement check by medical staff. ' +
          'How much: plan about 30 % less load than usual.',
        evidence: { loadCutPercent: 30, days: 2, activity: 'run', state: 0.99 },
        methodVersion: 'asms-2.1.0',
        status: 'proposed',
        decidedAt: null,
        decidedBy: null,
        decisionNote: null,
        createdAt: '2026-11-25T10:26:42.610Z',
      },
    ],
  },
);
export type Recommendation = Static<typeof Recommendation>;

export const RecommendationQuery = Type.Object({ ...PageQuery, status: Type.Optional(OneOf(STATUSES)) }, { additionalProperties: false });

export const Decision = Type.Object(
  { status: OneOf(DECISIONS), reason: Type.Optional(Text(2_000, 'Required for changed and declined')) },
  { additionalProperties: false, examples: [{ status: 'declined', reason: 'Match on Saturday; load is lowered on Sunday instead.' }] },
);
