import { recordingSession } from '../../recordings/session.ts';
import { countSamples } from '../../recordings/recording.ts';
import { summariseSession } from '../../signal/session-metrics.ts';
import type { RecordingFile } from './files.ts';
import type { Played } from './play.ts';

/** Only the keys of the file's kind, numbers to four decimals; seconds count from the file's first sample; null where there is no sensor. */
export type ReplayMetrics = Readonly<Record<string, unknown>>;

export function replayMetrics(file: RecordingFile): ReplayMetrics {
  return rounded(figuresOf(file)) as ReplayMetrics;
}

const DECIMALS = 1e4;

/** Every number to four decimals, finer than any of the sensors; what a binary fraction adds behind is noise. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Math.round(value * DECIMALS) / DECIMALS;
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, rounded(entry)]));
}

function figuresOf(file: RecordingFile): ReplayMetrics {
  const { jumps, gait, wearable } = summariseSession(recordingSession(file.recording, 0));
  return {
    ...(jumps === null
      ? {}
      : {
          jumps: jumps.map(({ takeoffS, jump }) => ({
            heightCm: jump.heightM * 100,
            takeoffS,
            rsiMod: jump.rsiModMS,
            asymmetryPct: jump.asymmetryPct,
          })),
        }),
    ...(gait === null
      ? {}
      : {
          steps: gait.steps,
          strideTimeS: gait.strideTimeS,
          footFlatTimeS: gait.footFlatTimeS,
          cadenceSpm: gait.cadenceSpm,
          symmetryPct: gait.symmetryPct,
        }),
    ...(wearable === null
      ? {}
      : { heartRateBpm: wearable.heartRateBpm, lnRmssd: wearable.variability?.lnRmssd ?? null, smo2Pct: wearable.smo2Pct }),
  };
}

export interface FileReport {
  readonly file: string;
  readonly format: string;
  readonly athleteId: string;
  readonly streams: readonly {
    readonly kind: string;
    readonly placement: string;
    readonly rateHz: number;
    readonly channels: readonly object[];
  }[];
  /** Rows over all streams. */
  readonly samples: number;
  readonly frames: { readonly sent: number; readonly acked: number };
  readonly windowsScored: number;
  readonly metrics: ReplayMetrics;
}

/** What --json says of a file that was not played. */
export interface FileFault {
  readonly file: string;
  readonly error: string;
}

export function reportOf(file: RecordingFile, played: Played): FileReport {
  const { streams } = file.recording;
  return {
    file: file.path,
    format: file.recording.format,
    athleteId: played.athleteId,
    streams: streams.map(({ kind, placement, rateHz, channels }) => ({ kind, placement, rateHz, channels })),
    samples: streams.reduce((sum, stream) => sum + countSamples(stream), 0),
    frames: { sent: played.stats.sent, acked: played.stats.acked },
    windowsScored: played.windowsScored,
    metrics: replayMetrics(file),
  };
}

const round = (value: unknown): string => (typeof value === 'number' ? value.toFixed(2) : 'none');

/** One line for a terminal. */
export function describe(report: FileReport): string {
  const { metrics } = report;
  const parts: string[] = [];
  if (Array.isArray(metrics.jumps)) {
    const heights = (metrics.jumps as { heightCm: number }[]).map(({ heightCm }) => `${heightCm.toFixed(1)} cm`);
    parts.push(`${heights.length} jumps ${heights.join(', ')}`);
  }
  if ('cadenceSpm' in metrics) parts.push(`cadence ${round(metrics.cadenceSpm)}/min, stride ${round(metrics.strideTimeS)} s`);
  if ('heartRateBpm' in metrics) parts.push(`heart rate ${round(metrics.heartRateBpm)} bpm, SmO2 ${round(metrics.smo2Pct)} %`);
  return `${report.file}: ${report.format}, ${report.frames.acked}/${report.frames.sent} frames acknowledged, ${report.windowsScored} windows scored; ${parts.join('; ')}`;
}
