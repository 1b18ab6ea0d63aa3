import { Type, type Static } from 'typebox';
import { AVAILABILITIES } from '../../asms/availability.ts';
import { DEFAULT_PROTOCOL, WORK } from '../../asms/return-protocol.ts';
import { EXAMPLE_IDS, exampleOf } from '../examples.ts';
import { Nullable, NullableEnum, OneOf, OwnerTeam, Text, Time, Uuid } from '../schemas.ts';

const SIGN_ROLES = ['medical', 'coach', 'athlete'] as const;
const Maybe = Nullable(Type.Number());

const Criterion = Type.Object(
  {
    name: Text(64),
    metric: Type.String({ pattern: '^[A-Za-z][A-Za-z0-9-]{0,63}$', description: 'A session metric or a measurement' }),
    unit: Text(16),
    kind: OneOf(['share-of-own', 'at-most', 'at-least'], {
      description: "share-of-own: the value over the athlete's own before the injury; else the value itself",
    }),
    bound: Type.Number({ minimum: -1e6, maximum: 1e6 }),
    maximumAgeDays: Type.Number({ exclusiveMinimum: 0, maximum: 365 }),
  },
  { additionalProperties: false },
);

const Stage = Type.Object(
  {
    name: Text(64),
    loadCeilingShare: Type.Number({ minimum: 0, maximum: 1, description: 'Share of the chronic load before the injury' }),
    allowedWork: Type.Array(OneOf(WORK), { maxItems: WORK.length, uniqueItems: true, description: 'What is not named is not allowed' }),
    availability: OneOf(['out', 'modified']),
    minimumDays: Type.Number({ minimum: 0, maximum: 365 }),
    criteria: Type.Array(Criterion, { maxItems: 20, description: 'All of them leave the stage' }),
    signOff: Type.Array(OneOf(SIGN_ROLES), { minItems: 1, maxItems: 3, uniqueItems: true, description: 'medical in every stage' }),
  },
  { additionalProperties: false },
);

const PROTOCOL = {
  stages: Type.Array(Stage, { minItems: 1, maxItems: 12 }),
  demotion: Type.Object(
    {
      painAbove: Type.Number({ minimum: 0, maximum: 10 }),
      daysAboveCeiling: Type.Integer({ minimum: 1, maximum: 7 }),
      recoveryFall: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    },
    { additionalProperties: false },
  ),
};

const example = {
  version: 'first-team-2',
  stages: [
    DEFAULT_PROTOCOL.stages[0],
    {
      name: 'team-training',
      loadCeilingShare: 0.9,
      allowedWork: ['walking', 'running', 'change-of-direction', 'contact'],
      availability: 'modified',
      minimumDays: 5,
      criteria: [{ name: 'jump height', metric: 'jumpHeight', unit: 'm', kind: 'share-of-own', bound: 0.95, maximumAgeDays: 14 }],
      signOff: ['medical', 'coach'],
    },
  ],
  demotion: { painAbove: 4, daysAboveCeiling: 2, recoveryFall: 0.1 },
};

export const ReturnProtocolView = Type.Object(
  {
    teamId: Nullable(Type.String({ format: 'uuid', description: 'null: the default' })),
    version: Type.String(),
    current: Type.Boolean({ description: 'Returns of the team begin under it' }),
    createdAt: Nullable(Time),
    createdBy: Nullable(Type.String()),
    ...PROTOCOL,
  },
  {
    title: 'ReturnProtocol',
    examples: [{ teamId: EXAMPLE_IDS.team, ...example, current: true, createdAt: '2026-07-01T09:00:00.000Z', createdBy: 'Dr Lind' }],
  },
);
export type ReturnProtocolView = Static<typeof ReturnProtocolView>;
export const ReturnProtocols = Type.Object(
  { items: Type.Array(ReturnProtocolView) },
  { examples: [{ items: [exampleOf(ReturnProtocolView)] }] },
);

export const NewReturnProtocol = Type.Object(
  {
    teamId: OwnerTeam,
    version: Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{0,63}$', description: 'A name of its own; a version is never changed' }),
    ...PROTOCOL,
  },
  {
    additionalProperties: false,
    examples: [{ teamId: EXAMPLE_IDS.team, ...example }],
  },
);

const JudgedCriterion = Type.Object({
  name: Type.String(),
  metric: Type.String(),
  unit: Type.String(),
  kind: Type.String(),
  bound: Type.Number(),
  value: Maybe,
  ownBefore: Nullable(Type.Number({ description: "The athlete's own newest value from before the injury" })),
  share: Nullable(Type.Number({ description: 'value over ownBefore' })),
  limbSymmetryPct: Nullable(Type.Number({ description: 'Of the other limb; shown beside it, never a criterion' })),
  met: Type.Boolean(),
  why: Type.String(),
});

const ReturnChange = Type.Object({
  at: Time,
  change: OneOf(['begun', 'signed', 'advanced', 'demoted', 'cleared', 'relapsed', 'relapse-withdrawn']),
  stage: Nullable(Type.Integer()),
  by: Type.String(),
  why: Type.String(),
});

export const ReturnView = Type.Object(
  {
    injuryId: Uuid,
    athleteId: Uuid,
    phase: OneOf(['stages', 'monitored', 'done', 'relapsed'], { description: 'monitored: the 8 weeks after clearance' }),
    protocolVersion: Type.String(),
    stage: Type.Unsafe<{ name: string; place: number; of: number; enteredAt: string; minimumDays: number } | null>({
      type: ['object', 'null'],
      description: 'null after clearance; place counts from 1',
      properties: {
        name: Type.String(),
        place: Type.Integer(),
        of: Type.Integer(),
        enteredAt: Time,
        minimumDays: Type.Number(),
      },
      required: ['name', 'place', 'of', 'enteredAt', 'minimumDays'],
    }),
    ceiling: Type.Unsafe<{ share: number; value: number | null; unit: string; series: string } | null>({
      type: ['object', 'null'],
      description:
        'Of a day; share of the chronic load before the injury. value null: that load is not known, and only the work is limited',
      properties: { share: Type.Number(), value: Maybe, unit: Type.String(), series: Type.String() },
      required: ['share', 'value', 'unit', 'series'],
    }),
    allowedWork: Nullable(Type.Array(OneOf(WORK), { description: 'null: no limit of this return' })),
    signOff: Type.Array(OneOf(SIGN_ROLES), { description: 'Roles that sign the stage' }),
    signatures: Type.Array(Type.Object({ role: OneOf(SIGN_ROLES), by: Type.String(), at: Time })),
    monitoredUntil: Nullable(Time),
    openPoints: Type.Array(Type.String(), {
      description: 'What keeps the athlete in the stage, in sentences. Without the scope medical days and signatures only',
    }),
    criteria: Type.Optional(Type.Array(JudgedCriterion, { description: 'With the scope medical' })),
    backReasons: Type.Optional(
      Type.Array(Type.String(), { description: 'Why the athlete should go back a stage; staff decide. With the scope medical' }),
    ),
    relapseSuspected: Type.Optional(Type.Boolean({ description: 'Recovery fell in the monitored time. With the scope medical' })),
    history: Type.Optional(Type.Array(ReturnChange, { description: 'With the scope medical' })),
  },
  {
    title: 'ReturnToPlay',
    examples: [
      {
        injuryId: EXAMPLE_IDS.injury,
        athleteId: EXAMPLE_IDS.athlete,
        phase: 'stages',
        protocolVersion: 'return-1.0.0',
        stage: { name: 'running', place: 3, of: 5, enteredAt: '2026-11-12T09:00:00.000Z', minimumDays: 2 },
        ceiling: { share: 0.6, value: 210, unit: 'AU', series: 'session-rpe' },
        allowedWork: ['walking', 'range-of-motion', 'strength', 'running'],
        signOff: ['medical'],
        signatures: [],
        monitoredUntil: null,
        openPoints: ["strength 76 % of the athlete's own before the injury, at least 80 %", 'the role medical has not signed'],
        criteria: [
          {
            name: 'strength',
            metric: 'isometricStrength',
            unit: 'N',
            kind: 'share-of-own',
            bound: 0.8,
            value: 312,
            ownBefore: 410,
            share: 0.761,
            limbSymmetryPct: 88,
            met: false,
            why: "strength 76 % of the athlete's own before the injury, at least 80 %",
          },
        ],
        backReasons: [],
        relapseSuspected: false,
        history: [{ at: '2026-11-02T15:31:12.000Z', change: 'begun', stage: 0, by: 'Dr Lind', why: 'injury recorded' }],
      },
    ],
  },
);
export type ReturnView = Static<typeof ReturnView>;

export const ReturnList = Type.Object({ items: Type.Array(ReturnView) }, { examples: [{ items: [exampleOf(ReturnView)] }] });
export const ReturnParams = Type.Object({ id: Uuid, injuryId: Uuid });

export const AvailabilityView = Type.Object(
  {
    athleteId: Uuid,
    availability: OneOf(AVAILABILITIES),
    since: Nullable(Type.String({ format: 'date-time', description: 'Without a break; null: never anything else' })),
    at: Time,
    why: Type.Optional(
      Type.Array(
        Type.Object({
          kind: OneOf(['injury', 'illness']),
          id: Uuid,
          diagnosisCode: Nullable(Type.String()),
          region: Nullable(Type.String({ description: 'Of an injury' })),
          side: NullableEnum(['left', 'right', 'both']),
          onsetAt: Time,
        }),
        { description: 'Injuries and illnesses that make it so; with the scope medical' },
      ),
    ),
  },
  {
    title: 'Availability',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        availability: 'out',
        since: '2026-11-02T15:10:00.000Z',
        at: '2026-11-12T07:00:00.000Z',
      },
    ],
  },
);
export type AvailabilityView = Static<typeof AvailabilityView>;
