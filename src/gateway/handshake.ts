/** The handshake as a list of named steps; each either passes or ends the connection with a typed error. */
import { KinewatchError, PROTOCOL_ERRORS, type ProtocolErrorCode } from '../contracts/errors.ts';
import { PROTOCOL_VERSION, type Hello, type StreamDeclaration, type WelcomeStream } from '../contracts/protocol.ts';
import type { OpenedStream } from '../contracts/stream.ts';
import { streamKey } from './registry.ts';
import type { Session } from './session.ts';

type Step = (session: Session, hello: Hello) => Promise<void> | void;

const isProtocolError = (code: string): code is ProtocolErrorCode => Object.hasOwn(PROTOCOL_ERRORS, code);

/** Samples are float32: the largest raw value, scaled, must be a number there, and not 0. */
function isUsableScale(factor: number): boolean {
  const largest = Math.fround(factor * 32_768);
  return Number.isFinite(largest) && largest !== 0;
}

function checkScale({ stream, encoding, scale, channels }: StreamDeclaration): void {
  if (scale !== undefined && encoding !== 'int16') throw new KinewatchError('invalid-message', `stream ${stream}: scale belongs to int16`);
  if (scale !== undefined && scale.length !== channels.length) {
    throw new KinewatchError('invalid-message', `stream ${stream}: ${scale.length} scales for ${channels.length} channels`);
  }
  const unusable = scale?.find((factor) => !isUsableScale(factor));
  if (unusable !== undefined) {
    throw new KinewatchError('invalid-message', `stream ${stream}: a scale of ${unusable} makes 0 or infinity of every value`);
  }
}

const checkDeclarations: Step = (session, { streams }) => {
  const indexes = new Set<number>();
  const keys = new Set<string>();
  for (const declaration of streams) {
    const key = streamKey(session.identity.teamId, declaration);
    if (indexes.has(declaration.stream)) throw new KinewatchError('stream-conflict', `stream ${declaration.stream} is declared twice`);
    if (keys.has(key))
      throw new KinewatchError('stream-conflict', `${declaration.device} ${declaration.kind} ${declaration.placement} is declared twice`);
    const names = new Set(declaration.channels.map(({ name }) => name));
    if (names.size < declaration.channels.length)
      throw new KinewatchError('invalid-message', `stream ${declaration.stream}: a channel is named twice`);
    checkScale(declaration);
    indexes.add(declaration.stream);
    keys.add(key);
  }
};

/** A token revoked between the upgrade and the hello must not open streams. */
const checkToken: Step = async (session) => {
  const gateway = await session.settings.directory.authenticate(session.token);
  if (gateway === null) throw new KinewatchError('token-revoked', 'the token is no longer valid');
};

/**
 * A stream has one writer. An older connection of the same gateway is told and closed (its network may be half dead, and it would wait for a
 * timeout otherwise); another gateway's live connection is not to be pushed out, so the newcomer is refused and may try again.
 * Waiting for the older one's commits makes the sequences of the welcome exact; without it they would merely be lower, and duplicates dropped.
 */
const takeOver: Step = async (session, { streams }) => {
  const older = new Set<Session>();
  for (const declaration of streams) {
    const key = streamKey(session.identity.teamId, declaration);
    const holder = session.registry.holderOf(key);
    if (holder !== undefined && holder.phase !== 'closed' && holder.identity.gatewayId !== session.identity.gatewayId) {
      const detail = `stream ${declaration.stream} is open on gateway ${holder.identity.name}`;
      throw new KinewatchError('stream-conflict', detail, { retry: true });
    }
    if (holder !== undefined) older.add(holder);
  }
  for (const holder of older) {
    if (holder.phase === 'closed') continue;
    session.settings.metrics.takeovers += 1;
    holder.fail('stream-conflict', 'a newer connection of this gateway took its streams over');
  }
  for (const declaration of streams) session.registry.claim(streamKey(session.identity.teamId, declaration), session);
  await Promise.all([...older].map((holder) => holder.settled()));
};

function welcomeOf({ declaration, athleteId, nextSequence }: OpenedStream, warnings: readonly string[]): WelcomeStream {
  const stream = { stream: declaration.stream, athleteId, nextSequence };
  return warnings.length === 0 ? stream : { ...stream, warnings };
}

const openStreams: Step = async (session, { streams }) => {
  const { directory, stamp, limits, creditBytes, nowUs, metrics, log, describeUnused } = session.settings;
  const opened = await directory.openStreams(session.identity, streams, stamp());
  // Closed or taken over while the directory worked: nothing may be appended for it any more.
  if (session.phase !== 'opening') return;
  session.settings.onOpened(opened);
  session.open(opened);
  metrics.helloTotal += 1;
  session.send({
    type: 'welcome',
    protocol: PROTOCOL_VERSION,
    serverTimeUs: nowUs(),
    streams: opened.map((stream) => welcomeOf(stream, describeUnused(stream.declaration))),
    creditBytes,
    limits,
  });
  log.info({ gatewayId: session.identity.gatewayId, streams: opened.length }, 'gateway connected');
};

const STEPS: readonly Step[] = [checkDeclarations, checkToken, takeOver, openStreams];

/** Runs the steps. Never rejects: what goes wrong is told to the gateway. */
export async function shakeHands(session: Session, hello: Hello): Promise<void> {
  session.phase = 'opening';
  try {
    for (const step of STEPS) {
      if (session.phase !== 'opening') return;
      // One after the other: each stands on the one before it.
      // oxlint-disable-next-line no-await-in-loop
      await step(session, hello);
    }
  } catch (error) {
    if (error instanceof KinewatchError && isProtocolError(error.code)) {
      session.fail(error.code, error.message, { retry: error.retry });
      return;
    }
    session.settings.log.error({ err: error }, 'hello failed');
    session.fail('internal', 'the hello could not be worked on');
  }
}
