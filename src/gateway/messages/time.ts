import type { Session } from '../session.ts';
import { firstFault, timeValidator } from './validators.ts';

/** Second half of a four-stamp exchange: t1 when the request came, t2 when the answer leaves, server clock, microseconds. */
export function onTime(session: Session, message: unknown): void {
  const { nowUs } = session.settings;
  const t1 = nowUs();
  if (!timeValidator.Check(message)) {
    session.fail('invalid-message', `time: ${firstFault(timeValidator, message)}`);
    return;
  }
  session.send({ type: 'time', t0: message.t0, t1, t2: nowUs() });
}
