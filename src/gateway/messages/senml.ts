import { resolveSenml } from '../senml.ts';
import type { Session } from '../session.ts';
import { takeTextSamples } from './made-frame.ts';
import { admitsSequence } from './sequence.ts';
import { firstFault, senmlValidator } from './validators.ts';

/** A SenML pack (RFC 8428). */
export function onSenml(session: Session, message: unknown, textBytes: number): void {
  if (!senmlValidator.Check(message)) {
    session.fail('invalid-message', `senml: ${firstFault(senmlValidator, message)}`);
    return;
  }
  const stream = session.streamAt(message.stream);
  if (stream === undefined) {
    session.reportUnknownStream(message.stream);
    return;
  }
  if (!admitsSequence(session, stream, message.sequence, textBytes)) return;
  const { limits, nowUs } = session.settings;
  const resolved = resolveSenml(message.pack, {
    channels: stream.channelDeclarations,
    rateHz: 1e6 / stream.intervalUs,
    relativeToUs: stream.live ? null : nowUs(),
    maxSamples: limits.maxSamplesPerFrame,
    maxValues: limits.maxFrameBytes / 4,
  });
  takeTextSamples(session, stream, resolved, textBytes);
}
