/** Which declared channels of a stream feed which channels of the model contract, and how their units are brought over. */
import type { ModelContract } from '../contracts/model.ts';
import type { StreamDeclaration } from '../contracts/protocol.ts';
import { unitConversion } from './units.ts';

export interface BioTarget {
  readonly source: number;
  readonly target: number;
  readonly factor: number;
  readonly offset: number;
  /** Accelerations that still contain gravity: the window's mean vector is taken off. */
  readonly removeMean: boolean;
}

/** Scalar observations by the name they have on the wire. */
export const SCALAR_CHANNELS = {
  heartRate: '1/min',
  rrMs: 'ms',
  respirationRate: '1/min',
  spo2: '%',
  smo2: '%',
  smo2Left: '%',
  smo2Right: '%',
  skinTemperature: 'Cel',
  vo2: 'mL/min/kg',
  speed: 'm/s',
  distance: 'm',
  cadence: '1/min',
  power: 'W',
  jumpHeight: 'm',
  rsiMod: 'm/s',
  reactionTime: 's',
} as const;
export type ScalarName = keyof typeof SCALAR_CHANNELS;

export interface ScalarSource {
  readonly source: number;
  readonly name: ScalarName;
  readonly factor: number;
  readonly offset: number;
}

export interface ChannelMap {
  readonly bio: readonly BioTarget[];
  readonly scalars: readonly ScalarSource[];
  /** Declared channels that nothing reads: unknown name, or a unit that cannot be brought over. */
  readonly unmapped: readonly string[];
}

/** Below this a stream cannot carry a 100 Hz channel (its Nyquist frequency would lie under the stride's third harmonic): masked. */
const MIN_BIO_RATE_HZ = 20;
const SCALAR_KINDS: ReadonlySet<string> = new Set(['wearable', 'position']);
const ACCELERATIONS: ReadonlySet<string> = new Set(['ax', 'ay', 'az']);

export function mapChannels(declaration: StreamDeclaration, contract: ModelContract, massKg: number | null): ChannelMap {
  const bio: BioTarget[] = [];
  const scalars: ScalarSource[] = [];
  const unmapped: string[] = [];
  declaration.channels.forEach((channel, source) => {
    const target = contract.bio.findIndex(
      (c) => c.kind === declaration.kind && c.placement === declaration.placement && c.channel === channel.name,
    );
    if (target >= 0 && declaration.rateHz >= MIN_BIO_RATE_HZ) {
      const conversion = unitConversion(channel.unit, contract.bio[target]?.unit ?? '', massKg);
      const removeMean = declaration.kind === 'imu' && ACCELERATIONS.has(channel.name) && declaration.gravity !== 'removed';
      if (conversion === null) unmapped.push(channel.name);
      else bio.push({ source, target, ...conversion, removeMean });
      return;
    }
    const name = channel.name as ScalarName;
    const unit = SCALAR_KINDS.has(declaration.kind) && Object.hasOwn(SCALAR_CHANNELS, name) ? SCALAR_CHANNELS[name] : null;
    const conversion = unit === null ? null : unitConversion(channel.unit, unit, massKg);
    if (conversion === null) unmapped.push(channel.name);
    else scalars.push({ source, name, ...conversion });
  });
  return { bio, scalars, unmapped };
}
