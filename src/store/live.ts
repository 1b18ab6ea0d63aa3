/** Live events from the processes that commit them: LISTEN on a connection of its own. */
import { Client } from 'pg';
import { LIVE_CHANNEL, type LiveEvent } from '../contracts/events.ts';

export interface LiveOptions {
  /** Delay before a lost connection is opened again. */
  readonly reconnectMs?: number;
  readonly onError?: (error: unknown) => void;
}

/**
 * Calls `onEvent` for every LiveEvent committed from now on, in commit order. A lost connection is opened again; what was committed meanwhile is
 * missed (the API's figures come from the tables, the live stream is a courtesy). A payload that is not JSON is reported and left out.
 * @throws the driver's error where the first connection fails
 */
export async function listenLive(
  connectionString: string,
  onEvent: (event: LiveEvent) => void,
  { reconnectMs = 1_000, onError = () => undefined }: LiveOptions = {},
): Promise<{ close(): Promise<void> }> {
  let closing = false;
  let client: Client | null = null;
  let retry: NodeJS.Timeout | null = null;

  const receive = (payload: string | undefined): void => {
    try {
      onEvent(JSON.parse(payload ?? '') as LiveEvent);
    } catch (error) {
      onError(error);
    }
  };
  const open = async (): Promise<void> => {
    const next = new Client({ connectionString, application_name: 'kinewatch live', keepAlive: true });
    next.on('notification', (message) => receive(message.payload));
    next.on('error', onError);
    next.on('end', () => {
      if (client === next) client = null;
      if (!closing) retry ??= setTimeout(reopen, reconnectMs);
    });
    await next.connect();
    await next.query(`LISTEN ${LIVE_CHANNEL}`);
    client = next;
    if (closing) await next.end();
  };
  const reopen = (): void => {
    retry = null;
    open().catch((error: unknown) => {
      onError(error);
      if (!closing) retry ??= setTimeout(reopen, reconnectMs);
    });
  };

  await open();
  return {
    close: async () => {
      closing = true;
      if (retry !== null) clearTimeout(retry);
      await client?.end();
    },
  };
}
