/**
 * Stride templates: one cycle of each sensor as sums of periodic Gaussian bumps over phase, precomputed per athlete as typed arrays.
 * Phase 0 is initial contact of the sensor's own foot, foot-off stands at the canonical stance share of the activity.
 * Sensor axes before mounting: x forward, y left, z up; positive gy turns the toes down. The bumps' places and sizes are (chosen) after the
 * published course of foot and trunk signals (Perry & Burnfield 2010†, Novacheck 1998†), not fitted to any recording.
 */
import { G, GAIT, IMU, type GaitActivity } from './constants.ts';
import { createRandom, type RandomStream } from './random.ts';

/** Rows of a table; one row more repeats the first for interpolation. */
export const PHASES = 256;

export interface TermTables {
  readonly channels: number;
  /** Each (PHASES + 1) x channels, row-major; the rendered signal is their weighted sum. */
  readonly terms: readonly Float32Array[];
}

type Bump = readonly [channel: number, centre: number, width: number, amplitude: number];
const [AX, AY, AZ, GX, GY, GZ] = [0, 1, 2, 3, 4, 5];

/** Foot: swing, push-off, impact. */
const FOOT: Readonly<Record<GaitActivity, readonly [readonly Bump[], readonly Bump[], readonly Bump[]]>> = {
  walk: [
    [
      [GY, 0.8, 0.075, -4.6],
      [GX, 0.75, 0.06, -0.9],
      [GZ, 0.78, 0.07, 0.6],
      [AX, 0.92, 0.035, -13],
      [AX, 0.7, 0.04, 8],
      [AZ, 0.79, 0.05, -5],
      [AZ, 0.9, 0.04, 5],
      [AY, 0.75, 0.05, 1.6],
      [AY, 0.88, 0.05, -1.6],
    ],
    [
      [GY, 0.59, 0.045, 6.3],
      [GX, 0.6, 0.04, 0.9],
      [GZ, 0.6, 0.05, -0.6],
      [AX, 0.63, 0.035, 6],
      [AZ, 0.57, 0.04, 4.5],
      [AZ, 0.67, 0.03, 7],
    ],
    [
      [GY, 0.045, 0.022, 2.9],
      [AX, 0.01, 0.009, -9],
      [AZ, 0.012, 0.009, 21],
      [AZ, 0.04, 0.014, -8],
      [AY, 0.018, 0.01, 4],
      [GX, 0.03, 0.015, 0.8],
    ],
  ],
  run: [
    [
      [GY, 0.66, 0.11, -8.6],
      [GX, 0.6, 0.08, -1.6],
      [GZ, 0.62, 0.08, 1.1],
      [AX, 0.9, 0.05, -32],
      [AX, 0.48, 0.06, 20],
      [AZ, 0.55, 0.08, 14],
      [AZ, 0.78, 0.08, -18],
      [AY, 0.5, 0.07, 5],
      [AY, 0.82, 0.07, -5],
    ],
    [
      [GY, 0.35, 0.058, 15],
      [GX, 0.34, 0.05, 1.8],
      [GZ, 0.36, 0.05, -1.3],
      [AX, 0.37, 0.045, 18],
      [AZ, 0.32, 0.04, 15],
    ],
    [
      [GY, 0.04, 0.022, 7],
      [AX, 0.012, 0.009, -32],
      [AZ, 0.012, 0.01, 68],
      [AZ, 0.045, 0.016, -22],
      [AY, 0.018, 0.012, 14],
      [GX, 0.03, 0.016, 2.6],
    ],
  ],
};

/** Trunk: what one step (from its foot's contact) adds; the other foot's step is its mirror image. */
const STEP: Readonly<Record<GaitActivity, readonly Bump[]>> = {
  walk: [
    [AZ, 0.08, 0.05, 3],
    [AZ, 0.27, 0.09, -2.2],
    [AX, 0.05, 0.05, -1.7],
    [AX, 0.36, 0.08, 1.5],
    [AY, 0.14, 0.07, 1.1],
    [AY, 0.4, 0.09, -0.5],
    [GX, 0.1, 0.05, 0.4],
    [GX, 0.3, 0.08, -0.25],
    [GY, 0.05, 0.05, 0.35],
    [GY, 0.22, 0.07, -0.3],
    [GZ, 0.25, 0.12, 0.45],
  ],
  run: [
    [AZ, 0.03, 0.018, 12],
    [AZ, 0.15, 0.075, 17],
    [AZ, 0.43, 0.07, -11],
    [AX, 0.06, 0.04, -5],
    [AX, 0.26, 0.05, 4],
    [AY, 0.1, 0.06, 3.2],
    [AY, 0.3, 0.08, -1.6],
    [GX, 0.1, 0.05, 1],
    [GX, 0.3, 0.08, -0.7],
    [GY, 0.08, 0.05, 0.9],
    [GY, 0.25, 0.07, -0.7],
    [GZ, 0.2, 0.12, 1.3],
  ],
};

/** One-sided sway of the trunk, weight 1 = ALTERED.sway or a healthy person's own lean: first harmonic of the stride. */
const SWAY: Readonly<Record<GaitActivity, readonly Bump[]>> = {
  walk: [
    [AY, 0.2, 0.13, 0.7],
    [AY, 0.7, 0.13, -0.5],
    [AZ, 0.3, 0.13, 0.5],
    [AZ, 0.8, 0.13, -0.5],
    [GX, 0.25, 0.13, 0.22],
    [GX, 0.75, 0.13, -0.22],
  ],
  run: [
    [AY, 0.15, 0.12, 2],
    [AY, 0.65, 0.12, -1.6],
    [AZ, 0.2, 0.12, 2],
    [AZ, 0.7, 0.12, -2],
    [GX, 0.2, 0.12, 0.6],
    [GX, 0.7, 0.12, -0.6],
  ],
};

/** Vertical force as bumps over stance (share of the canonical stance), body weights: loading and push-off humps; then AP and ML. */
function forceBumps(activity: GaitActivity): readonly [readonly Bump[], readonly Bump[]] {
  const { stance, firstPeakBw, secondPeakBw } = GAIT[activity];
  if (activity === 'walk') {
    return [
      [
        [0, 0.23 * stance, 0.13 * stance, firstPeakBw],
        [1, 0.2 * stance, 0.1 * stance, -0.18],
        [2, 0.2 * stance, 0.12 * stance, 0.05],
      ],
      [
        [0, 0.52 * stance, 0.13 * stance, 0.45],
        [0, 0.77 * stance, 0.11 * stance, secondPeakBw],
        [1, 0.83 * stance, 0.09 * stance, 0.2],
        [2, 0.7 * stance, 0.14 * stance, 0.05],
      ],
    ];
  }
  return [
    [
      [0, 0.13 * stance, 0.05 * stance, 0.75 * firstPeakBw],
      [1, 0.25 * stance, 0.1 * stance, -0.28],
      [2, 0.15 * stance, 0.08 * stance, 0.1],
    ],
    [
      [0, 0.47 * stance, 0.22 * stance, secondPeakBw],
      [1, 0.73 * stance, 0.11 * stance, 0.28],
      [2, 0.5 * stance, 0.2 * stance, 0.07],
    ],
  ];
}

function perturb(random: RandomStream, bumps: readonly Bump[]): Bump[] {
  return bumps.map(([channel, centre, width, amplitude]) => [
    channel,
    centre + 0.006 * random.normal(),
    width * random.logNormal(0.08),
    amplitude * random.logNormal(0.15),
  ]);
}

const mirrored = (bumps: readonly Bump[]): Bump[] =>
  bumps.map(([channel, centre, width, amplitude]) => [
    channel,
    centre,
    width,
    channel === AY || channel === GX || channel === GZ ? -amplitude : amplitude,
  ]);

function drawTable(bumps: readonly Bump[], channels: number): Float32Array {
  const table = new Float32Array((PHASES + 1) * channels);
  for (const [channel, centre, width, amplitude] of bumps) {
    for (let row = 0; row <= PHASES; row += 1) {
      const distance = row / PHASES - centre;
      const wrapped = distance - Math.round(distance);
      table[row * channels + channel]! += amplitude * Math.exp((-0.5 * wrapped * wrapped) / (width * width));
    }
  }
  return table;
}

/** Makes the pitch rate of the foot integrate to zero over a stride: scales the swing's pitch to pay for push-off and slap. */
function balancePitch(tables: readonly Float32Array[]): void {
  const area = (table: Float32Array): number => {
    let sum = 0;
    for (let row = 0; row < PHASES; row += 1) sum += table[row * 6 + GY]!;
    return sum;
  };
  const [swing, push, impact] = tables as [Float32Array, Float32Array, Float32Array];
  const factor = -(area(push) + area(impact)) / area(swing);
  for (let row = 0; row <= PHASES; row += 1) swing[row * 6 + GY]! *= factor;
}

/** Gravity as the foot feels it: the pitch of one nominal stride turns it between z and x. A proper accelerometer reads +g upwards. */
function footGravity(tables: readonly Float32Array[], strideTimeS: number): Float32Array {
  const table = new Float32Array((PHASES + 1) * 6);
  let pitch = 0;
  for (let row = 0; row <= PHASES; row += 1) {
    table[row * 6 + AX] = -G * Math.sin(pitch);
    table[row * 6 + AZ] = G * Math.cos(pitch);
    for (const terms of tables) pitch += (terms[row * 6 + GY]! * strideTimeS) / PHASES;
  }
  return table;
}

const constantGravity = (): Float32Array => drawTable([], 6).map((_, i) => (i % 6 === AZ ? G : 0));

export type Rotation = readonly [number, number, number, number, number, number, number, number, number];

/** Rotation of a sensor on the body: small angles about x, y and z, row-major. */
export function drawMounting(seed: number): Rotation {
  const random = createRandom(seed, 404);
  return rotationOf(IMU.mountingSd * random.normal(), IMU.mountingSd * random.normal(), IMU.mountingSd * random.normal());
}

/** R = Rz Ry Rx. */
export function rotationOf(x: number, y: number, z: number): Rotation {
  const [cx, sx, cy, sy, cz, sz] = [Math.cos(x), Math.sin(x), Math.cos(y), Math.sin(y), Math.cos(z), Math.sin(z)];
  return [
    cz * cy,
    cz * sy * sx - sz * cx,
    cz * sy * cx + sz * sx,
    sz * cy,
    sz * sy * sx + cz * cx,
    sz * sy * cx - cz * sx,
    -sy,
    cy * sx,
    cy * cx,
  ];
}

/** Turns accelerations and angular velocities of every row of a six-channel table, in place. */
export function rotateTable(table: Float32Array, r: Rotation): Float32Array {
  for (let at = 0; at < table.length; at += 3) {
    const [x, y, z] = [table[at]!, table[at + 1]!, table[at + 2]!];
    table[at] = r[0] * x + r[1] * y + r[2] * z;
    table[at + 1] = r[3] * x + r[4] * y + r[5] * z;
    table[at + 2] = r[6] * x + r[7] * y + r[8] * z;
  }
  return table;
}

/** Foot terms: swing, push-off, impact and, where asked for, gravity. Both feet of a person share shape up to small differences. */
export function footTables(
  seed: number,
  side: 'left' | 'right',
  activity: GaitActivity,
  mounting: Rotation,
  withGravity: boolean,
): TermTables {
  const shared = createRandom(seed, 405, activity === 'walk' ? 1 : 2);
  const own = createRandom(seed, 406, activity === 'walk' ? 1 : 2, side === 'left' ? 1 : 2);
  const terms = FOOT[activity].map((bumps) => {
    const shape = perturb(shared, bumps).map(([c, centre, w, a]): Bump => [c, centre, w, a * own.logNormal(0.04)]);
    return drawTable(side === 'left' ? shape : mirrored(shape), 6);
  });
  balancePitch(terms);
  if (withGravity) terms.push(footGravity(terms, GAIT[activity].strideTimeS));
  for (const table of terms) rotateTable(table, mounting);
  return { channels: 6, terms };
}

/** Trunk terms: left step (phase of the left foot), right step (phase of the right), sway to the left (phase of the left), gravity. */
export function trunkTables(seed: number, activity: GaitActivity, mounting: Rotation, withGravity: boolean): TermTables {
  const random = createRandom(seed, 407, activity === 'walk' ? 1 : 2);
  const step = perturb(random, STEP[activity]);
  const terms = [drawTable(step, 6), drawTable(mirrored(step), 6), drawTable(perturb(random, SWAY[activity]), 6)];
  terms.forEach(centre);
  if (withGravity) terms.push(constantGravity());
  for (const table of terms) rotateTable(table, mounting);
  return { channels: 6, terms };
}

/** Force terms (fv, fap, fml over body weight): loading and push-off. Zero in swing. ML points to the body's midline: mirrored by side. */
export function forceTables(seed: number, side: 'left' | 'right', activity: GaitActivity): TermTables {
  const random = createRandom(seed, 408, activity === 'walk' ? 1 : 2);
  const { stance } = GAIT[activity];
  const terms = forceBumps(activity).map((bumps) => {
    const table = drawTable(perturb(random, bumps), 3);
    for (let row = 0; row <= PHASES; row += 1) {
      // The Gaussians' tails are cut to the stance phase by a steep window, so that the plate reads zero in swing.
      const share = (row % PHASES) / PHASES / stance;
      const window = share >= 1 ? 0 : Math.min(1, share / 0.05, (1 - share) / 0.06);
      for (let c = 0; c < 3; c += 1) table[row * 3 + c]! *= c === 2 && side === 'right' ? -window : window;
    }
    return table;
  });
  carryBodyWeight(terms);
  return { channels: 3, terms };
}

/** Over a stride the two feet carry the body weight on average, or the body would sink: the vertical humps are scaled together to that. */
function carryBodyWeight(terms: readonly Float32Array[]): void {
  let sum = 0;
  for (const table of terms) for (let row = 0; row < PHASES; row += 1) sum += table[row * 3]!;
  const factor = (0.5 * PHASES) / sum;
  for (const table of terms) for (let row = 0; row <= PHASES; row += 1) table[row * 3]! *= factor;
}

/** The trunk comes back to where it was after a stride: each channel of a term gets mean zero. */
function centre(table: Float32Array): void {
  for (let c = 0; c < 6; c += 1) {
    let sum = 0;
    for (let row = 0; row < PHASES; row += 1) sum += table[row * 6 + c]!;
    for (let row = 0; row <= PHASES; row += 1) table[row * 6 + c]! -= sum / PHASES;
  }
}
