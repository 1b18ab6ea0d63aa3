/** The REST calls of the demo: JSON in, JSON out, a problem becomes an error; and the live stream. */
const TIMEOUT_MS = 20_000;

export interface RestClient {
  get<T>(path: string): Promise<T>;
  text(path: string): Promise<string>;
  post<T>(path: string, body: unknown): Promise<T>;
  /** The same service seen with another credential. */
  withToken(token: string): RestClient;
  /** Events of GET /v1/live until the signal aborts; each is the parsed data of one event. */
  live(onEvent: (event: unknown) => void, signal: AbortSignal): Promise<void>;
}

/** @throws Error naming method, path, status and the problem's text, where the answer is not 2xx or does not come within 20 s */
export function createRestClient(url: string, token: string): RestClient {
  const send = async (method: string, path: string, body?: unknown): Promise<string> => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`);
    return text;
  };
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => JSON.parse(await send(method, path, body)) as T;
  return {
    get: (path) => call('GET', path),
    text: (path) => send('GET', path),
    post: (path, body) => call('POST', path, body),
    withToken: (other) => createRestClient(url, other),
    live: async (onEvent, signal) => {
      const response = await fetch(new URL('/v1/live', url), { headers: { authorization: `Bearer ${token}` }, signal });
      if (!response.ok || response.body === null) throw new Error(`GET /v1/live answered ${response.status}`);
      await readEvents(response.body, onEvent);
    },
  };
}

async function readEvents(body: ReadableStream<Uint8Array>, onEvent: (event: unknown) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => line.slice(6))
        .join('\n');
      if (data !== '') onEvent(JSON.parse(data));
    }
  }
}
