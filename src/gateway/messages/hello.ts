import { shakeHands } from '../handshake.ts';
import type { Session } from '../session.ts';
import { firstFault, helloValidator } from './validators.ts';
import { PROTOCOL_VERSION } from '../../contracts/protocol.ts';

const protocolOf = (message: unknown): unknown =>
  typeof message === 'object' && message !== null && 'protocol' in message ? message.protocol : undefined;
const streamCountOf = (message: unknown): number =>
  typeof message === 'object' && message !== null && 'streams' in message && Array.isArray(message.streams) ? message.streams.length : 0;

/** First message of a connection (time requests may come before it). The version is looked at first: another one may have another shape. */
export function onHello(session: Session, message: unknown): void {
  if (session.phase !== 'greeting') {
    session.fail('hello-repeated', 'the streams of a connection are declared once');
    return;
  }
  session.helloArrived();
  const protocol = protocolOf(message);
  const { maxStreams } = session.settings.limits;
  if (typeof protocol === 'number' && protocol !== PROTOCOL_VERSION) {
    session.fail('protocol-version', `protocol ${protocol} is not spoken here; ${PROTOCOL_VERSION} is`);
  } else if (streamCountOf(message) > maxStreams) {
    session.fail('too-many-streams', `${streamCountOf(message)} streams; at most ${maxStreams} fit a connection`);
  } else if (helloValidator.Check(message)) {
    void shakeHands(session, message);
  } else session.fail('invalid-message', `hello: ${firstFault(helloValidator, message)}`);
}
