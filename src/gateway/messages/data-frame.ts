import { hasHeader, readCount, readDeviceTimeUs, readSequence, readStream, refusalOf } from '../frame-check.ts';
import type { Session } from '../session.ts';
import { advanceDeviceTime, judgeDeviceTime } from '../stream-state.ts';
import { admitsSequence } from './sequence.ts';

/** A binary message: one data frame (docs/protocol.md, "Data frames"). This is the hot path: no promise, one object a frame. */
export function onDataFrame(session: Session, bytes: Buffer): void {
  const { settings } = session;
  if (!hasHeader(bytes)) {
    session.fail('bad-frame', `${bytes.length} bytes that do not begin with a header of version 1`);
    return;
  }
  const index = readStream(bytes);
  const stream = session.streamAt(index);
  if (stream === undefined) {
    session.reportUnknownStream(index);
    return;
  }
  if (!admitsSequence(session, stream, readSequence(bytes), bytes.length)) return;
  const receivedUs = settings.stamp();
  const deviceTimeUs = readDeviceTimeUs(bytes);
  const refusal = refusalOf(bytes, stream, settings.limits);
  if (refusal !== null) {
    session.refuse(stream, bytes, bytes.length, receivedUs, refusal);
    return;
  }
  const verdict = judgeDeviceTime(stream, deviceTimeUs, receivedUs);
  if (verdict === 'time-ahead' || verdict === 'time-backwards') {
    session.refuse(stream, bytes, bytes.length, receivedUs, verdict);
    return;
  }
  if (verdict === 'jump') settings.metrics.clockJumps += 1;
  advanceDeviceTime(stream, deviceTimeUs, readCount(bytes), receivedUs, verdict === 'jump');
  session.take(stream, bytes, bytes.length, receivedUs);
}
