/** Steps of recorded trials by the service's step detector beside their annotation: what models/binn/segments.py scores. */
import { writeFile } from 'node:fs/promises';
import type { TrialRow } from '../../recordings/gait-imu.ts';
import type { Recording } from '../../recordings/recording.ts';
import { recordingSession } from '../../recordings/session.ts';
import type { StepTimes } from '../../signal/gait.ts';
import { summariseSession } from '../../signal/session-metrics.ts';

export const STEPS_FILE = 'steps.json';

/** Samples, ends exclusive. */
type Interval = readonly [start: number, end: number];

/** One foot of one trial. */
export interface FootSteps {
  readonly subject: string;
  readonly trial: string;
  readonly foot: 'left' | 'right';
  readonly samples: number;
  readonly truth: readonly Interval[];
  readonly predicted: readonly Interval[];
}

/** Both feet of a trial; `recording` as it was read, since a session's metrics see no annotation to take a standing mean by. */
export function stepsBesideAnnotation(row: TrialRow, recording: Recording): FootSteps[] {
  const rateHz = recording.streams[0]!.rateHz;
  const found = summariseSession(recordingSession(recording, 0)).gait?.steps ?? { left: [], right: [] };
  const inSamples = (steps: StepTimes): Interval[] => steps.map(([from, to]) => [Math.round(from * rateHz), Math.round(to * rateHz)]);
  const of = { subject: row.subject, trial: row.code, samples: row.samples };
  return [
    { ...of, foot: 'left', truth: row.leftSteps, predicted: inSamples(found.left) },
    { ...of, foot: 'right', truth: row.rightSteps, predicted: inSamples(found.right) },
  ];
}

/** Writes the list, one line a foot of a trial. */
export async function writeSteps(path: string, steps: readonly FootSteps[]): Promise<void> {
  await writeFile(path, `[\n${steps.map((foot) => `  ${JSON.stringify(foot)}`).join(',\n')}\n]\n`);
}
