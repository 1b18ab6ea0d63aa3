import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS, exampleOf } from '../examples.ts';
import { Nullable, OneOf, Text, Time, Uuid, type JsonObject } from '../schemas.ts';

/** Ranges are checked by the planner's own rules, which say what a field may be (src/asms/plan/check-problem.ts). */
const ScopeOf = (what: string) =>
  Type.Union([Type.Literal('all'), Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { minItems: 1, maxItems: 32 })], {
    description: `${what}: all, or codes of regions`,
  });

const FIELDS = {
  name: Text(200),
  kind: OneOf(['load', 'strength', 'balance', 'gait', 'recovery', 'therapy', 'medical']),
  action: OneOf(['session', 'load-change', 'rest-day'], {
    description: 'session: its effects are its own; load-change and rest-day act through the load, one of each is in force at most',
  }),
  doseLevels: Type.Number({ description: 'Steps of the dose, 1 to 4' }),
  doseUnit: Text(200, 'What a full dose is'),
  costPerLevel: Type.Number({ description: 'Of one step, in the unit of the cost budget; quarter hours in the default catalogue' }),
  maximumDaysAWeek: Type.Number({ description: 'In any 7 days, 0 to 7' }),
  restDaysAfter: Type.Number({ description: 'Days without it after a day with it, 0 to 6' }),
  riskEffects: Type.Array(
    Type.Object(
      {
        scope: ScopeOf('Injuries whose risk it changes'),
        relativeRisk: Type.Number({ description: 'At full effect' }),
        lower: Type.Number(),
        upper: Type.Number(),
      },
      { additionalProperties: false },
    ),
    { maxItems: 16, description: 'None: no trial gives a relative risk' },
  ),
  effectKept: Type.Number({ description: 'Share of the built-up effect that is left a day later, 0 to below 1' }),
  recoveryEffects: Type.Array(
    Type.Object(
      { scope: ScopeOf('Injuries it helps'), gainPerDay: Type.Number({ description: '1/d for a full dose' }) },
      { additionalProperties: false },
    ),
    { maxItems: 16 },
  ),
  soreness: Type.Number({ description: 'Fatigue after a full dose, as a share of that after a usual day' }),
  contraindications: Type.Array(Type.String({ pattern: '^[a-z0-9-]{1,64}$' }), { maxItems: 32 }),
  evidence: Type.String({ maxLength: 2_000, description: 'The source, or that there is none' }),
};

const Entry = Type.Object(FIELDS, { title: 'Intervention' });

const EXAMPLE = {
  name: 'Calf raises, eccentric',
  kind: 'strength',
  action: 'session',
  doseLevels: 1,
  doseUnit: '3 sets of 15 a side',
  costPerLevel: 1,
  maximumDaysAWeek: 3,
  restDaysAfter: 1,
  riskEffects: [],
  effectKept: 0.95,
  recoveryEffects: [],
  soreness: 0.1,
  contraindications: ['calf-injury-acute'],
  evidence: 'Effect on injury risk unknown: no trial gives a relative risk.',
};

export const CatalogueEntry = Type.Object(
  {
    entryId: Type.String(),
    teamId: Nullable(Uuid),
    version: Type.Integer({ minimum: 1 }),
    retired: Type.Boolean(),
    reason: Nullable(Type.String()),
    by: Type.String(),
    at: Time,
    entry: Entry,
  },
  {
    title: 'CatalogueEntry',
    examples: [
      {
        entryId: 'calf-raises',
        teamId: EXAMPLE_IDS.team,
        version: 1,
        retired: false,
        reason: null,
        by: 'Head of performance',
        at: '2026-07-01T09:10:00.000Z',
        entry: EXAMPLE,
      },
    ],
  },
);
export type CatalogueEntry = Static<typeof CatalogueEntry>;

export const CatalogueList = Type.Object(
  {
    teamId: Nullable(Uuid),
    items: Type.Array(CatalogueEntry, { description: 'teamId null: everybody’s default' }),
    regions: Type.Array(Type.String(), { description: 'Codes that the scope of an effect on risk may name' }),
    bodyRegions: Type.Array(Type.String(), { description: 'Those that the scope of a gain in recovery may name: of injuries' }),
  },
  {
    examples: [
      {
        teamId: EXAMPLE_IDS.team,
        items: [exampleOf(CatalogueEntry)],
        regions: ['hamstring', 'knee', 'ankle', 'calf'],
        bodyRegions: ['thigh', 'knee', 'ankle', 'lower-leg'],
      },
    ],
  },
);

export const CatalogueQuery = Type.Object(
  {
    teamId: Type.Optional(Uuid),
    entryId: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'Items at most, 200 unless told' })),
    history: Type.Optional(Type.Boolean({ description: 'true: every version, the newest first, retired ones too' })),
  },
  { additionalProperties: false },
);

const TEAM = { teamId: Type.Optional(Type.String({ format: 'uuid', description: 'Left out: a key of every team changes the default' })) };
export const EntryBody = Type.Object(
  { ...TEAM, ...FIELDS },
  { additionalProperties: false, examples: [{ teamId: EXAMPLE_IDS.team, ...EXAMPLE }] },
);
export const RetireBody = Type.Object(
  { ...TEAM, reason: Text(2_000) },
  { additionalProperties: false, examples: [{ teamId: EXAMPLE_IDS.team, reason: 'The pool is closed until spring.' }] },
);

export const EntryParams = Type.Object({ entryId: Type.String({ pattern: '^[a-z0-9-]{1,64}$' }) });

/** As it is stored: checked when it was written. */
export type StoredEntry = Omit<CatalogueEntry, 'entry'> & { readonly entry: Static<typeof JsonObject> };
