/** A webhook receiver as a customer would write one: plain HTTP, and the signature checked by the Standard Webhooks 1.0 text alone. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Messages older or younger than this are refused: replay protection (the specification leaves the number to the receiver). */
const TOLERANCE_S = 300;
const MAX_BODY_BYTES = 65_536;
/** BOUNDED: ids remembered to tell a retry from a new message. */
const MAX_IDS = 10_000;

export interface WebhookHeaders {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
}

/**
 * Is one of the header's v1 signatures that of id.timestamp.body under the secret, and the timestamp within five minutes of `nowS`?
 * Constant time in the signature. False for anything malformed.
 */
export function verifyWebhook(headers: WebhookHeaders, body: Buffer, secret: string, nowS: number): boolean {
  if (!/^\d{1,12}$/.test(headers.timestamp) || Math.abs(nowS - Number(headers.timestamp)) > TOLERANCE_S) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  if (key.length === 0) return false;
  const expected = createHmac('sha256', key).update(`${headers.id}.${headers.timestamp}.`).update(body).digest();
  let valid = false;
  for (const entry of headers.signature.split(' ')) {
    const [version, signature = ''] = entry.split(',', 2);
    const given = Buffer.from(signature, 'base64');
    if (version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected)) valid = true;
  }
  return valid;
}

export interface ReceivedWebhook {
  readonly id: string;
  readonly verified: boolean;
  readonly body: unknown;
}

export interface Receiver {
  readonly url: string;
  /** The endpoint's secret is known only after it was registered with this receiver's URL. */
  expect(secret: string): void;
  /** Distinct messages. */
  counts(): { readonly delivered: number; readonly verified: number };
  close(): Promise<void>;
}

/** Listens on a free port of the loopback interface. Messages that do not verify are answered 400. */
export async function startReceiver(onMessage: (message: ReceivedWebhook) => void): Promise<Receiver> {
  let secret = '';
  const seen = new Map<string, boolean>();
  const server = createServer((request, response) => {
    readBody(request)
      .then((body) => {
        const header = (name: string): string => String(request.headers[name] ?? '');
        const id = header('webhook-id');
        const headers = { id, timestamp: header('webhook-timestamp'), signature: header('webhook-signature') };
        const verified = verifyWebhook(headers, body, secret, Date.now() / 1e3);
        const known = seen.has(id);
        if (known || seen.size < MAX_IDS) seen.set(id, verified || (seen.get(id) ?? false));
        if (!known) onMessage({ id, verified, body: parse(body) });
        response.writeHead(verified ? 204 : 400).end();
      })
      .catch(() => response.writeHead(413).end());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/kinewatch`,
    expect: (value) => {
      secret = value;
    },
    counts: () => ({ delivered: seen.size, verified: [...seen.values()].filter(Boolean).length }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new RangeError('body too large');
    parts.push(part);
  }
  return Buffer.concat(parts);
}
