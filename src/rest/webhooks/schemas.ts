import { Type, type Static } from 'typebox';
import { ALERT_TYPES, WEBHOOK_EVENT_TYPES, type AlertSeverity } from '../../contracts/events.ts';
import { EXAMPLE_IDS, exampleDay } from '../examples.ts';
import { Nullable, NullableEnum, OneOf, PageQuery, Time, Uuid } from '../schemas.ts';

const EventTypes = Type.Array(OneOf(WEBHOOK_EVENT_TYPES), { minItems: 1, maxItems: WEBHOOK_EVENT_TYPES.length, uniqueItems: true });
const AlertTypes = Type.Array(OneOf(ALERT_TYPES), {
  maxItems: ALERT_TYPES.length,
  uniqueItems: true,
  description: 'Of alert events; empty: every type. Other events are not held back by it',
});
const MinSeverity = OneOf(['amber', 'red'] as const satisfies readonly AlertSeverity[], {
  description: 'Of alert events: red leaves amber ones out. Other events are not held back by it',
});
const secret = Type.String({ description: 'whsec_ and base64: shown once' });

const fields = {
  id: Uuid,
  teamId: Nullable(Type.String({ format: 'uuid', description: 'null: every team' })),
  url: Type.String(),
  eventTypes: Type.Array(Type.String()),
  alertTypes: Type.Array(Type.String(), { description: 'Of alert events; empty: every type' }),
  minSeverity: MinSeverity,
  createdAt: Time,
  disabledAt: Nullable(Time),
  disabledReason: Nullable(Type.String()),
  pausedUntil: Nullable(
    Type.String({ format: 'date-time', description: 'No delivery is tried before: the endpoint does not answer, or asked for time' }),
  ),
  previousSecretUntil: Nullable(Type.String({ format: 'date-time', description: 'Until then deliveries carry two signatures' })),
};
const example = {
  id: '6f2b8f0a-3c1e-4d7a-9b5e-2a4c6d8e0f12',
  teamId: EXAMPLE_IDS.team,
  url: 'https://example.org/kinewatch',
  eventTypes: ['alert.raised', 'alert.cleared'],
  alertTypes: ['risk', 'load-above-ceiling'],
  minSeverity: 'red',
  createdAt: '2026-11-20T08:00:00.000Z',
  disabledAt: null,
  disabledReason: null,
  pausedUntil: null,
  previousSecretUntil: null,
};
export const Webhook = Type.Object(fields, { title: 'Webhook', examples: [example] });
export type Webhook = Static<typeof Webhook>;
export const CreatedWebhook = Type.Object(
  { ...fields, secret },
  { title: 'CreatedWebhook', examples: [{ ...example, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwK1eX0yVnB4c=' }] },
);

export const NewWebhook = Type.Object(
  {
    teamId: Type.Optional(
      Nullable(
        Type.String({
          format: 'uuid',
          description: 'Whose athletes. Required for a key of every team; null: every team, for such a key only',
        }),
      ),
    ),
    url: Type.String({ minLength: 8, maxLength: 2_000, description: 'http or https, without credentials' }),
    eventTypes: EventTypes,
    alertTypes: Type.Optional(AlertTypes),
    minSeverity: Type.Optional(MinSeverity),
  },
  {
    additionalProperties: false,
    examples: [
      { teamId: example.teamId, url: example.url, eventTypes: example.eventTypes },
      { teamId: example.teamId, url: example.url, eventTypes: example.eventTypes, alertTypes: example.alertTypes, minSeverity: 'red' },
    ],
  },
);
export const WebhookPatch = Type.Object(
  {
    eventTypes: Type.Optional(EventTypes),
    alertTypes: Type.Optional(AlertTypes),
    minSeverity: Type.Optional(MinSeverity),
    enabled: Type.Optional(Type.Boolean({ description: 'true takes back a disabling and a pause' })),
  },
  { additionalProperties: false, minProperties: 1, examples: [{ alertTypes: [], minSeverity: 'amber' }, { enabled: true }] },
);
export type WebhookPatch = Static<typeof WebhookPatch>;

export const Delivery = Type.Object(
  {
    id: Type.String({ description: 'webhook-id: the same over all attempts, also when sent again' }),
    eventType: Type.String(),
    status: OneOf(['pending', 'delivered', 'failed']),
    createdAt: Time,
    deliveredAt: Nullable(Time),
    nextAttemptAt: Nullable(Time),
    attempts: Type.Array(
      Type.Object({
        at: Time,
        statusCode: Nullable(Type.Integer()),
        error: Nullable(Type.String()),
        fault: NullableEnum(['receiver', 'ours'], 'Whose retry budget the attempt was taken from; null: delivered'),
        durationMs: Type.Number(),
      }),
      { description: 'Oldest first' },
    ),
  },
  {
    title: 'Delivery',
    examples: [
      {
        id: 'msg_5b0b38328ad147d88943ae5df69b60a2',
        eventType: 'alert.raised',
        status: 'pending',
        createdAt: '2026-11-20T09:30:00.000Z',
        deliveredAt: null,
        nextAttemptAt: '2026-11-20T09:35:12.000Z',
        attempts: [
          { at: '2026-11-20T09:30:00.120Z', statusCode: null, error: 'getaddrinfo EAI_AGAIN example.org', fault: 'ours', durationMs: 40 },
          { at: '2026-11-20T09:30:05.410Z', statusCode: 503, error: 'answered 503', fault: 'receiver', durationMs: 85 },
        ],
      },
    ],
  },
);
export type Delivery = Static<typeof Delivery>;

export const DeliveryParams = Type.Object({
  id: Uuid,
  deliveryId: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'webhook-id' }),
});

export const NewReplay = Type.Object(
  {
    from: Time,
    to: Time,
    eventTypes: Type.Optional(EventTypes),
  },
  {
    additionalProperties: false,
    examples: [{ from: `${exampleDay(-1)}T08:00:00Z`, to: `${exampleDay(-1)}T18:00:00Z`, eventTypes: ['alert.raised'] }],
  },
);

export const Replayed = Type.Object(
  {
    matched: Type.Integer({ description: 'Events of the range that the endpoint wants' }),
    created: Type.Integer({ description: 'Deliveries made for those it was never sent' }),
    resent: Type.Integer({ description: 'Deliveries that had failed and are tried again' }),
  },
  { title: 'Replayed', examples: [{ matched: 14, created: 9, resent: 2 }] },
);
export type Replayed = Static<typeof Replayed>;

export const DeliveryQuery = Type.Object(
  { ...PageQuery, status: Type.Optional(OneOf(['pending', 'delivered', 'failed'])) },
  { additionalProperties: false },
);
