/** Surface EMG as its envelope: bursts timed by the own foot's stride, by the push and landing of a jump, tonus otherwise. */
import { EMG, EMG_ACTIVATION, type GaitActivity, type Muscle } from './constants.ts';
import { hump, jumpAt } from './jump.ts';
import { fatigueAt } from './physiology.ts';
import { createRandom, gaussianTable, hash32, smoothNoise } from './random.ts';
import { createCursor, advance, strideAt, type FootSide, type Movement, type Renderer } from './sensors.ts';
import { PHASES } from './gait-templates.ts';

/** One cycle of a muscle's envelope in %MVC, PHASES + 1 values. */
function burstTable(muscle: Muscle, activity: GaitActivity): Float32Array {
  return Float32Array.from({ length: PHASES + 1 }, (_, row) =>
    EMG_ACTIVATION[muscle][activity].reduce((sum, [centre, width, size]) => {
      const distance = row / PHASES - centre;
      const wrapped = distance - Math.round(distance);
      return sum + size * Math.exp((-0.5 * wrapped * wrapped) / (width * width));
    }, 0),
  );
}

/**
 * Renderer of one muscle's envelope (one channel, int16 with EMG.scale %MVC a bit, never negative). The affected side is held back with severity
 * through the expression of push-off; the amplitude rises with the session's fatigue. The gain of electrode and MVC is the day's.
 */
export function createEmg(movement: Movement, muscle: Muscle, side: FootSide): Renderer {
  const { person } = movement;
  const key = (muscle === 'quadriceps' ? 1 : 3) + (side === 'left' ? 0 : 1);
  const seed = hash32(movement.seed, 820, key);
  const gain = createRandom(seed, 1).logNormal(EMG.gainLogSd);
  const tables = { walk: burstTable(muscle, 'walk'), run: burstTable(muscle, 'run') };
  const noise = gaussianTable();
  const cursor = createCursor();
  const left = side === 'left';

  const ofStride = (segmentIndex: number, stride: number): number =>
    Math.exp(EMG.strideLogSd * noise[hash32(seed, 2, segmentIndex, stride) & 0xffff]!);
  const activation = (tS: number): number => {
    const segment = movement.segmentAt(tS);
    if (segment.activity === 'rest') return 0;
    if (segment.activity === 'jump') {
      const jump = jumpAt(movement.jumpsOf(segment), tS);
      if (jump === undefined) return 0;
      const push = hump((tS - jump.startS - 0.15) / (jump.takeoffS - jump.startS - 0.1));
      return EMG.jump[muscle] * push + EMG.landing[muscle] * hump((tS - jump.landS + 0.08) / 0.35);
    }
    const strides = movement.stridesOf(segment);
    cursor.stride = strideAt(strides, tS);
    advance(cursor, strides, tS);
    const phase = left ? cursor.left : cursor.right;
    const row = Math.floor(phase * PHASES);
    const table = tables[segment.activity];
    const value = table[row]! + (phase * PHASES - row) * (table[row + 1]! - table[row]!);
    return value * strides.amplitude * ofStride(segment.index, left ? cursor.stride : cursor.rightStride);
  };
  return (first, count, rateHz, out) => {
    for (let i = 0; i < count; i += 1) {
      const n = first + i;
      const tS = n / rateHz;
      const held = side === person.affected ? Math.max(0.3, 1 + EMG.affected * person.expression.push * movement.severityAt(tS)) : 1;
      const tonus = EMG.restPct * (1 + 0.3 * smoothNoise(seed, tS));
      const value = tonus + activation(tS) * gain * held * (1 + EMG.fatigue * fatigueAt(tS));
      const z = noise[(hash32(seed, 3, n >>> 10) + n) & 0xffff]!;
      out[i] = Math.min(32767, Math.max(0, Math.round((value * (1 + EMG.noise * z) + EMG.noisePct * z) / EMG.scale)));
    }
  };
}
