import { Type, type Static } from 'typebox';
import { EXAMPLE_IDS, exampleOf } from '../examples.ts';
import { Nullable, OneOf, Text, Time, Uuid } from '../schemas.ts';

const RestBpm = Type.Number({ minimum: 25, maximum: 120, description: 'Resting heart rate, bpm' });
const MaximumBpm = Type.Number({ minimum: 100, maximum: 240, description: 'Maximum heart rate, bpm' });
const HighSpeedMps = Type.Number({ minimum: 1, maximum: 15, description: 'High-speed running begins here, m/s, in steps of 0.1' });
const Source = Text(200, 'How it was measured');

export const AthleteLimits = Type.Object(
  {
    id: Uuid,
    validFrom: Time,
    restBpm: Nullable(RestBpm),
    maximumBpm: Nullable(MaximumBpm),
    highSpeedMps: Nullable(HighSpeedMps),
    source: Nullable(Type.String()),
    by: Type.String(),
    at: Time,
  },
  {
    examples: [
      {
        id: '5d3f3c52-6c77-4f3e-9e0b-0a1b2c3d4e5f',
        validFrom: '2026-07-01T00:00:00.000Z',
        restBpm: 48,
        maximumBpm: 196,
        highSpeedMps: null,
        source: 'Ramp test, morning pulse',
        by: 'physiologist',
        at: '2026-07-01T10:12:00.000Z',
      },
    ],
  },
);
export type AthleteLimits = Static<typeof AthleteLimits>;

export const TeamLimits = Type.Object(
  {
    id: Uuid,
    teamId: Uuid,
    validFrom: Time,
    highSpeedMps: Nullable(HighSpeedMps),
    source: Nullable(Type.String()),
    by: Type.String(),
    at: Time,
  },
  {
    title: 'TeamLimits',
    examples: [
      {
        id: 'd1c2b3a4-5f6e-4d7c-8b9a-0e1f2a3b4c5d',
        teamId: EXAMPLE_IDS.team,
        validFrom: '2026-07-01T09:30:00.000Z',
        highSpeedMps: 5.5,
        source: 'League standard, 19.8 km/h',
        by: 'physiologist',
        at: '2026-07-01T09:30:00.000Z',
      },
    ],
  },
);
export type TeamLimits = Static<typeof TeamLimits>;

export const LimitsOfAthlete = Type.Object(
  {
    athleteId: Uuid,
    inForce: Type.Object(
      {
        restBpm: Nullable(RestBpm),
        maximumBpm: Nullable(MaximumBpm),
        highSpeedMps: HighSpeedMps,
        highSpeedOf: OneOf(['athlete', 'team', 'default'], { description: 'Whose threshold it is; the default is 5.5 m/s' }),
      },
      { description: 'For a session that begins now' },
    ),
    history: Type.Array(AthleteLimits, { description: 'Latest beginning first, the newest 200' }),
  },
  {
    title: 'LimitsOfAthlete',
    examples: [
      {
        athleteId: EXAMPLE_IDS.athlete,
        inForce: { restBpm: 48, maximumBpm: 196, highSpeedMps: 5.5, highSpeedOf: 'default' },
        history: [exampleOf(AthleteLimits)],
      },
    ],
  },
);
export type LimitsOfAthlete = Static<typeof LimitsOfAthlete>;

const ValidFrom = Type.Optional(
  Type.String({
    format: 'date-time',
    maxLength: 40,
    description: 'From when it holds; now unless told. Sessions before the first row use it too',
  }),
);

export const NewAthleteLimits = Type.Object(
  {
    validFrom: ValidFrom,
    restBpm: Type.Optional(Nullable(RestBpm)),
    maximumBpm: Type.Optional(Nullable(MaximumBpm)),
    highSpeedMps: Type.Optional(Nullable(HighSpeedMps)),
    source: Type.Optional(Source),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'What is left out stays as it is; null: not known any more',
    examples: [{ validFrom: '2026-07-01T00:00:00Z', restBpm: 48, maximumBpm: 196, source: 'Ramp test, morning pulse' }],
  },
);

export const NewTeamLimits = Type.Object(
  { validFrom: ValidFrom, highSpeedMps: Nullable(HighSpeedMps), source: Type.Optional(Source) },
  { additionalProperties: false, examples: [{ highSpeedMps: 5.5, source: 'League standard, 19.8 km/h' }] },
);

export const LimitsOfTeam = Type.Object(
  { teamId: Uuid, history: Type.Array(TeamLimits, { description: 'Latest beginning first, the newest 200' }) },
  { title: 'LimitsOfTeam', examples: [{ teamId: EXAMPLE_IDS.team, history: [exampleOf(TeamLimits)] }] },
);
