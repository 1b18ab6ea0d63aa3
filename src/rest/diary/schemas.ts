import { Type, type Static } from 'typebox';
import { WELLNESS_ITEMS } from '../../asms/feedback/outcomes.ts';
import { LEAST_BEATS } from '../../asms/morning-hrv.ts';
import { OSIICS_PATTERN } from '../../asms/osiics-region.ts';
import { EXAMPLE_IDS, EXAMPLE_TIME_ZONE, exampleOf } from '../examples.ts';
import { Why } from '../medical/schemas.ts';
import { Day, Nullable, NullableEnum, OneOf, Text, Time, Uuid } from '../schemas.ts';

/** What an athlete consents to, each by itself, and what it may be used for. */
export const CONSENT_PURPOSES = {
  wellness: 'monitoring',
  'morning-hrv': 'monitoring',
  illness: 'medical-care',
  menstrual: 'medical-care',
} as const;
export type ConsentKind = keyof typeof CONSENT_PURPOSES;
export const CONSENT_KINDS = Object.keys(CONSENT_PURPOSES) as ConsentKind[];
export type DiaryKind = Exclude<ConsentKind, 'illness'>;

const Kind = OneOf(CONSENT_KINDS, { description: 'illness and menstrual need the scope medical or the key of the athlete' });

export const Consent = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    kind: Kind,
    purpose: OneOf(['monitoring', 'medical-care'], { description: 'What the entries may be used for: it follows from the kind' }),
    givenAt: Time,
    by: Type.String({ description: 'Who recorded it' }),
    withdrawnAt: Nullable(Time),
    withdrawnBy: Nullable(Type.String()),
  },
  {
    title: 'Consent',
    examples: [
      {
        id: '8d2e6f1a-4b7c-4d9e-a3f5-0c1b2a3d4e5f',
        athleteId: EXAMPLE_IDS.athlete,
        kind: 'wellness',
        purpose: 'monitoring',
        givenAt: '2026-07-01T09:00:00.000Z',
        by: 'A. Runner',
        withdrawnAt: null,
        withdrawnBy: null,
      },
    ],
  },
);
export type Consent = Static<typeof Consent>;
export const Consents = Type.Object(
  { athleteId: Uuid, items: Type.Array(Consent, { description: 'Newest first, those withdrawn too' }) },
  { examples: [{ athleteId: EXAMPLE_IDS.athlete, items: [exampleOf(Consent)] }] },
);

export const NewConsent = Type.Object(
  {
    kind: Kind,
    givenAt: Type.Optional(Type.String({ format: 'date-time', maxLength: 40, description: 'When the athlete gave it; now unless told' })),
  },
  { additionalProperties: false, examples: [{ kind: 'wellness' }] },
);
export const ConsentNamed = Type.Object({ kind: Kind }, { additionalProperties: false, examples: [{ kind: 'wellness' }] });
export const Erased = Type.Object(
  { athleteId: Uuid, kind: Kind, erased: Type.Integer({ description: 'Entries that were deleted' }) },
  { examples: [{ athleteId: EXAMPLE_IDS.athlete, kind: 'wellness', erased: 41 }] },
);

const Item = Type.Optional(Type.Integer({ minimum: 1, maximum: 5, description: '1 (worst) to 5 (best)' }));
const Wellness = Type.Object(Object.fromEntries(WELLNESS_ITEMS.map((item) => [item, Item])), {
  additionalProperties: false,
  minProperties: 1,
});
const MorningHrv = Type.Object(
  {
    lnRmssd: Type.Number({ minimum: 0.5, maximum: 6.5, description: 'ln of rMSSD in ms, artefacts corrected' }),
    beats: Type.Integer({
      minimum: LEAST_BEATS,
      maximum: 20_000,
      description: 'Valid intervals; with fewer the recording is repeated, not entered',
    }),
    restBpm: Type.Optional(Type.Number({ minimum: 25, maximum: 120 })),
  },
  { additionalProperties: false },
);
const SYMPTOMS = ['cramps', 'headache', 'back-pain', 'bloating', 'fatigue', 'mood', 'sleep', 'nausea'] as const;
const Menstrual = Type.Object(
  {
    flow: OneOf(['none', 'spotting', 'light', 'medium', 'heavy']),
    symptoms: Type.Optional(Type.Array(OneOf(SYMPTOMS), { maxItems: SYMPTOMS.length, uniqueItems: true })),
    hormonalContraception: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

/** Each kind's route, scope and value. `read`, `write`: the scope other keys than the athlete's own need. */
export const DIARIES = {
  wellness: {
    path: 'wellness',
    operation: 'Wellness',
    read: 'read',
    write: 'write',
    value: Wellness,
    example: { sleep: 4, fatigue: 3, soreness: 2, stress: 4, mood: 5 },
    what: 'wellness of a morning: sleep, fatigue, soreness, stress and mood, 1 (worst) to 5 (best) each',
  },
  'morning-hrv': {
    path: 'morning-hrv',
    operation: 'MorningHrv',
    read: 'read',
    write: 'write',
    value: MorningHrv,
    example: { lnRmssd: 4.21, beats: 62, restBpm: 47 },
    what: 'ln rMSSD of a morning, at rest',
  },
  menstrual: {
    path: 'menstrual',
    operation: 'Menstrual',
    read: 'medical',
    write: 'medical',
    value: Menstrual,
    example: { flow: 'medium', symptoms: ['cramps'] },
    what: 'menstrual entry of a day, opt-in',
  },
} as const;

/** The closed schema of a kind, as what the handlers see of it. */
const valueOf = (kind: DiaryKind) => Type.Unsafe<Readonly<Record<string, unknown>>>({ ...DIARIES[kind].value });

const entryOf = (kind: DiaryKind) => ({
  id: Uuid,
  athleteId: Uuid,
  day: Day,
  value: valueOf(kind),
  by: Type.String(),
  at: Time,
  replaces: Nullable(Type.String({ format: 'uuid', description: 'The entry that this one corrects' })),
});

export interface DiaryEntry {
  readonly id: string;
  readonly athleteId: string;
  readonly day: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly by: string;
  readonly at: string;
  readonly replaces: string | null;
}

const EXAMPLE_ENTRY = {
  id: '2f7b9d1c-6e4a-4c8f-b0d2-9a8b7c6d5e4f',
  athleteId: EXAMPLE_IDS.athlete,
  day: '2026-11-02',
  by: 'A. Runner',
  at: '2026-11-02T06:41:00.000Z',
  replaces: null,
};

export const EntryOf = (kind: DiaryKind) => Type.Object(entryOf(kind), { examples: [{ ...EXAMPLE_ENTRY, value: DIARIES[kind].example }] });
export const NewEntryOf = (kind: DiaryKind) =>
  Type.Object(
    {
      day: Type.String({ format: 'date', maxLength: 10, description: "Day of the team's calendar, not after today" }),
      value: valueOf(kind),
      replaces: Type.Optional(Type.String({ format: 'uuid', description: 'Corrects this entry of the same day' })),
    },
    { additionalProperties: false, examples: [{ day: '2026-11-02', value: DIARIES[kind].example }] },
  );
export const EntriesOf = (kind: DiaryKind) => {
  const entry = EntryOf(kind);
  const { day } = EXAMPLE_ENTRY;
  return Type.Object(
    {
      athleteId: Uuid,
      from: Day,
      to: Day,
      hiddenBecause: Nullable(Type.String({ description: 'There is no consent: entries that may be there are not shown' })),
      items: Type.Array(entry, { description: 'Oldest first, one a day at most' }),
    },
    { examples: [{ athleteId: EXAMPLE_IDS.athlete, from: day, to: day, hiddenBecause: null, items: [exampleOf(entry)] }] },
  );
};

const SUMMARY = { mean: Type.Number(), sd: Nullable(Type.Number()), days: Type.Integer() };
type Summary = Static<ReturnType<typeof Type.Object<typeof SUMMARY>>>;
const summaryOrNull = (description: string) =>
  Type.Unsafe<Summary | null>({ type: ['object', 'null'], description, properties: SUMMARY, required: Object.keys(SUMMARY) });

export const MorningSeries = Type.Object(
  {
    athleteId: Uuid,
    timeZone: Type.String(),
    from: Day,
    to: Day,
    unit: Type.String(),
    method: Type.String(),
    days: Type.Array(
      Type.Object({
        day: Day,
        lnRmssd: Nullable(Type.Number({ description: 'null: no valid recording' })),
        beats: Nullable(Type.Integer()),
        of: NullableEnum(['entry', 'session'], 'Entered, or measured in a session of the morning'),
        id: Nullable(Type.String({ format: 'uuid', description: 'Of the entry, or of the session' })),
      }),
      { description: 'Oldest first, one entry a day' },
    ),
    week: summaryOrNull('The last 7 days; null below 3 valid ones'),
    baseline: summaryOrNull('The 21 days before them; null below 10 valid ones'),
    fall: Nullable(Type.Number({ description: 'Baseline less week, ln units: above 0 is a fall (0.1 is about 10 %)' })),
    hiddenBecause: Nullable(Type.String({ description: 'Why there is no fall, or no series' })),
  },
  {
    title: 'MorningHrv',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        timeZone: EXAMPLE_TIME_ZONE,
        from: '2026-11-02',
        to: '2026-11-02',
        unit: 'ln(ms)',
        method: 'morning-hrv-1',
        days: [{ day: '2026-11-02', lnRmssd: 4.21, beats: 62, of: 'entry', id: EXAMPLE_ENTRY.id }],
        week: null,
        baseline: null,
        fall: null,
        hiddenBecause: '1 valid morning in the last 7 days, 3 are needed',
      },
    ],
  },
);
export type MorningSeries = Static<typeof MorningSeries>;

export const DiaryQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: 'First day; 55 days before to unless told' })),
    to: Type.Optional(Type.String({ format: 'date', maxLength: 10, description: "Last day, counted; the team's today unless told" })),
  },
  { additionalProperties: false },
);

const SYSTEMS = [
  'respiratory',
  'gastrointestinal',
  'dermatological',
  'cardiovascular',
  'neurological',
  'urogenital',
  'psychological',
  'other',
] as const;
const AVAILABILITY = ['full', 'modified', 'out'] as const;

export const Illness = Type.Object(
  {
    id: Uuid,
    athleteId: Uuid,
    onsetDay: Day,
    returnedDay: Nullable(Type.String({ format: 'date', description: 'First day fully available again' })),
    availability: OneOf(AVAILABILITY),
    diagnosisCode: Nullable(Type.String({ description: 'OSIICS; with the scope medical or the key of the athlete' })),
    system: NullableEnum(SYSTEMS, 'Organ system; as diagnosisCode'),
    note: Nullable(Type.String({ description: 'As diagnosisCode' })),
    by: Type.String(),
    closedBy: Nullable(Type.String()),
    at: Time,
  },
  {
    title: 'Illness',
    examples: [
      {
        id: 'c5a4b3d2-e1f0-4a9b-8c7d-6e5f4a3b2c1d',
        athleteId: EXAMPLE_IDS.athlete,
        onsetDay: '2026-11-02',
        returnedDay: null,
        availability: 'out',
        diagnosisCode: null,
        system: 'respiratory',
        note: null,
        by: 'physician',
        closedBy: null,
        at: '2026-11-02T08:10:00.000Z',
      },
    ],
  },
);
export type Illness = Static<typeof Illness>;
export const Illnesses = Type.Object(
  {
    athleteId: Uuid,
    hiddenBecause: Nullable(Type.String({ description: 'There is no consent: what may be there is not shown' })),
    items: Type.Array(Illness, { description: 'Newest first, 200 at most' }),
  },
  { examples: [{ athleteId: EXAMPLE_IDS.athlete, hiddenBecause: null, items: [exampleOf(Illness)] }] },
);

const RETURNED = { format: 'date', maxLength: 10 } as const;
const ILLNESS = {
  onsetDay: Type.String({ format: 'date', maxLength: 10, description: "Day of the team's calendar, not after today" }),
  availability: OneOf(AVAILABILITY),
};
const DIAGNOSIS = Type.String({ pattern: OSIICS_PATTERN, description: 'OSIICS, 3 to 5 characters' });

export const NewIllness = Type.Object(
  {
    ...ILLNESS,
    returnedDay: Type.Optional(Type.String({ ...RETURNED, description: 'Of an illness that is over: first day fully available again' })),
    diagnosisCode: Type.Optional(DIAGNOSIS),
    system: Type.Optional(OneOf(SYSTEMS)),
    note: Type.Optional(Text(500)),
  },
  { additionalProperties: false, examples: [{ onsetDay: '2026-11-02', availability: 'out', system: 'respiratory' }] },
);
export type NewIllness = Static<typeof NewIllness>;

export const IllnessCorrection = Type.Object(
  {
    why: Why,
    onsetDay: Type.Optional(ILLNESS.onsetDay),
    returnedDay: Type.Optional(Nullable(Type.String({ ...RETURNED, description: 'null: not back yet after all' }))),
    availability: Type.Optional(ILLNESS.availability),
    diagnosisCode: Type.Optional(Nullable(DIAGNOSIS)),
    system: Type.Optional(NullableEnum(SYSTEMS)),
    note: Type.Optional(Nullable(Text(500))),
  },
  { additionalProperties: false, examples: [{ why: 'Began a day earlier', onsetDay: '2026-11-01' }] },
);
/** Only what is given is changed; null takes it back. */
export type IllnessPatch = Omit<Static<typeof IllnessCorrection>, 'why'>;

export const IllnessClosed = Type.Object(
  { returnedDay: Type.String({ ...RETURNED, description: 'First day fully available again, not after today' }) },
  { additionalProperties: false, examples: [{ returnedDay: '2026-11-06' }] },
);
