import type { Session } from '../session.ts';
import type { StreamState } from '../stream-state.ts';

/**
 * Decides by sequence whether a frame is to be taken. Lower than expected: a duplicate, dropped, counted, acknowledged again. Higher: a gap,
 * nothing is stored and the error names the sequence that is expected; it is said once a gap, not once for every frame behind it.
 */
export function admitsSequence(session: Session, stream: StreamState, sequence: number, costBytes: number): boolean {
  const { metrics } = session.settings;
  metrics.framesReceived += 1;
  metrics.bytesReceived += costBytes;
  if (sequence === stream.expected) {
    stream.gapReportedAt = -1;
    if (session.hasCreditFor(costBytes)) return true;
    session.fail('credit-exceeded', `${session.underWayBytes} bytes are under way and ${costBytes} more came`, {
      stream: stream.index,
      sequence,
    });
    return false;
  }
  if (sequence < stream.expected) {
    metrics.duplicates += 1;
    session.acknowledge(stream);
    return false;
  }
  if (stream.gapReportedAt === stream.expected) metrics.errors['sequence-gap'] = (metrics.errors['sequence-gap'] ?? 0) + 1;
  else {
    stream.gapReportedAt = stream.expected;
    const detail = `sequence ${sequence} came where ${stream.expected} is expected`;
    session.report('sequence-gap', detail, { stream: stream.index, sequence, expected: stream.expected });
  }
  return false;
}
