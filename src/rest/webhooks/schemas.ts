import { Type, type Static } from 'typebox';
import { WEBHOOK_EVENT_TYPES } from '../../contracts/events.ts';
import { Nullable, OneOf, PageQuery, Time, Uuid } from '../schemas.ts';

const EventTypes = Type.Array(OneOf(WEBHOOK_EVENT_TYPES), { minItems: 1, maxItems: WEBHOOK_EVENT_TYPES.length, uniqueItems: true });
const secret = Type.String({ description: 'whsec_ and base64: shown once' });

const fields = {
  id: Uuid,
  teamId: Uuid,
  url: Type.String(),
  eventTypes: Type.Array(Type.String()),
  createdAt: Time,
  disabledAt: Nullable(Time),
  disabledReason: Nullable(Type.String()),
  previousSecretUntil: Nullable(Type.String({ format: 'date-time', description: 'Until then deliveries carry two signatures' })),
};
export const Webhook = Type.Object(fields, { title: 'Webhook' });
export type Webhook = Static<typeof Webhook>;
export const CreatedWebhook = Type.Object({ ...fields, secret }, { title: 'CreatedWebhook' });

export const NewWebhook = Type.Object(
  {
    teamId: Type.Optional(Uuid),
    url: Type.String({ minLength: 8, maxLength: 2_000, description: 'http or https, without credentials' }),
    eventTypes: EventTypes,
  },
  { additionalProperties: false, examples: [{ url: 'https://example.org/kinewatch', eventTypes: ['alert.raised', 'alert.cleared'] }] },
);
export const WebhookPatch = Type.Object(
  { eventTypes: Type.Optional(EventTypes), enabled: Type.Optional(Type.Boolean({ description: 'true takes back a disabling' })) },
  { additionalProperties: false, minProperties: 1 },
);
export type WebhookPatch = Static<typeof WebhookPatch>;

export const Delivery = Type.Object(
  {
    id: Type.String({ description: 'webhook-id: the same over all attempts' }),
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
        durationMs: Type.Number(),
      }),
      { description: 'Oldest first' },
    ),
  },
  { title: 'Delivery' },
);
export type Delivery = Static<typeof Delivery>;

export const DeliveryQuery = Type.Object(
  { ...PageQuery, status: Type.Optional(OneOf(['pending', 'delivered', 'failed'])) },
  { additionalProperties: false },
);
