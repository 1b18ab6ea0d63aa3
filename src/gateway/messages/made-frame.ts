/** Samples that came as text become a float32 frame of the service's own making (flag fromJson), and go the way of every frame from there. */
import type { FrameRefusal } from '../../contracts/errors.ts';
import { encodeFrame } from '../../contracts/frame.ts';
import { FrameFlag } from '../../contracts/protocol.ts';
import type { Session } from '../session.ts';
import { advanceDeviceTime, judgeDeviceTime, type StreamState } from '../stream-state.ts';

export interface TextSamples {
  readonly deviceTimeUs: number;
  /** Row-major, count x channels; NaN where there was no value. */
  readonly values: Float32Array;
}
export interface TextRefusal {
  readonly reason: FrameRefusal;
  readonly detail: string;
}

const headerOf = (stream: StreamState, deviceTimeUs: number) => ({
  flags: FrameFlag.fromJson,
  channels: stream.channels,
  stream: stream.index,
  sequence: stream.expected,
  deviceTimeUs: Number.isSafeInteger(deviceTimeUs) ? deviceTimeUs : 0,
});

/** Takes or settles samples whose sequence is the expected one. `costBytes` is the length of the text, which is what the credit counts. */
export function takeTextSamples(session: Session, stream: StreamState, samples: TextSamples | TextRefusal, costBytes: number): void {
  const { settings } = session;
  const receivedUs = settings.stamp();
  const refuse = (reason: FrameRefusal, deviceTimeUs: number, detail?: string): void => {
    session.refuse(stream, encodeFrame(headerOf(stream, deviceTimeUs), new Float32Array(0)), costBytes, receivedUs, reason, detail);
  };
  if ('reason' in samples) {
    refuse(samples.reason, 0, samples.detail);
    return;
  }
  const deviceTimeUs = Math.round(samples.deviceTimeUs);
  if (samples.values.some((value) => value === Infinity || value === -Infinity)) {
    refuse('non-finite', deviceTimeUs, 'a value does not fit a float32');
    return;
  }
  const bytes = encodeFrame(headerOf(stream, deviceTimeUs), samples.values);
  const count = samples.values.length / stream.channels;
  if (bytes.length > settings.limits.maxFrameBytes || count > settings.limits.maxSamplesPerFrame) {
    refuse(
      'frame-too-large',
      deviceTimeUs,
      `${count} samples make a frame of ${bytes.length} bytes; at most ${settings.limits.maxFrameBytes} are taken`,
    );
    return;
  }
  const verdict = judgeDeviceTime(stream, deviceTimeUs, receivedUs);
  if (verdict === 'time-ahead' || verdict === 'time-backwards') {
    refuse(verdict, deviceTimeUs);
    return;
  }
  if (verdict === 'jump') settings.metrics.clockJumps += 1;
  advanceDeviceTime(stream, deviceTimeUs, count, receivedUs, verdict === 'jump');
  session.take(stream, bytes, costBytes, receivedUs);
}
