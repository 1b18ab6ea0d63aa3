/** Live events from the processes that commit them. */
import { LIVE_CHANNEL, type LiveEvent } from '../contracts/events.ts';
import { listenOn, type Listener, type ListenOptions } from './listen.ts';

/**
 * Calls `onEvent` for every LiveEvent committed from now on, in commit order. A lost connection is opened again; what was committed meanwhile is
 * missed (the API's figures come from the tables, the live stream is a courtesy). A payload that is not JSON is reported and left out.
 * @throws the driver's error where the first connection fails
 */
export function listenLive(
  connectionString: string,
  onEvent: (event: LiveEvent) => void,
  options: Pick<ListenOptions, 'reconnectMs' | 'onError'> = {},
): Promise<Listener> {
  return listenOn({
    ...options,
    connectionString,
    channel: LIVE_CHANNEL,
    onPayload: (payload) => onEvent(JSON.parse(payload) as LiveEvent),
  });
}
