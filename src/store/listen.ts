/** LISTEN on a connection of its own that is opened again when it is lost. */
import { Client } from 'pg';

export interface ListenOptions {
  readonly connectionString: string;
  readonly channel: string;
  readonly onPayload: (payload: string) => void;
  /** Each time the channel is listened to again after a loss: what was notified meanwhile was missed. */
  readonly onReopened?: () => void;
  /** Faults of the connection, and what `onPayload` throws. */
  readonly onError?: (error: unknown) => void;
  /** Delay before a lost connection is opened again. */
  readonly reconnectMs?: number;
}

export interface Listener {
  close(): Promise<void>;
}

/**
 * Calls `onPayload` for every notification committed from now on, in commit order.
 * @throws the driver's error where the first connection fails
 */
export async function listenOn({
  connectionString,
  channel,
  onPayload,
  onReopened = () => undefined,
  onError = () => undefined,
  reconnectMs = 1_000,
}: ListenOptions): Promise<Listener> {
  let closing = false;
  let client: Client | null = null;
  let retry: NodeJS.Timeout | null = null;

  const receive = (payload: string | undefined): void => {
    try {
      onPayload(payload ?? '');
    } catch (error) {
      onError(error);
    }
  };
  const open = async (): Promise<void> => {
    const next = new Client({ connectionString, application_name: `kinewatch listens on ${channel}`, keepAlive: true });
    next.on('notification', (message) => receive(message.payload));
    next.on('error', onError);
    next.on('end', () => {
      if (client === next) client = null;
      if (!closing) retry ??= setTimeout(reopen, reconnectMs);
    });
    await next.connect();
    await next.query(`LISTEN ${channel}`);
    client = next;
    if (closing) await next.end();
  };
  const reopen = (): void => {
    retry = null;
    open().then(onReopened, (error: unknown) => {
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
