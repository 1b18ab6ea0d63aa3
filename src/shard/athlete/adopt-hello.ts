/** PURE. Hellos of the athlete's streams: kept as they come, in force from the first frame that followed them, so that live and re-read order agree. */
import { mapChannels, type ChannelMap } from '../../align/channel-map.ts';
import { createDeviceClock } from '../../align/device-clock.ts';
import { lookBackUs } from '../../align/scalars.ts';
import type { StreamDeclaration } from '../../contracts/protocol.ts';
import type { OpenedStream } from '../../contracts/stream.ts';
import type { AthleteState, TrackedStream } from './athlete-state.ts';
import { follow } from './follow-streams.ts';

const NO_CHANNELS: ChannelMap = { bio: [], scalars: [], unmapped: [] };

const clockKeyOf = (declaration: StreamDeclaration): string => `${declaration.device} ${declaration.boot}`;

/** Keeps a hello; one that is known already changes nothing. */
export function keepHello(state: AthleteState, hello: OpenedStream): void {
  const stream = state.streams.get(hello.streamId) ?? track(state, hello.streamId);
  if (stream.hellos.some((known) => known.receivedUs === hello.receivedUs)) return;
  stream.hellos = [...stream.hellos, hello].toSorted((a, b) => a.receivedUs - b.receivedUs);
  const saved = state.restored?.streams.get(hello.streamId);
  if (saved !== undefined && stream.clockKey === null) {
    const key = clockKeyOf(hello.declaration);
    const clock = saved.clock === null ? undefined : state.restored?.clocks[saved.clock];
    if (clock !== undefined && !state.clocks.has(key)) state.clocks.set(key, clock);
    stream.clockKey = key;
  }
}

/** A stream that is new here, where the checkpoint left it or at its beginning. */
function track(state: AthleteState, streamId: number): TrackedStream {
  const saved = state.restored?.streams.get(streamId);
  const made: TrackedStream = {
    streamId,
    hellos: [],
    declaration: null,
    helloUs: Number.NEGATIVE_INFINITY,
    map: NO_CHANNELS,
    buffer: null,
    lookBackUs: 0,
    clockKey: null,
    clock: null,
    nextSequence: saved?.nextSequence ?? 0,
    bufferedTo: saved?.firstNeeded ?? 0,
    heardUs: saved?.heardUs ?? Number.NEGATIVE_INFINITY,
    endDeviceUs: saved?.endDeviceUs ?? Number.NaN,
    segmentId: saved?.segmentId ?? null,
    segmentFrom: saved?.segmentFrom ?? 0,
    seededUs: saved?.seeded === true ? saved.helloUs : Number.NEGATIVE_INFINITY,
    followed: false,
  };
  state.streams.set(streamId, made);
  return made;
}

/** The hello in force at a receipt stamp. */
export const helloAt = (stream: TrackedStream, receivedUs: number): OpenedStream | undefined =>
  stream.hellos.findLast((hello) => hello.receivedUs < receivedUs) ?? stream.hellos[0];

/** Puts the hello in force at a new frame's receipt, and its siblings, in force where they are not yet. */
export function bringUpToHello(state: AthleteState, stream: TrackedStream, receivedUs: number): void {
  const hello = helloAt(stream, receivedUs);
  if (hello === undefined || (stream.declaration !== null && stream.helloUs >= hello.receivedUs)) return;
  adopt(state, stream, hello);
  for (const sibling of state.streams.values()) {
    const own = sibling.hellos.find((h) => h.receivedUs === hello.receivedUs);
    if (own === undefined || (sibling.declaration !== null && sibling.helloUs > hello.receivedUs)) continue;
    if (sibling !== stream) adopt(state, sibling, own);
    sibling.heardUs = Math.max(sibling.heardUs, own.declaration.mode === 'live' ? receivedUs : state.recordedNowUs);
  }
}

/** After a restart the declarations in force at the checkpoint are put back before anything is read. */
export function restoreHellos(state: AthleteState): void {
  for (const saved of state.restored?.streams.values() ?? []) {
    const stream = state.streams.get(saved.streamId);
    const hello = stream?.hellos.findLast((h) => h.receivedUs <= saved.helloUs);
    if (stream !== undefined && stream.declaration === null && hello !== undefined) adopt(state, stream, hello);
  }
}

function adopt(state: AthleteState, stream: TrackedStream, hello: OpenedStream): void {
  const { declaration } = hello;
  const before = stream.declaration;
  if (before !== null && (before.channels.length !== declaration.channels.length || before.rateHz !== declaration.rateHz))
    stream.buffer = null;
  stream.declaration = declaration;
  stream.helloUs = hello.receivedUs;
  stream.map = mapChannels(declaration, state.contract, state.massKg);
  stream.lookBackUs = lookBackUs(stream.map.scalars.map((s) => s.name));
  if (declaration.mode === 'live') {
    const key = clockKeyOf(declaration);
    const clock = state.clocks.get(key) ?? createDeviceClock();
    state.clocks.set(key, clock);
    stream.clockKey = key;
    stream.clock = clock;
  } else {
    stream.clock = null;
    stream.segmentId = null;
  }
  follow(state, stream);
}
