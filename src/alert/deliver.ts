/** One attempt to deliver a webhook: an HTTP POST signed by Standard Webhooks 1.0. */
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { isPrivateAddress, lookupPublic, PrivateAddressError } from './private-addresses.ts';
import { signWebhook } from './sign.ts';

export interface WebhookMessage {
  /** webhook-id: constant over all retries. */
  readonly id: string;
  readonly url: string;
  readonly body: string;
  /** Newest first; two during rotation. */
  readonly secrets: readonly string[];
}

export interface DeliveryAttempt {
  /** Status of the answer, or null where none came. */
  readonly statusCode: number | null;
  readonly ok: boolean;
  /** 410: the receiver wants no more. */
  readonly gone: boolean;
  readonly error: string | null;
  readonly retryAfterMs: number | null;
  readonly durationMs: number;
}

export interface DeliverOptions {
  readonly timeoutMs: number;
  readonly nowMs: () => number;
  /** Loopback and private networks; off unless the operator says otherwise. */
  readonly allowPrivate: boolean;
}

/** The specification recommends 15 to 30 s. */
export const DEFAULT_TIMEOUT_MS = 15_000;
/** Bytes of the answer's body that are read before the connection is dropped. */
const MAX_ANSWER_BYTES = 4_096;

/**
 * Sends once. Success is a status from 200 to 299 whose headers came within the time limit; a redirect is a failure and is not followed.
 * Network faults, timeouts, private addresses and a malformed url or secret come back as `error`, never as an exception.
 */
export async function deliverWebhook(message: WebhookMessage, options: DeliverOptions): Promise<DeliveryAttempt> {
  const startMs = options.nowMs();
  const elapsed = (): number => Math.max(0, options.nowMs() - startMs);
  try {
    const { statusCode, retryAfter } = await post(message, options, Math.floor(startMs / 1000));
    const ok = statusCode >= 200 && statusCode <= 299;
    return {
      statusCode,
      ok,
      gone: statusCode === 410,
      error: ok ? null : `answered ${statusCode}`,
      retryAfterMs: parseRetryAfter(retryAfter, options.nowMs()),
      durationMs: elapsed(),
    };
  } catch (error) {
    return {
      statusCode: null,
      ok: false,
      gone: false,
      error: reasonOf(error, options.timeoutMs),
      retryAfterMs: null,
      durationMs: elapsed(),
    };
  }
}

function headersOf(message: WebhookMessage, timestampS: number): Record<string, string> {
  return {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(message.body)),
    'user-agent': 'kinewatch-webhooks/1',
    'webhook-id': message.id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': signWebhook(message.id, timestampS, message.body, message.secrets),
  };
}

interface Answer {
  readonly statusCode: number;
  readonly retryAfter: string | null;
}

/** node:http and not fetch, since only a socket's own lookup can refuse a private address safely; it follows no redirect. */
async function post(message: WebhookMessage, options: DeliverOptions, timestampS: number): Promise<Answer> {
  const url = new URL(message.url);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError(`webhooks go to http or https, not ${url.protocol}`);
  const host = url.hostname.replace(/^\[(.*)\]$/u, '$1');
  if (!options.allowPrivate && isIP(host) !== 0 && isPrivateAddress(host)) throw new PrivateAddressError(host);
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    method: 'POST',
    agent: false,
    headers: headersOf(message, timestampS),
    signal: AbortSignal.timeout(options.timeoutMs),
    ...(options.allowPrivate ? {} : { lookup: lookupPublic }),
  });
  return new Promise<Answer>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      resolve({ statusCode: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] ?? null });
      discard(response);
    });
    request.end(message.body);
  });
}

/** Lets a short body end by itself and drops the connection of a long one. What happens to the body changes nothing: the status has been given. */
function discard(response: IncomingMessage): void {
  let bytes = 0;
  response.on('error', () => undefined);
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) response.destroy();
  });
}

/** Retry-After as seconds or as an HTTP date; null where absent, malformed or past. */
export function parseRetryAfter(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  const seconds = /^\d+$/u.test(value.trim());
  // Date.parse takes far more than HTTP dates ("-1" is a year to it).
  if (!seconds && !/^[A-Z][a-z]{2}, /u.test(value)) return null;
  const ms = seconds ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}

/** What went wrong in at most 200 characters. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'unknown fault';
  const cause: unknown = error.name === 'AbortError' ? error.cause : error;
  if (error.name === 'AbortError' || (cause instanceof Error && cause.name === 'TimeoutError')) return `no answer within ${timeoutMs} ms`;
  const code = (error as NodeJS.ErrnoException).code;
  return (error.message === '' ? (code ?? error.name) : error.message).slice(0, 200);
}
