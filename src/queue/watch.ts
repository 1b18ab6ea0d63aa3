/** Two watches of the sweeper: sessions that fall silent, and days whose load is to be held against its ceilings. Each tells the store what it finds. */
import { lookAtLoad } from '../asms/day-load.ts';
import type { WatchStore } from './ports.ts';

export interface WatchOptions {
  readonly store: WatchStore;
  /** Silence in an open session that is worth telling; whether it is an alarm the athlete's own rule says. */
  readonly silentS: number;
  /** Milliseconds since the epoch. */
  readonly nowMs?: () => number;
  readonly onError: (error: unknown, what: string) => void;
}

export interface WatchCounters {
  /** Silences begun or over. */
  silences: number;
  loadsLookedAt: number;
}

/** BOUNDED: athletes a round; the next one takes the next. */
const LIMIT = 200;
/** As far back as the load's own figures look: the chronic load before an injury is made of it. */
const READ_DAYS = 400;
const DAY_US = 86_400e6;

/**
 * `round` returns the athletes of whom something new was told. Silence is told only once the watch itself has run that long: after a stop of the service
 * every open session has been silent, and no device is to blame.
 */
export function createWatch({ store, silentS, nowMs = Date.now, onError }: WatchOptions) {
  const counters: WatchCounters = { silences: 0, loadsLookedAt: 0 };
  const startedUs = Math.round(nowMs() * 1_000);

  const silences = async (nowUs: number): Promise<readonly string[]> => {
    const told = await store.tellSilences({ nowUs, watchedSinceUs: startedUs, silentS }, LIMIT);
    counters.silences += told.length;
    return told;
  };
  const loads = async (nowUs: number): Promise<readonly string[]> => {
    const told: string[] = [];
    for (const athleteId of await store.loadsToLookAt(nowUs, LIMIT)) {
      counters.loadsLookedAt += 1;
      // One athlete's fault (a time zone that is unknown here) must not keep the others waiting.
      const news = await store
        .lookAtLoad(athleteId, nowUs - READ_DAYS * DAY_US, nowUs, (record) => lookAtLoad(record, nowUs))
        .catch((error: unknown) => {
          onError(error, `look at the load of athlete ${athleteId}`);
          return false;
        });
      if (news) told.push(athleteId);
    }
    return told;
  };
  return {
    round: async (): Promise<readonly string[]> => {
      const nowUs = Math.round(nowMs() * 1_000);
      return [...(await silences(nowUs)), ...(await loads(nowUs))];
    },
    counters: (): Readonly<WatchCounters> => counters,
  };
}

export type Watch = ReturnType<typeof createWatch>;
