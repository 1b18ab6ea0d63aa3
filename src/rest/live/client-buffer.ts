/** BOUNDED: what waits for one slow live client. */
import type { LiveEvent } from '../../contracts/events.ts';

export interface ClientBuffer {
  /** False where the client is too slow to keep: alerts alone fill the buffer. */
  push(event: LiveEvent): boolean;
  shift(): LiveEvent | undefined;
  /** State updates dropped since the last call. */
  takeDropped(): number;
}

/**
 * A queue of at most `capacity` events. At the bound a new state update is dropped and counted (the next one tells more), and an alert or a
 * recommendation takes the place of the newest waiting state update: those are never dropped. Where only they are left, `push` gives up.
 */
export function createClientBuffer(capacity: number): ClientBuffer {
  const waiting: LiveEvent[] = [];
  let dropped = 0;
  return {
    push(event) {
      if (waiting.length < capacity) {
        waiting.push(event);
        return true;
      }
      dropped += 1;
      if (event.type === 'athlete.state') return true;
      const victim = waiting.findLastIndex((other) => other.type === 'athlete.state');
      if (victim === -1) return false;
      waiting.splice(victim, 1);
      waiting.push(event);
      return true;
    },
    shift: () => waiting.shift(),
    takeDropped() {
      const count = dropped;
      dropped = 0;
      return count;
    },
  };
}
