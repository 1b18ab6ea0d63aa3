/** A stand-in model contract: the channels of models/binn.json with priors 0 and 1, for tests that need no graph. */
import {
  ACTIVITY_CLASSES,
  type BioChannel,
  type LocationScale,
  type ModelContract,
  type ScalarChannel,
} from '../../src/contracts/model.ts';

const PRIOR: LocationScale = { location: 0, scale: 1 };
const byClass = (prior: LocationScale): BioChannel['prior'] =>
  Object.fromEntries(ACTIVITY_CLASSES.map((activity) => [activity, prior])) as BioChannel['prior'];

const bio = (kind: string, placement: string, channel: string, unit: string, scale = 1): BioChannel => {
  const owner = kind === 'force-plate' ? `force-${placement}` : kind === 'mocap' ? 'angle' : kind === 'emg' ? 'emg' : placement;
  const leaf = kind === 'emg' ? placement : channel;
  return { name: `${owner}.${leaf}`, unit, kind, placement, channel, prior: byClass({ location: 0, scale }) };
};
const scalar = (name: string, unit: string): ScalarChannel => ({ name, unit, prior: PRIOR });

export function standInContract(overrides: Partial<ModelContract> = {}): ModelContract {
  return {
    format: 1,
    name: 'binn',
    version: 'stand-in',
    sha256: '0'.repeat(64),
    window: { lengthS: 2, hopS: 1, rateHz: 100 },
    bio: [
      ...['foot-left', 'foot-right', 'trunk'].flatMap((placement) => [
        ...['ax', 'ay', 'az'].map((channel) => bio('imu', placement, channel, 'm/s2', 5)),
        ...['gx', 'gy', 'gz'].map((channel) => bio('imu', placement, channel, 'rad/s', 2)),
      ]),
      ...['left', 'right'].flatMap((placement) => ['fv', 'fap', 'fml'].map((channel) => bio('force-plate', placement, channel, 'BW'))),
      ...['quadriceps-left', 'quadriceps-right', 'hamstring-left', 'hamstring-right'].map((placement) =>
        bio('emg', placement, 'envelope', '%MVC'),
      ),
      ...['knee-left', 'knee-right', 'hip-left', 'hip-right'].map((channel) => bio('mocap', 'body', channel, 'rad')),
    ],
    phys: [
      scalar('heartRate', '1/min'),
      scalar('lnRmssd', 'ln(ms)'),
      scalar('respirationRate', '1/min'),
      scalar('spo2', '%'),
      scalar('smo2', '%'),
      scalar('skinTemperature', 'Cel'),
      scalar('vo2', 'mL/min/kg'),
      scalar('emgActivation', '%MVC'),
    ],
    perf: [
      scalar('speed', 'm/s'),
      scalar('sprintPeak', 'm/s'),
      scalar('distance', 'm'),
      scalar('cadence', '1/min'),
      scalar('power', 'W'),
      scalar('jumpHeight', 'm'),
      scalar('rsiMod', 'm/s'),
      scalar('reactionTime', 's'),
    ],
    context: [
      scalar('age', 'a'),
      scalar('sex', '1'),
      scalar('massKg', 'kg'),
      scalar('heightM', 'm'),
      scalar('pastInjuries', '1'),
      scalar('daysSinceInjury', 'd'),
      scalar('injurySeverity', '1'),
      scalar('imagingGrade', '1'),
      scalar('surfaceHardness', '1'),
      scalar('wbgt', 'Cel'),
      scalar('altitude', 'm'),
      scalar('travelHours', 'h'),
    ],
    zClip: 8,
    sizes: { hidden: 64, attn: 64, final: 64, tokens: 7, timeSteps: 50 },
    minimum: { bioChannels: 6, observedFraction: 0.5 },
    thresholds: { high: 0.8, low: 0.4, k: 3, n: 5, source: 'stand-in' },
    trainedOn: {},
    ...overrides,
  };
}
