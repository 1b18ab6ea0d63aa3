/** What the service's own detectors find in a simulated session, beside the truth: sides exchanged, and intervals of sensor faults. */
import { writeFile } from 'node:fs/promises';
import { INDEX_FIELDS, type OpenedStream } from '../../contracts/stream.ts';
import { createSessionCollector } from '../../queue/session-streams.ts';
import { SENSOR_FAULT_KINDS, SENSOR_FAULT_METHOD, type SensorFaultKind } from '../../signal/sensor-faults.ts';
import { summariseSession, type SessionSummary } from '../../signal/session-metrics.ts';
import { SIDE_SWAP_METHOD } from '../../signal/side-swap.ts';
import { FAULT_KINDS, type FaultKind } from '../../simulate/faults.ts';
import { SESSION_START_US, type CastMember } from './cast.ts';

/** Beside dataset.json, which says nothing of it: what dataset.json holds names the data that a model was trained on. */
export const SESSIONS_FILE = 'sessions.json';

/** BOUNDED: values held of one session, the bound of the session metrics (about three and a half hours at 200 Hz); what comes later is not looked at. */
const MAX_VALUES = 45_000_000;

const SIDES = ['right', 'swapped', 'undecided', 'absent'] as const;
/** right: as named. undecided: too few strides or too little evidence. absent: a foot without a sensor. */
type Sides = (typeof SIDES)[number];

/** A fault of the IMU at a placement, seconds of the session, to a millisecond. */
type PlacedInterval<K> = readonly [placement: string, kind: K, startS: number, endS: number];

export interface SessionFindings {
  readonly athlete: number;
  readonly sides: Sides;
  readonly found: readonly PlacedInterval<SensorFaultKind>[];
  /** Faults of the IMUs alone: the detectors look at no other sensor. */
  readonly truth: readonly PlacedInterval<FaultKind>[];
}

const toMs = (seconds: number): number => Math.round(seconds * 1e3) / 1e3;

function sidesOf({ sideSwap }: SessionSummary): Sides {
  if (sideSwap === null) return 'absent';
  if (sideSwap.swapped === null) return 'undecided';
  return sideSwap.swapped ? 'swapped' : 'right';
}

function truthOf({ simulated }: CastMember): PlacedInterval<FaultKind>[] {
  return simulated
    .faults()
    .filter(({ stream }) => simulated.streams[stream]?.declaration.kind === 'imu')
    .map(({ placement, kind, startS, endS }) => [placement, kind, toMs(startS), toMs(endS)] as const);
}

interface SessionListener {
  /** A frame as eachWindow gives it; its bytes are read before this returns. */
  readonly frame: (streamId: number, receivedUs: number, bytes: Uint8Array<ArrayBuffer>) => void;
  readonly findings: () => SessionFindings;
}

/** Collects the IMU frames of a member's session as the session-metrics worker does and asks the detectors. `findings` once, at the end. */
export function listenToSession(member: CastMember): SessionListener {
  const opened = member.simulated.streams.flatMap((stream, index): OpenedStream[] => {
    if (stream.declaration.kind !== 'imu') return [];
    const declaration = { ...stream.declaration, stream: index };
    const { athleteId } = member;
    return [{ streamId: index + 1, athleteId, declaration, receivedUs: SESSION_START_US, nextSequence: 0, lastDeviceTimeUs: null }];
  });
  const collector = createSessionCollector(opened, MAX_VALUES);
  return {
    frame: (streamId, receivedUs, bytes) => {
      const index = new Float64Array(INDEX_FIELDS);
      index.set([streamId, 0, receivedUs, 0, bytes.length]);
      collector.add({ bytes, index });
    },
    findings: () => {
      const summary = summariseSession(collector.streams());
      const laterS = (summary.startUs - SESSION_START_US) / 1e6;
      return {
        athlete: member.number,
        sides: sidesOf(summary),
        found: (summary.sensorFaults ?? []).map(
          ({ placement, kind, startS, endS }) => [placement, kind, toMs(startS + laterS), toMs(endS + laterS)] as const,
        ),
        truth: truthOf(member),
      };
    },
  };
}

/** What the sessions of a set have in common; Python refuses a file whose set differs from that of dataset.json. */
interface SessionsSetup {
  readonly seed: number;
  readonly secondsPerAthlete: number;
  readonly fault: FaultKind | 'none';
}

/** Writes SESSIONS_FILE, one line a session. */
export async function writeSessions(path: string, setup: SessionsSetup, sessions: readonly SessionFindings[]): Promise<void> {
  const head = {
    format: 1,
    ...setup,
    sides: { method: SIDE_SWAP_METHOD, values: SIDES },
    found: { method: SENSOR_FAULT_METHOD, kinds: SENSOR_FAULT_KINDS },
    truth: { kinds: FAULT_KINDS },
    intervals: 'placement of the IMU, kind, start and end in seconds of the session',
  };
  const lines = sessions.map((session) => `    ${JSON.stringify(session)}`).join(',\n');
  await writeFile(path, `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "sessions": [\n${lines}\n  ]\n}\n`);
}
