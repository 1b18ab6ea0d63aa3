/** The live sessions of this process, by stream, so that a stream has one writer at a time. */
import type { StreamDeclaration } from '../contracts/protocol.ts';

export interface Registry<Session> {
  readonly sessions: ReadonlySet<Session>;
  add(session: Session): void;
  /** The session is over; what it claimed stays claimed. */
  remove(session: Session): void;
  /** Nothing of the session is under way any more: its streams are free. */
  release(session: Session): void;
  holderOf(key: string): Session | undefined;
  claim(key: string, session: Session): void;
}

/** Identity of a stream before the directory has given it a number. */
export const streamKey = (teamId: string, declaration: StreamDeclaration): string =>
  [teamId, declaration.device, declaration.boot, declaration.kind, declaration.placement].join(' ');

/** Empty registry. BOUNDED by maxConnections times maxStreams. */
export function createRegistry<Session>(): Registry<Session> {
  const sessions = new Set<Session>();
  const holders = new Map<string, Session>();
  const keys = new Map<Session, string[]>();
  return {
    sessions,
    add: (session) => void sessions.add(session),
    remove: (session) => void sessions.delete(session),
    release(session) {
      for (const key of keys.get(session) ?? []) if (holders.get(key) === session) holders.delete(key);
      keys.delete(session);
    },
    holderOf: (key) => holders.get(key),
    claim(key, session) {
      holders.set(key, session);
      const held = keys.get(session);
      if (held === undefined) keys.set(session, [key]);
      else held.push(key);
    },
  };
}
