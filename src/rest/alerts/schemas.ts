import { Type, type Static } from 'typebox';
import { ALERT_TYPES } from '../../contracts/events.ts';
import { JsonObject, Nullable, OneOf, PageQuery, Text, Time, Uuid } from '../schemas.ts';

const SEVERITIES = ['amber', 'red'] as const;

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
  methodVersion: Type.String(),
};
export const Alert = Type.Object(fields, { title: 'Alert' });
export type Alert = Static<typeof Alert>;

export const AlertWithHistory = Type.Object(
  {
    ...fields,
    history: Type.Array(
      Type.Object({
        at: Time,
        change: OneOf(['raised', 'cleared', 'acknowledged', 'snoozed']),
        by: Nullable(Type.String()),
        detail: JsonObject,
      }),
      { description: 'Oldest first' },
    ),
  },
  { title: 'AlertWithHistory' },
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
  },
  { additionalProperties: false },
);

export const Acknowledge = Type.Object({ note: Type.Optional(Text(2_000)) }, { additionalProperties: false });
export const Snooze = Type.Object(
  { minutes: Type.Integer({ minimum: 1, maximum: 20_160, description: 'From now; 14 days at most' }), note: Type.Optional(Text(2_000)) },
  { additionalProperties: false, examples: [{ minutes: 30 }] },
);
