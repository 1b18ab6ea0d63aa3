import { Type, type Static } from 'typebox';
import { ALERT_TYPES } from '../../contracts/events.ts';
import { SEVERITIES } from '../alerts/schemas.ts';
import { EXAMPLE_IDS } from '../examples.ts';
import { Nullable, NullableEnum, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

const Clock = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description: "HH:MM by the team's clock" });
const QuietHours = Type.Unsafe<{ from: string; to: string } | null>({
  type: ['object', 'null'],
  properties: { from: Clock, to: Clock },
  required: ['from', 'to'],
  additionalProperties: false,
  description: 'From inclusive, to exclusive; to before from goes over midnight. Red alerts pass them. null: none',
});
const MinSeverity = OneOf(SEVERITIES, { description: 'red: told of red alerts only' });
const DailyBudget = Type.Integer({
  minimum: 0,
  maximum: 100,
  description: "Notices a day of the team's calendar; red ones are sent beyond it and do not count. 0: red ones only",
});

const recipient = {
  id: '2d8c6a1e-90f5-4c3a-8f1e-7f6d5c4b3a21',
  teamId: EXAMPLE_IDS.team,
  name: 'Kim Larsen',
  minSeverity: 'amber',
  dailyBudget: 3,
  quietHours: { from: '22:00', to: '07:00' },
  active: true,
  createdAt: '2026-11-20T08:00:00.000Z',
};
export const Recipient = Type.Object(
  {
    id: Uuid,
    teamId: Uuid,
    name: Type.String(),
    minSeverity: MinSeverity,
    dailyBudget: DailyBudget,
    quietHours: QuietHours,
    active: Type.Boolean({ description: 'false: told of nothing, and what was held back is dropped' }),
    createdAt: Time,
  },
  { title: 'Recipient', examples: [recipient] },
);
export type Recipient = Static<typeof Recipient>;

/** (chosen) a coach who is told of three athletes a day still looks at the third. */
export const DEFAULT_DAILY_BUDGET = 3;

export const NewRecipient = Type.Object(
  {
    name: Text(120, 'Of one of the staff; once a team'),
    minSeverity: Type.Optional(MinSeverity),
    dailyBudget: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, description: `Notices a day, red ones not counted; ${DEFAULT_DAILY_BUDGET} unless told` }),
    ),
    quietHours: Type.Optional(QuietHours),
  },
  { additionalProperties: false, examples: [{ name: recipient.name, dailyBudget: 3, quietHours: recipient.quietHours }] },
);

export const RecipientPatch = Type.Object(
  {
    name: Type.Optional(Text(120)),
    minSeverity: Type.Optional(MinSeverity),
    dailyBudget: Type.Optional(DailyBudget),
    quietHours: Type.Optional(QuietHours),
    active: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false, minProperties: 1, examples: [{ dailyBudget: 5 }, { quietHours: null }, { active: false }] },
);

const REASONS = ['snoozed', 'quiet-hours', 'budget', 'cleared-before', 'common-cause', 'inactive'] as const;
const STATUSES = ['sent', 'held-back', 'dropped'] as const;

export const Notice = Type.Object(
  {
    id: Uuid,
    teamId: Uuid,
    recipientId: Uuid,
    recipient: Type.String({ description: 'Name' }),
    status: OneOf(STATUSES, { description: 'held-back: may go out at heldUntil. dropped: will not go out' }),
    severity: OneOf(SEVERITIES),
    type: OneOf(ALERT_TYPES),
    alertId: Nullable(Type.String({ format: 'uuid', description: 'null: of a common cause' })),
    commonCauseId: Nullable(Type.String({ format: 'uuid', description: 'null: of one alert' })),
    athleteId: Nullable(Type.String({ format: 'uuid', description: 'null: of a common cause' })),
    createdAt: Type.String({ format: 'date-time', description: 'When it was first decided' }),
    sentAt: Nullable(Time),
    why: NullableEnum(REASONS, 'Why it was held back or dropped; of a sent one: what had held it back last'),
    heldUntil: Nullable(Time),
  },
  {
    title: 'Notice',
    examples: [
      {
        id: '9b7c1a52-33ce-4c0a-8d0a-5f5a1a2b3c4d',
        teamId: recipient.teamId,
        recipientId: recipient.id,
        recipient: recipient.name,
        status: 'held-back',
        severity: 'amber',
        type: 'deviation',
        alertId: EXAMPLE_IDS.alert,
        commonCauseId: null,
        athleteId: EXAMPLE_IDS.athlete,
        createdAt: '2026-11-25T21:14:03.000Z',
        sentAt: null,
        why: 'quiet-hours',
        heldUntil: '2026-11-26T06:00:00.000Z',
      },
    ],
  },
);
export type Notice = Static<typeof Notice>;

export const NoticeQuery = Type.Object(
  { ...PageQuery, recipientId: Type.Optional(Uuid), status: Type.Optional(OneOf(STATUSES)) },
  { additionalProperties: false },
);

export const CommonCauseView = Type.Object(
  {
    id: Uuid,
    teamId: Uuid,
    type: OneOf(ALERT_TYPES),
    severity: OneOf(SEVERITIES, { description: 'The highest of its alerts' }),
    sentence: Type.String(),
    athletes: Type.Integer({ description: 'At its largest' }),
    share: Type.Number({ description: 'Of the athletes who sent data' }),
    from: Type.String({ format: 'date-time', description: 'First raise' }),
    to: Type.String({ format: 'date-time', description: 'Last raise' }),
    raisedAt: Time,
    alertIds: Type.Array(Uuid, { description: 'The alerts beneath it; GET /v1/alerts?commonCauseId= lists them' }),
    activeAlerts: Type.Integer({ description: 'Of these, not cleared yet' }),
  },
  {
    title: 'CommonCause',
    examples: [
      {
        id: 'c0ffee00-52b1-4c8e-8f4b-9e1d2c3b4a56',
        teamId: recipient.teamId,
        type: 'data-stopped',
        severity: 'amber',
        sentence:
          '5 athletes, 50 % of those active, had an alert of the type data-stopped within 10 minutes. Look at what they have in common (session, ground, heat, sensors) before looking at each of them.',
        athletes: 5,
        share: 0.5,
        from: '2026-11-25T10:02:11.250Z',
        to: '2026-11-25T10:04:40.250Z',
        raisedAt: '2026-11-25T10:04:41.000Z',
        alertIds: [EXAMPLE_IDS.alert],
        activeAlerts: 1,
      },
    ],
  },
);
export type CommonCauseView = Static<typeof CommonCauseView>;
export const CommonCauseQuery = Type.Object(PageQuery, { additionalProperties: false });
