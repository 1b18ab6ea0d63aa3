import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS } from '../examples.ts';
import { Nullable, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

const Value = Type.Union([Type.Number(), Type.Boolean()]);
const Settings = Type.Record(Type.String({ maxLength: 64 }), Type.Record(Type.String({ maxLength: 64 }), Value, { maxProperties: 16 }), {
  maxProperties: 16,
  description: 'By alert type and field, only what differs from the level above',
});
const Version = Type.Integer({ minimum: 0, description: '0: never set' });

const example = { risk: { high: 0.995, k: 4 }, asymmetry: { enabled: false } };

export const AlarmSettingsView = Type.Object(
  {
    teamId: Uuid,
    athleteId: Nullable(Type.String({ format: 'uuid', description: 'null: of the team' })),
    version: Type.Integer({ minimum: 0, description: 'Of this team or athlete; 0: never set. Name it as basedOnVersion to set them' }),
    teamVersion: Version,
    settings: Settings,
    settingsVersion: Type.String({ description: 'How alerts name what is in force now' }),
    effective: Type.Record(
      Type.String(),
      Type.Record(
        Type.String(),
        Type.Object({
          value: Type.Union([Type.Number(), Type.Boolean(), Type.String()]),
          from: OneOf(['default', 'team', 'athlete']),
        }),
      ),
      { description: 'Every rule with where each value comes from; default: the method and the active model' },
    ),
    leftOut: Type.Array(Type.Object({ path: Type.String(), message: Type.String() }), {
      description: 'Settings that do not fit the active model any more; they are not in force',
    }),
  },
  {
    title: 'AlarmSettings',
    examples: [
      {
        teamId: EXAMPLE_IDS.team,
        athleteId: null,
        version: 1,
        teamVersion: 1,
        settings: example,
        settingsVersion: 'team-1',
        effective: { risk: { enabled: { value: true, from: 'default' }, high: { value: 0.995, from: 'team' } } },
        leftOut: [],
      },
    ],
  },
);
export type AlarmSettingsView = Static<typeof AlarmSettingsView>;

const Why = Text(500, 'Stands in the history');

export const SetAlarmSettings = Type.Object(
  {
    settings: Settings,
    basedOnVersion: Type.Integer({
      minimum: 0,
      description: 'The version that was read; 0: none was. Refused where another was set since',
    }),
    why: Why,
  },
  { additionalProperties: false, examples: [{ settings: example, basedOnVersion: 0, why: 'Too many amber alerts in small-sided games' }] },
);

export const ResetAlarmSettings = Type.Object({ why: Why }, { additionalProperties: false, examples: [{ why: 'End of pre-season' }] });

export const AlarmSettingsVersion = Type.Object(
  { id: Uuid, teamId: Uuid, version: Version, settings: Settings, at: Time, by: Type.String(), why: Type.String() },
  {
    title: 'AlarmSettingsVersion',
    examples: [
      {
        id: '7c1b9f0e-1c8f-4e55-8b5c-2f6a2f0f4c33',
        teamId: EXAMPLE_IDS.team,
        version: 1,
        settings: example,
        at: '2026-11-25T08:00:00.000Z',
        by: 'Head of performance',
        why: 'Too many amber alerts in small-sided games',
      },
    ],
  },
);
export type AlarmSettingsVersion = Static<typeof AlarmSettingsVersion>;

export const VersionsQuery = Type.Object(PageQuery, { additionalProperties: false });
