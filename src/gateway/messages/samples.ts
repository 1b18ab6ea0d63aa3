import type { Samples } from '../../contracts/protocol.ts';
import type { Session } from '../session.ts';
import type { StreamState } from '../stream-state.ts';
import { takeTextSamples, type TextRefusal, type TextSamples } from './made-frame.ts';
import { admitsSequence } from './sequence.ts';
import { firstFault, samplesValidator } from './validators.ts';

function toRows(message: Samples, stream: StreamState): TextSamples | TextRefusal {
  const wrong = message.values.findIndex((row) => row.length !== stream.channels);
  if (wrong >= 0) {
    return {
      reason: 'channel-count',
      detail: `values[${wrong}] has ${message.values[wrong]?.length ?? 0} values; ${stream.channels} channels were declared`,
    };
  }
  const values = Float32Array.from(message.values.flat(), (value) => value ?? Number.NaN);
  return { deviceTimeUs: message.timeUs, values };
}

/** Low-rate samples as JSON. */
export function onSamples(session: Session, message: unknown, textBytes: number): void {
  if (!samplesValidator.Check(message)) {
    session.fail('invalid-message', `samples: ${firstFault(samplesValidator, message)}`);
    return;
  }
  const stream = session.streamAt(message.stream);
  if (stream === undefined) {
    session.reportUnknownStream(message.stream);
    return;
  }
  if (admitsSequence(session, stream, message.sequence, textBytes)) takeTextSamples(session, stream, toRows(message, stream), textBytes);
}
