import { Type, type Static } from 'typebox';
import { ALERT_OUTCOMES } from '../../alert/rules/lifecycle.ts';
import { ALERT_TYPES } from '../../contracts/events.ts';
import { AlertExplanation } from '../explanations/schemas.ts';
import { EXAMPLE_IDS } from '../examples.ts';
import { JsonObject, Nullable, NullableEnum, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

export const SEVERITIES = ['amber', 'red'] as const;
const CHANGES = ['raised', 'cleared', 'acknowledged', 'snoozed', 'assigned', 'closed', 'outcome-corrected', 'rated'] as const;

const fields = {
  id: Uuid,
  teamId: Uuid,
  athleteId: Uuid,
  type: OneOf(ALERT_TYPES),
  severity: OneOf(SEVERITIES),
  title: Type.String(),
  sentence: Type.String({ description: "Why, in the athlete's units" }),
  evidence: JsonObject,
  status: OneOf(['active', 'cleared']),
  raisedWindowIndex: Type.Integer(),
  raisedAt: Time,
  clearedAt: Nullable(Time),
  acknowledgedAt: Nullable(Time),
  acknowledgedBy: Nullable(Type.String()),
  snoozedUntil: Nullable(Time),
  assignedTo: Nullable(Type.String({ description: 'A person, or the name of a key' })),
  closedAt: Nullable(Time),
  closedBy: Nullable(Type.String()),
  outcome: NullableEnum(ALERT_OUTCOMES, 'What came of it; null: not closed yet, or withheld'),
  outcomeNote: Nullable(Type.String()),
  injuryId: Nullable(Type.String({ format: 'uuid', description: 'The injury that was confirmed; null: none is named, or withheld' })),
  outcomeWithheld: Type.Boolean({ description: 'Closed with an outcome that only the scope medical may read' }),
  methodVersion: Type.String(),
  settingsVersion: Type.String({ description: 'Alarm settings it was judged with: default, or versions such as team-3+athlete-1' }),
  commonCauseId: Nullable(Type.String({ format: 'uuid', description: 'The alert of the whole squad that stands for this one' })),
};

const example = {
  id: EXAMPLE_IDS.alert,
  teamId: EXAMPLE_IDS.team,
  athleteId: EXAMPLE_IDS.athlete,
  type: 'deviation',
  severity: 'amber',
  title: 'Movement away from own normal',
  sentence: "Movement lies 1.42 own SD from the athlete's baseline; 99 of 100 windows lie below 1.10. Largest changes: not known.",
  evidence: {},
  status: 'cleared',
  raisedWindowIndex: 1_795_602_400,
  raisedAt: '2026-11-25T10:26:42.250Z',
  clearedAt: '2026-11-25T11:02:10.000Z',
  acknowledgedAt: '2026-11-25T10:28:01.120Z',
  acknowledgedBy: 'Physio tablet',
  snoozedUntil: null,
  assignedTo: 'Kim Larsen',
  closedAt: '2026-11-25T11:02:10.000Z',
  closedBy: 'Physio tablet',
  outcome: 'load-changed',
  outcomeNote: 'Second half of the session on the bike',
  injuryId: null,
  outcomeWithheld: false,
  methodVersion: 'asms-2.1.0',
  settingsVersion: 'team-1',
  commonCauseId: null,
};
export const Alert = Type.Object(fields, { title: 'Alert', examples: [example] });
export type Alert = Static<typeof Alert>;

export const AlertWithHistory = Type.Object(
  {
    ...fields,
    explanation: Type.Optional(AlertExplanation),
    history: Type.Array(
      Type.Object({
        at: Time,
        change: OneOf(CHANGES),
        by: Nullable(Type.String()),
        detail: JsonObject,
      }),
      { description: 'Every change, oldest first; an alert that a rule raised or cleared carries the time of the window' },
    ),
    ratings: Type.Array(
      Type.Object({ rater: Type.String(), rating: Type.Integer({ minimum: 1, maximum: 5 }), note: Nullable(Type.String()), at: Time }),
      { description: "Clinicians' ratings as they stand; earlier ones are in the history" },
    ),
  },
  {
    title: 'AlertWithHistory',
    examples: [
      {
        ...example,
        history: [
          { at: example.raisedAt, change: 'raised', by: 'asms', detail: {} },
          { at: example.acknowledgedAt, change: 'acknowledged', by: 'Physio tablet', detail: {} },
          {
            at: example.closedAt,
            change: 'closed',
            by: 'Physio tablet',
            detail: { outcome: 'load-changed', note: 'Second half of the session on the bike', injuryId: null },
          },
        ],
        ratings: [{ rater: 'Dr Ito', rating: 4, note: null, at: '2026-11-25T18:00:00.000Z' }],
      },
    ],
  },
);
export type AlertWithHistory = Static<typeof AlertWithHistory>;

export const AlertQuery = Type.Object(
  {
    ...PageQuery,
    athleteId: Type.Optional(Uuid),
    status: Type.Optional(OneOf(['active', 'cleared'])),
    type: Type.Optional(OneOf(ALERT_TYPES)),
    severity: Type.Optional(OneOf(SEVERITIES)),
    acknowledged: Type.Optional(Type.Boolean()),
    closed: Type.Optional(Type.Boolean({ description: 'Closed by staff with an outcome' })),
    assignedTo: Type.Optional(Text(120)),
    commonCauseId: Type.Optional(Type.String({ format: 'uuid', description: 'Alerts beneath the alert of a squad' })),
  },
  { additionalProperties: false },
);

const Note = Type.Optional(Text(2_000, 'Read by every key that reads alerts, but for the note of a confirmed injury'));

export const Acknowledge = Type.Object({ note: Note }, { additionalProperties: false, examples: [{ note: 'Seen, watching' }] });

const LONGEST_MINUTES = 7 * 24 * 60;
export const Snooze = Type.Object(
  {
    minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: LONGEST_MINUTES, description: 'From now; a week at most' })),
    until: Type.Optional(Type.String({ format: 'date-time', maxLength: 40, description: 'Instead of minutes' })),
    note: Note,
  },
  { additionalProperties: false, examples: [{ minutes: 30 }] },
);

export const Assign = Type.Object(
  {
    to: Type.Optional(Text(120, 'A person, by name')),
    keyId: Type.Optional(Type.String({ format: 'uuid', description: 'Instead of a name: a valid API key that can see the alert' })),
    note: Note,
  },
  { additionalProperties: false, examples: [{ to: 'Kim Larsen' }] },
);

export const Conclude = Type.Object(
  {
    outcome: OneOf(ALERT_OUTCOMES, {
      description:
        'injury-confirmed needs the scope medical. new-normal, of movement only: the baselines begin anew at what the athlete does now. Alerts about sensors take checked-no-finding, sensor-fault and other',
    }),
    note: Note,
    injuryId: Type.Optional(
      Type.String({ format: 'uuid', description: "With injury-confirmed, and needed there: which of the athlete's injuries" }),
    ),
  },
  { additionalProperties: false, examples: [{ outcome: 'load-changed', note: 'Second half of the session on the bike' }] },
);
export type Conclude = Static<typeof Conclude>;

export const Rate = Type.Object(
  {
    rating: Type.Integer({
      minimum: 1,
      maximum: 5,
      description: '1: of no use; 5: agrees with the clinical picture and was worth the interruption',
    }),
    note: Note,
  },
  { additionalProperties: false, examples: [{ rating: 4 }] },
);
