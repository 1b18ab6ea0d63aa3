import type { Session } from '../session.ts';

/** The gateway is done: what is under way is committed and acknowledged, then the connection closes with 1000. */
export function onBye(session: Session): void {
  void session.leave('goodbye', 1000);
}
