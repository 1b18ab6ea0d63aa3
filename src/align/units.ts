/** Units as declared by gateways, brought to the contract's. */

export interface UnitConversion {
  readonly factor: number;
  readonly offset: number;
}

/** CGPM 1901, m/s2. */
export const STANDARD_GRAVITY = 9.806_65;

/** Each unit as factor and offset to the base unit of its dimension. */
const UNITS: Readonly<Record<string, readonly [dimension: string, factor: number, offset: number]>> = {
  'm/s2': ['acceleration', 1, 0],
  g: ['acceleration', STANDARD_GRAVITY, 0],
  mg: ['acceleration', STANDARD_GRAVITY / 1000, 0],
  'rad/s': ['angular-velocity', 1, 0],
  'deg/s': ['angular-velocity', Math.PI / 180, 0],
  rad: ['angle', 1, 0],
  deg: ['angle', Math.PI / 180, 0],
  N: ['force', 1, 0],
  kN: ['force', 1000, 0],
  BW: ['body-weight', 1, 0],
  bpm: ['rate', 1, 0],
  '1/min': ['rate', 1, 0],
  Hz: ['rate', 60, 0],
  '1/s': ['rate', 60, 0],
  s: ['time', 1, 0],
  ms: ['time', 0.001, 0],
  h: ['time', 3600, 0],
  '%': ['share', 1, 0],
  '1': ['share', 100, 0],
  '%MVC': ['activation', 1, 0],
  Cel: ['temperature', 1, 0],
  '[degF]': ['temperature', 5 / 9, -160 / 9],
  K: ['temperature', 1, -273.15],
  m: ['length', 1, 0],
  cm: ['length', 0.01, 0],
  mm: ['length', 0.001, 0],
  km: ['length', 1000, 0],
  'm/s': ['speed', 1, 0],
  'km/h': ['speed', 1 / 3.6, 0],
  W: ['power', 1, 0],
  V: ['voltage', 1, 0],
  mV: ['voltage', 0.001, 0],
  'mL/min/kg': ['oxygen-uptake', 1, 0],
  'ml/min/kg': ['oxygen-uptake', 1, 0],
  'L/min/kg': ['oxygen-uptake', 1000, 0],
};

/**
 * value in `to` = value in `from` * factor + offset; null where a unit is unknown or the dimensions differ.
 * Newton to body weights needs the athlete's mass and is null without it: a force that cannot be normalised is masked, not guessed.
 */
export function unitConversion(from: string, to: string, massKg: number | null): UnitConversion | null {
  if (from === to) return { factor: 1, offset: 0 };
  const source = UNITS[from];
  const target = UNITS[to];
  if (source === undefined || target === undefined) return null;
  if (source[0] === 'force' && target[0] === 'body-weight') {
    return massKg !== null && massKg > 0 ? { factor: source[1] / (massKg * STANDARD_GRAVITY), offset: 0 } : null;
  }
  if (source[0] !== target[0]) return null;
  return { factor: source[1] / target[1], offset: (source[2] - target[2]) / target[1] };
}
