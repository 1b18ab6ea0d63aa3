/** "These athletes have new frames": from the gateway processes that stored them to the process that scores. Hints only: a sweep finds what they miss. */
import type pg from 'pg';
import { listenOn, type Listener, type ListenOptions } from './listen.ts';

const FRAMES_CHANNEL = 'kinewatch_frames';
/** PostgreSQL takes payloads below 8,000 bytes; an id in a JSON list takes 39. */
const IDS_A_PAYLOAD = 200;

export interface FrameNotices {
  /** Says that athletes have something new in the tables; call it after the commit. One statement under way at a time, what comes meanwhile goes together. */
  tell(athleteIds: Iterable<string>): void;
  /** Resolves when everything told so far is on its way. */
  close(): Promise<void>;
}

/** JSON lists of the ids, each short enough for one notification. No ids: no payloads. */
export function payloadsOf(athleteIds: readonly string[]): string[] {
  return Array.from({ length: Math.ceil(athleteIds.length / IDS_A_PAYLOAD) }, (_, i) =>
    JSON.stringify(athleteIds.slice(i * IDS_A_PAYLOAD, (i + 1) * IDS_A_PAYLOAD)),
  );
}

/** The gateway's side. A notice that cannot be sent is reported and dropped. */
export function createFrameNotices(pool: pg.Pool, onError: (error: unknown) => void): FrameNotices {
  const waiting = new Set<string>();
  let sending: Promise<void> | undefined;

  async function send(): Promise<void> {
    while (waiting.size > 0) {
      const payloads = payloadsOf([...waiting]);
      waiting.clear();
      await pool
        .query({
          name: 'kw-notify-frames',
          text: 'SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload',
          values: [FRAMES_CHANNEL, payloads],
        })
        .catch(onError);
    }
  }

  return {
    tell(athleteIds) {
      for (const athleteId of athleteIds) waiting.add(athleteId);
      sending ??= send().finally(() => (sending = undefined));
    },
    close: async () => {
      await sending;
    },
  };
}

/** The scorer's side: `onAthletes` is called with each notice's athletes. @throws the driver's error where the first connection fails */
export function listenFrames(
  connectionString: string,
  onAthletes: (athleteIds: readonly string[]) => void,
  options: Pick<ListenOptions, 'onReopened' | 'onError' | 'reconnectMs'> = {},
): Promise<Listener> {
  return listenOn({
    ...options,
    connectionString,
    channel: FRAMES_CHANNEL,
    onPayload: (payload) => onAthletes(JSON.parse(payload) as string[]),
  });
}
