/** Signatures of Standard Webhooks 1.0: "v1," + base64(HMAC-SHA256(secret, id.timestamp.body)). */
import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
/** The specification asks for 24 to 64 random bytes. */
const SECRET_BYTES = 32;

/** A new endpoint secret: whsec_ and base64 of 32 random bytes. */
export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64');

/**
 * Key bytes of a secret, with or without its prefix.
 * @throws RangeError where it is not base64 of 24 to 64 bytes
 */
export function secretBytes(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const key = Buffer.from(text, 'base64');
  if (!/^[A-Za-z0-9+/]+={0,2}$/u.test(text) || key.length < 24 || key.length > 64)
    throw new RangeError('a webhook secret is whsec_ and base64 of 24 to 64 bytes');
  return key;
}

/**
 * Value of the webhook-signature header: one signature for each secret, space-separated (two during rotation, newest first).
 * `id` and `timestampS` must hold no full stop: they delimit what is signed.
 * @throws RangeError for an id with a full stop, a timestamp that is no whole number, no secret, or a malformed secret
 */
export function signWebhook(id: string, timestampS: number, body: string, secrets: readonly string[]): string {
  if (id.includes('.') || !Number.isInteger(timestampS) || secrets.length === 0)
    throw new RangeError('signing needs an id without a full stop, whole seconds and a secret');
  const content = `${id}.${timestampS}.${body}`;
  return secrets.map((secret) => `v1,${createHmac('sha256', secretBytes(secret)).update(content).digest('base64')}`).join(' ');
}
