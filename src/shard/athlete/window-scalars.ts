/** Physiological, performance and context values of a window, by the names of the model contract. */
import type { ScalarName } from '../../align/channel-map.ts';
import type { ScalarReading } from '../../align/scalars.ts';
import type { ActivityClass, ScalarChannel } from '../../contracts/model.ts';

/** What the window's streams reported; the first stream that has a name wins. */
export interface ScalarReadings {
  readonly byName: ReadonlyMap<ScalarName, ScalarReading>;
  readonly lnRmssd: number;
  /** Mean of the EMG envelopes observed, %MVC; NaN without EMG. */
  readonly emgActivation: number;
}

const WINDOW_S = 2;
const mean = (values: readonly number[]): number => {
  const finite = values.filter((value) => !Number.isNaN(value));
  return finite.length === 0 ? Number.NaN : finite.reduce((sum, value) => sum + value, 0) / finite.length;
};

/** The value of one contract channel in its own unit; NaN where it was not measured. */
export function scalarValue(name: string, readings: ScalarReadings, activity: ActivityClass): number {
  const get = (key: ScalarName): number => readings.byName.get(key)?.mean ?? Number.NaN;
  switch (name) {
    case 'lnRmssd':
      // Readiness is read at rest only: exercise drives rMSSD to its floor whatever the athlete's state.
      return activity === 'rest' ? readings.lnRmssd : Number.NaN;
    case 'smo2':
      return mean([get('smo2'), get('smo2Left'), get('smo2Right')]);
    case 'emgActivation':
      return readings.emgActivation;
    case 'sprintPeak':
      return readings.byName.get('speed')?.max ?? Number.NaN;
    case 'distance':
      return distance(readings.byName.get('distance'), get('speed'));
    default:
      return get(name as ScalarName);
  }
}

/** Metres covered in the window: from a cumulative distance where one is sent, else from the mean speed. */
function distance(reading: ScalarReading | undefined, speed: number): number {
  if (reading !== undefined && reading.count >= 2 && reading.last >= reading.first) return reading.last - reading.first;
  return speed * WINDOW_S;
}

export interface ScalarTensors {
  readonly z: Float32Array;
  readonly mask: Float32Array;
  readonly clipped: number;
}

/** z by the population (these channels have no activity classes and no own baseline), clipped; masked where NaN. */
export function scaleScalars(values: Float32Array, channels: readonly ScalarChannel[], clip: number): ScalarTensors {
  const z = new Float32Array(channels.length);
  const mask = new Float32Array(channels.length);
  let clipped = 0;
  channels.forEach((channel, i) => {
    const value = values[i] as number;
    if (Number.isNaN(value)) return;
    const raw = (value - channel.prior.location) / channel.prior.scale;
    if (Math.abs(raw) > clip) clipped += 1;
    z[i] = Math.min(clip, Math.max(-clip, raw));
    mask[i] = 1;
  });
  return { z, mask, clipped };
}
