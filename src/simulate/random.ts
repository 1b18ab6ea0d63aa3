/** Seeded random numbers: sfc32 streams, hashes of integers and smooth noise. No global state, no clock. */

/** A stream of pseudo-random numbers; the same seed and keys give the same stream on every machine. */
export interface RandomStream {
  /** Uniform in [0, 1). */
  next(): number;
  uniform(low: number, high: number): number;
  /** Standard normal (Box-Muller), one value a call. */
  normal(): number;
  /** exp(sd * normal): median 1. */
  logNormal(sd: number): number;
}

/** Mixes integers into 32 bits (the murmur3 finaliser over a running state). Order matters; no arguments give 0x9747b28c mixed. */
export function hash32(...keys: readonly number[]): number {
  let state = 0x9747b28c;
  for (const key of keys) state = mix32(Math.imul(state ^ (key | 0), 0xcc9e2d51) + Math.floor(key / 4294967296));
  return mix32(state);
}

function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** sfc32 (C. Doty-Humphrey, PractRand), seeded from the hash of the keys and run in 12 steps as its author advises. */
export function createRandom(...keys: readonly number[]): RandomStream {
  let a = hash32(...keys, 1);
  let b = hash32(...keys, 2);
  let c = hash32(...keys, 3);
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i += 1) next();
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    normal,
    uniform: (low, high) => low + (high - low) * next(),
    logNormal: (sd) => Math.exp(sd * normal()),
  };
}

/** Smooth noise in [-1, 1] with a correlation length of about one unit of x: hashed lattice values joined by smoothstep. */
export function smoothNoise(seed: number, x: number): number {
  const cell = Math.floor(x);
  const part = x - cell;
  const from = hash32(seed, cell) / 2147483648 - 1;
  const to = hash32(seed, cell + 1) / 2147483648 - 1;
  return from + (to - from) * part * part * (3 - 2 * part);
}

const NOISE_SIZE = 65_536;
let noiseTable: Float32Array | undefined;

/** 65,536 standard normal numbers, the same in every process: cheap white noise by table walk. */
export function gaussianTable(): Float32Array {
  if (noiseTable !== undefined) return noiseTable;
  const random = createRandom(0x6e6f6973);
  noiseTable = Float32Array.from({ length: NOISE_SIZE }, () => random.normal());
  return noiseTable;
}
