import { Type, type Static } from 'typebox';
import { BODY_REGIONS } from '../../asms/feedback/outcomes.ts';
import { MOST_DOSES } from '../../asms/medical-record.ts';
import { OSIICS_PATTERN } from '../../asms/osiics-region.ts';
import { EXAMPLE_IDS, exampleOf } from '../examples.ts';
import { Day, Nullable, NullableEnum, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

const SIDES = ['left', 'right', 'both'] as const;
const SEVERITIES = ['minimal', 'mild', 'moderate', 'severe'] as const;
export const OUTCOME_KINDS = ['injury', 'performance', 'session-rpe', 'wellness'] as const;

const Code = Type.String({
  pattern: OSIICS_PATTERN,
  description: 'OSIICS, 3 to 5 characters: the first is the body area, and has to be that of the region',
});
const Share = Type.Number({ minimum: 0, maximum: 1 });
/** In the words of whoever decides; it stands in the history. */
export const Why = Type.String({ minLength: 1, maxLength: 500, pattern: '\\S', description: 'In a few words; kept in the history' });

const whyBody = (example: string) => Type.Object({ why: Why }, { additionalProperties: false, examples: [{ why: example }] });
export const WithdrawBody = whyBody('Entered for the wrong athlete');
export const AdvanceBody = whyBody('No pain in two sessions on the bike');
export const DemoteBody = whyBody('Pain of 5 the day after running');
export const ClearBody = whyBody('Every test passed, two full weeks with the team');

export const Injury = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    diagnosisCode: Type.String({ description: 'OSIICS' }),
    region: Type.String({
      description: "A body area of the consensus; of injuries recorded before there was a list, the staff's own words",
    }),
    side: NullableEnum(SIDES),
    severity: NullableEnum(SEVERITIES),
    onsetAt: Time,
    reportedAt: Type.String({ format: 'date-time', description: 'When it became known' }),
    contact: Nullable(Type.Boolean({ description: 'By contact with a person or an object; null: not said' })),
    timeLoss: Type.Boolean({ description: 'It keeps the athlete from training or play' }),
    clearedAt: Nullable(Time),
    clearedBy: Nullable(Type.String()),
    timeLossDays: Type.Number({ description: 'd; k0 = ln 20 / this' }),
    relapseOf: Nullable(
      Type.String({
        format: 'uuid',
        description: 'The injury of the same region, cleared at most 8 weeks before, of which this is a relapse',
      }),
    ),
    createdAt: Time,
  },
  {
    title: 'Injury',
    examples: [
      {
        id: EXAMPLE_IDS.injury,
        athleteId: EXAMPLE_IDS.athlete,
        diagnosisCode: 'TMHXX',
        region: 'thigh',
        side: 'left',
        severity: null,
        onsetAt: '2026-11-02T15:10:00.000Z',
        reportedAt: '2026-11-02T15:30:00.000Z',
        contact: false,
        timeLoss: true,
        clearedAt: null,
        clearedBy: null,
        timeLossDays: 18,
        relapseOf: null,
        createdAt: '2026-11-02T15:31:12.000Z',
      },
    ],
  },
);
export type Injury = Static<typeof Injury>;

const INJURY = {
  diagnosisCode: Code,
  region: OneOf(BODY_REGIONS),
  onsetAt: Time,
  timeLossDays: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1_500,
    description: 'Published or clinician-set time to recovery, d; of an injury without time loss too',
  }),
};
const CONTACT = Type.Boolean({ description: 'By contact with a person or an object' });
const TIME_LOSS = Type.Boolean({
  description: 'It keeps the athlete from training or play; true unless told. Only then there is a return to play',
});
const REPORTED = Type.String({
  format: 'date-time',
  maxLength: 40,
  description: 'When it became known, not before onset; now unless told',
});

export const NewInjury = Type.Object(
  {
    ...INJURY,
    side: Type.Optional(OneOf(SIDES)),
    severity: Type.Optional(OneOf(SEVERITIES)),
    reportedAt: Type.Optional(REPORTED),
    contact: Type.Optional(CONTACT),
    timeLoss: Type.Optional(TIME_LOSS),
    clearedAt: Type.Optional(
      Type.String({ format: 'date-time', maxLength: 40, description: 'Of an injury of the past, recorded when it is over' }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      {
        diagnosisCode: 'TMHXX',
        region: 'thigh',
        side: 'left',
        onsetAt: '2026-11-02T15:10:00Z',
        reportedAt: '2026-11-02T15:30:00Z',
        contact: false,
        timeLossDays: 18,
      },
    ],
  },
);
export type NewInjury = Static<typeof NewInjury>;

export const InjuryCorrection = Type.Object(
  {
    why: Why,
    diagnosisCode: Type.Optional(Code),
    region: Type.Optional(OneOf(BODY_REGIONS)),
    side: Type.Optional(NullableEnum(SIDES)),
    severity: Type.Optional(NullableEnum(SEVERITIES)),
    onsetAt: Type.Optional(Time),
    reportedAt: Type.Optional(Time),
    contact: Type.Optional(Nullable(CONTACT)),
    timeLoss: Type.Optional(TIME_LOSS),
    timeLossDays: Type.Optional(INJURY.timeLossDays),
  },
  {
    additionalProperties: false,
    examples: [{ why: 'Imaging shows a larger tear', diagnosisCode: 'TMHR2', timeLossDays: 35 }],
  },
);
export type InjuryCorrection = Static<typeof InjuryCorrection>;

const THERAPY_ID = '6e5d4c3b-2a1f-4e0d-9c8b-7a6f5e4d3c2b';

export const Therapy = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    injuryId: Uuid,
    kind: Type.String(),
    dosePerDay: Type.Number({ description: 'Full doses a day' }),
    adherence: Type.Number({ description: '0 to 1: the share of the dose expected to be done, until the log of adherence begins' }),
    startsAt: Time,
    endsAt: Nullable(Time),
    prescribedBy: Nullable(Type.String()),
    createdAt: Time,
  },
  {
    title: 'Therapy',
    examples: [
      {
        id: THERAPY_ID,
        athleteId: EXAMPLE_IDS.athlete,
        injuryId: EXAMPLE_IDS.injury,
        kind: 'physiotherapy',
        dosePerDay: 1,
        adherence: 0.8,
        startsAt: '2026-11-03T09:00:00.000Z',
        endsAt: null,
        prescribedBy: 'Dr Lind',
        createdAt: '2026-11-03T09:12:00.000Z',
      },
    ],
  },
);
export type Therapy = Static<typeof Therapy>;

const THERAPY = {
  kind: Text(64, 'In the words of the staff: every kind counts alike in recovery so far'),
  dosePerDay: Type.Number({ exclusiveMinimum: 0, maximum: MOST_DOSES, description: 'Full doses a day: 1 of physiotherapy is 60 minutes' }),
  startsAt: Type.String({ format: 'date-time', maxLength: 40, description: 'Not in the future: a therapy is recorded when it has begun' }),
};

export const NewTherapy = Type.Object(
  {
    injuryId: Uuid,
    ...THERAPY,
    adherence: Type.Optional(Share),
    endsAt: Type.Optional(Type.String({ format: 'date-time', maxLength: 40, description: 'May lie in the future: a planned end' })),
  },
  {
    additionalProperties: false,
    examples: [
      {
        injuryId: EXAMPLE_IDS.injury,
        kind: 'physiotherapy',
        dosePerDay: 1,
        startsAt: '2026-11-03T09:00:00Z',
        adherence: 0.8,
      },
    ],
  },
);
export type NewTherapy = Static<typeof NewTherapy>;

export const TherapyCorrection = Type.Object(
  {
    why: Why,
    kind: Type.Optional(THERAPY.kind),
    dosePerDay: Type.Optional(THERAPY.dosePerDay),
    startsAt: Type.Optional(THERAPY.startsAt),
    endsAt: Type.Optional(Nullable(Time)),
    adherence: Type.Optional(Share),
  },
  { additionalProperties: false, examples: [{ why: 'Two sessions a day, not one', dosePerDay: 2 }] },
);
export type TherapyCorrection = Static<typeof TherapyCorrection>;

export const Adherence = Type.Object(
  {
    therapyId: Uuid,
    athleteId: Uuid,
    day: Day,
    share: Type.Number({ description: "Share of the day's dose that was done, 0 to 1; it holds until the next entry" }),
    by: Type.String(),
    recordedAt: Time,
  },
  {
    title: 'Adherence',
    examples: [
      {
        therapyId: THERAPY_ID,
        athleteId: EXAMPLE_IDS.athlete,
        day: '2026-11-04',
        share: 0.5,
        by: 'Physio tablet',
        recordedAt: '2026-11-04T18:02:00.000Z',
      },
    ],
  },
);
export type Adherence = Static<typeof Adherence>;
export const AdherenceLog = Type.Object({ items: Type.Array(Adherence) }, { examples: [{ items: [exampleOf(Adherence)] }] });

export const NewAdherence = Type.Object(
  {
    day: Type.String({ format: 'date', maxLength: 10, description: "Of the team's calendar; a day that has an entry is corrected" }),
    share: Share,
  },
  { additionalProperties: false, examples: [{ day: '2026-11-04', share: 0.5 }] },
);

const Snapshot = Type.Unsafe<Record<string, unknown> | null>({ type: ['object', 'null'], additionalProperties: true });

export const MedicalChange = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    subject: OneOf(['injury', 'therapy', 'adherence', 'measurement', 'illness']),
    subjectId: Uuid,
    at: Time,
    change: OneOf(['recorded', 'corrected', 'closed', 'ended', 'withdrawn']),
    by: Type.String(),
    why: Nullable(Type.String()),
    before: Snapshot,
    after: Snapshot,
  },
  {
    title: 'MedicalChange',
    examples: [
      {
        id: 'f4e3d2c1-b0a9-4f8e-9d7c-6b5a4f3e2d1c',
        athleteId: EXAMPLE_IDS.athlete,
        subject: 'injury',
        subjectId: EXAMPLE_IDS.injury,
        at: '2026-11-02T15:31:12.000Z',
        change: 'recorded',
        by: 'Dr Lind',
        why: null,
        before: null,
        after: exampleOf(Injury),
      },
    ],
  },
);
export type MedicalChange = Static<typeof MedicalChange>;

export const Measurement = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    name: Type.String(),
    value: Type.Number(),
    unit: Type.String(),
    side: NullableEnum(['left', 'right']),
    at: Time,
    by: Type.String(),
    recordedAt: Time,
  },
  {
    title: 'Measurement',
    examples: [
      {
        id: 'a9b8c7d6-e5f4-4a3b-8c2d-1e0f9a8b7c6d',
        athleteId: EXAMPLE_IDS.athlete,
        name: 'isometricStrength',
        value: 412,
        unit: 'N',
        side: 'left',
        at: '2026-11-09T10:00:00.000Z',
        by: 'Dr Lind',
        recordedAt: '2026-11-09T10:05:00.000Z',
      },
    ],
  },
);
export type Measurement = Static<typeof Measurement>;

export const NewMeasurement = Type.Object(
  {
    name: Type.String({
      pattern: '^[A-Za-z][A-Za-z0-9-]{0,63}$',
      description: 'pain, isometricStrength, jumpHeight, sprintPeak, or what a protocol of the team names',
    }),
    value: Type.Number({ minimum: -1e6, maximum: 1e6 }),
    unit: Text(16, 'pain: 0 to 10; isometricStrength: N; jumpHeight: m; sprintPeak: m/s'),
    side: Type.Optional(OneOf(['left', 'right'])),
    at: Time,
  },
  {
    additionalProperties: false,
    examples: [{ name: 'isometricStrength', value: 412, unit: 'N', side: 'left', at: '2026-11-09T10:00:00Z' }],
  },
);
export type NewMeasurement = Static<typeof NewMeasurement>;

export const Outcome = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    kind: OneOf(OUTCOME_KINDS),
    at: Time,
    value: Type.Unknown(),
    createdAt: Time,
    replaces: Nullable(Type.String({ format: 'uuid', description: 'The outcome that this one corrects' })),
  },
  {
    title: 'Outcome',
    examples: [
      {
        id: EXAMPLE_IDS.outcome,
        athleteId: EXAMPLE_IDS.athlete,
        kind: 'session-rpe',
        at: '2026-11-02T18:00:00.000Z',
        value: { rpe: 6, minutes: 75 },
        createdAt: '2026-11-02T18:20:00.000Z',
        replaces: null,
      },
    ],
  },
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
export const HistoryQuery = Type.Object(
  {
    ...PageQuery,
    subjectId: Type.Optional(Type.String({ format: 'uuid', description: 'Of one injury, therapy, measurement or illness' })),
  },
  { additionalProperties: false },
);
export const MeasurementQuery = Type.Object({ ...PageQuery, name: Type.Optional(Text(64)) }, { additionalProperties: false });
