import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { connectGateway, type GatewayClientStats } from '../../client/gateway-client.ts';
import { KinewatchError } from '../../contracts/errors.ts';
import type { StreamDeclaration } from '../../contracts/protocol.ts';
import { durationS, type RecordedStream } from '../../recordings/recording.ts';
import { readProgress } from '../rest-client.ts';
import type { RecordingFile } from './files.ts';

export interface Service {
  readonly baseUrl: string;
  readonly ingestUrl: string;
  readonly token: string;
}

/** How one file is played. */
export interface FileRun {
  /** Unix microseconds of the file's first sample. */
  readonly startUs: number;
  readonly boot: string;
  /** Times real time. */
  readonly speed: number;
  /** Whether the declarations name the athlete; otherwise the devices' assignments alone decide. */
  readonly namesAthlete: boolean;
}

export interface Played {
  readonly athleteId: string;
  readonly stats: GatewayClientStats;
  readonly windowsScored: number;
}

/** A serial fits the protocol's identifiers, 64 characters of a small alphabet; a name that had to be changed for it keeps a hash, or two athletes could share a device. */
export function deviceSerial(externalId: string, placement: string): string {
  const clean = externalId.replace(/[^A-Za-z0-9._:-]/g, '_').slice(0, 24);
  const mark = clean === externalId ? '' : `-${createHash('sha256').update(externalId).digest('hex').slice(0, 8)}`;
  return `replay-${clean}${mark}-${placement}`.slice(0, 64);
}

function declare(file: RecordingFile, stream: RecordedStream, index: number, run: FileRun): StreamDeclaration {
  return {
    stream: index,
    device: deviceSerial(file.externalId, stream.placement),
    boot: run.boot,
    ...(run.namesAthlete ? { athlete: { externalId: file.externalId } } : {}),
    kind: stream.kind,
    placement: stream.placement,
    channels: [...stream.channels],
    ...(stream.gravity === undefined ? {} : { gravity: stream.gravity }),
    ...(stream.frame === undefined ? {} : { frame: stream.frame }),
    mode: 'recorded',
    rateHz: stream.rateHz,
    encoding: stream.encoding,
    ...(stream.scale === undefined ? {} : { scale: [...stream.scale] }),
  };
}

/** A frame holds this much time, as a live gateway's would, and at least one row. */
const FRAME_S = 0.5;

interface Chunk {
  readonly stream: number;
  /** Seconds from the file's first sample to the first row. */
  readonly atS: number;
  /** ... and to the end of the last one: when a live gateway could have sent it. */
  readonly endS: number;
  readonly samples: Int16Array | Float32Array;
}

/** The file's frames in the order in which a live gateway would send them. */
function chunksOf(file: RecordingFile): Chunk[] {
  const chunks: Chunk[] = [];
  file.recording.streams.forEach((stream, index) => {
    const width = stream.channels.length;
    const rows = Math.max(1, Math.round(FRAME_S * stream.rateHz));
    for (const segment of stream.segments) {
      const total = segment.samples.length / width;
      for (let row = 0; row < total; row += rows) {
        const to = Math.min(total, row + rows);
        const atS = segment.startS + row / stream.rateHz;
        chunks.push({
          stream: index,
          atS,
          endS: segment.startS + to / stream.rateHz,
          samples: segment.samples.subarray(row * width, to * width),
        });
      }
    }
  });
  return chunks.toSorted((a, b) => a.endS - b.endS || a.stream - b.stream);
}

const POLL_MS = 50;
/** Nothing moved for this long and due equals scored: there is no more to come. */
const SETTLED_MS = 2_000;
const WINDOW_S = 2;

interface Windows {
  readonly due: number;
  readonly scored: number;
}

async function windowsOf(service: Service, athleteId: string): Promise<Windows> {
  const { athletes } = await readProgress(service.baseUrl, service.token);
  const own = athletes.find((athlete) => athlete.athleteId === athleteId);
  return { due: own?.windowsDue ?? 0, scored: own?.windowsScored ?? 0 };
}

/**
 * Waits until every window of the file that fell due is scored; returns how many that are. All frames are stored when this begins.
 * @throws KinewatchError `scores-behind` where the service does not catch up within the file's own length and a minute.
 */
async function awaitScores(service: Service, file: RecordingFile, athleteId: string, before: Windows): Promise<number> {
  const lengthS = durationS(file.recording);
  // Its last windows stay open until a later sample closes them.
  const expected = Math.max(0, Math.floor(lengthS - WINDOW_S) - 1);
  const deadline = performance.now() + (lengthS + 60) * 1000;
  let last = before;
  let movedMs = performance.now();
  for (;;) {
    const now = await windowsOf(service, athleteId);
    if (now.due !== last.due || now.scored !== last.scored) movedMs = performance.now();
    last = now;
    const caughtUp = now.scored >= now.due;
    if (caughtUp && (now.scored - before.scored >= expected || performance.now() - movedMs > SETTLED_MS)) return now.scored - before.scored;
    if (performance.now() > deadline) {
      throw new KinewatchError('scores-behind', `${now.due - now.scored} windows are due and not scored`, { retry: true });
    }
    await delay(POLL_MS);
  }
}

/**
 * Plays one recording over its own connection: every frame acknowledged, every due window scored. `log` hears of troubles on the way, without the path.
 * @throws KinewatchError where the service refuses the gateway, a stream, or does not catch up.
 */
export async function playFile(service: Service, file: RecordingFile, run: FileRun, log: (line: string) => void): Promise<Played> {
  const streams = file.recording.streams.map((stream, index) => declare(file, stream, index, run));
  const client = await connectGateway({
    url: service.ingestUrl,
    token: service.token,
    streams,
    onError: (error) => log(error.message),
  });
  try {
    const athleteId = client.welcome[0]?.athleteId;
    if (athleteId === undefined) throw new KinewatchError('no-streams', 'the service welcomed no stream');
    const before = await windowsOf(service, athleteId);
    const startedMs = performance.now();
    for (const chunk of chunksOf(file)) {
      const waitMs = startedMs + (chunk.endS / run.speed) * 1000 - performance.now();
      if (waitMs > 1) await delay(waitMs);
      await client.send(chunk.stream, Math.round(run.startUs + chunk.atS * 1e6), chunk.samples);
    }
    await client.flush();
    const stats = client.stats();
    if (stats.refused > 0) log(`${stats.refused} frames were refused`);
    const windowsScored = await awaitScores(service, file, athleteId, before);
    await client.close();
    return { athleteId, stats, windowsScored };
  } catch (error) {
    client.abort();
    throw error;
  }
}
