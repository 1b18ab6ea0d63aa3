/** One attempt to deliver a webhook: an HTTP POST signed by Standard Webhooks 1.0. */
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { isPrivateAddress, lookupFor, PrivateAddressError } from './private-addresses.ts';
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
  /** Whose fault a failure is; null where it is none. */
  readonly fault: 'receiver' | 'ours' | null;
  readonly retryAfterMs: number | null;
  readonly durationMs: number;
}

export interface DeliverOptions {
  readonly timeoutMs: number;
  readonly nowMs: () => number;
  /** Loopback and private networks; off unless the operator says otherwise. */
  readonly allowPrivate: boolean;
  /** Breaks the attempt off: the service stops. */
  readonly signal?: AbortSignal;
}

/** The specification recommends 15 to 30 s. */
export const DEFAULT_TIMEOUT_MS = 15_000;
/** Bytes of the answer's body, and milliseconds for it, before the connection is dropped (chosen): a body that trickles in holds no socket for long. */
const MAX_ANSWER_BYTES = 4_096;
const MAX_ANSWER_MS = 1_000;

/**
 * Sends once. Success is a status from 200 to 299 whose headers came within the time limit; a redirect is a failure and is not followed.
 * Network faults, timeouts, private addresses and a malformed url or secret come back as `error`, never as an exception, and `fault` says whose they are.
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
      fault: ok ? null : 'receiver',
      retryAfterMs: parseRetryAfter(retryAfter, options.nowMs()),
      durationMs: elapsed(),
    };
  } catch (error) {
    return {
      statusCode: null,
      ok: false,
      gone: false,
      error: options.signal?.aborted === true ? 'broken off: the service stopped' : reasonOf(error, options.timeoutMs),
      fault: options.signal?.aborted === true ? 'ours' : faultOf(error),
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

class UnresolvedError extends Error {
  constructor(host: string, timeoutMs: number) {
    super(`${host} was not resolved within ${timeoutMs} ms`);
    this.name = 'UnresolvedError';
  }
}

interface Answer {
  readonly statusCode: number;
  readonly retryAfter: string | null;
}

/** node:http and not fetch, since only a socket's own lookup can refuse a private address safely; it follows no redirect. */
async function post(message: WebhookMessage, options: DeliverOptions, timestampS: number): Promise<Answer> {
  const url = new URL(message.url);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError(`webhooks go to http or https, not ${url.protocol}`);
  const timeUp = AbortSignal.timeout(options.timeoutMs);
  const host = url.hostname.replace(/^\[(.*)\]$/u, '$1');
  if (!options.allowPrivate && isIP(host) !== 0 && isPrivateAddress(host)) throw new PrivateAddressError(host);
  let resolved = isIP(host) !== 0;
  const lookup = lookupFor(options.allowPrivate, () => (resolved = true));
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    method: 'POST',
    agent: false,
    headers: headersOf(message, timestampS),
    signal: options.signal === undefined ? timeUp : AbortSignal.any([timeUp, options.signal]),
    lookup,
  });
  return new Promise<Answer>((resolve, reject) => {
    request.on('error', (error) => reject(resolved ? error : new UnresolvedError(host, options.timeoutMs)));
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
  const timer = setTimeout(() => response.destroy(), MAX_ANSWER_MS);
  response.on('close', () => clearTimeout(timer));
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

/** What this machine lacks when a socket cannot even be tried: a route, an address, descriptors, memory, leave. */
const OWN_CODES = new Set('ENETUNREACH ENETDOWN EADDRNOTAVAIL EAFNOSUPPORT EMFILE ENFILE ENOBUFS ENOMEM EACCES EPERM'.split(' '));

/**
 * Ours: a name that does not resolve (the resolver stands between, and cannot say whose fault that is), a target our own rule refuses, a malformed url or
 * secret, no network here. Everything else that kept an answer away is the receiver's: refused, reset, timed out, broken TLS.
 * Of a host with several addresses each has failed in its own way: it is ours only where all of them are.
 */
export function faultOf(error: unknown): 'receiver' | 'ours' {
  if (error instanceof AggregateError) {
    const faults: readonly unknown[] = error.errors;
    return faults.length > 0 && faults.every((one) => faultOf(one) === 'ours') ? 'ours' : 'receiver';
  }
  if (error instanceof UnresolvedError || error instanceof PrivateAddressError || error instanceof TypeError || error instanceof RangeError)
    return 'ours';
  const { code = '', syscall = '' }: Partial<NodeJS.ErrnoException> = error instanceof Error ? error : {};
  return syscall === 'getaddrinfo' || OWN_CODES.has(code) ? 'ours' : 'receiver';
}

/** What went wrong in at most 200 characters. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'unknown fault';
  const cause: unknown = error.name === 'AbortError' ? error.cause : error;
  if (error.name === 'AbortError' || (cause instanceof Error && cause.name === 'TimeoutError')) return `no answer within ${timeoutMs} ms`;
  const code = (error as NodeJS.ErrnoException).code;
  return (error.message === '' ? (code ?? error.name) : error.message).slice(0, 200);
}
