import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AthleteBatch, ArrowFiles, type WindowRow } from '../../src/cli/dataset/arrow-files.ts';
import { castMember, splitOf, uuidOf } from '../../src/cli/dataset/cast.ts';
import { toFloat16 } from '../../src/cli/dataset/float16.ts';
import { exportAthlete, faultIn, readBatches } from '../../src/cli/dataset/member.ts';
import { PriorMeter, robustLocationScale, thinWindow } from '../../src/cli/dataset/priors.ts';
import { eachAthlete } from '../../src/cli/dataset/threads.ts';
import { eachWindow } from '../../src/cli/dataset/windows.ts';
import type { ModelContract } from '../../src/contracts/model.ts';
import { createRandom } from '../../src/simulate/random.ts';

/** Value of a half, by its definition. */
function fromFloat16(bits: number): number {
  const [sign, exponent, mantissa] = [bits >> 15 === 0 ? 1 : -1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? (sign * mantissa) / 2 ** 24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

describe('half precision', () => {
  it('is the nearest half of every z-score', () => {
    fc.assert(
      fc.property(fc.float({ min: -8, max: 8, noNaN: true }), (value) => {
        const half = fromFloat16(toFloat16(value));
        const size = Math.abs(value);
        expect(Math.abs(half - value)).toBeLessThanOrEqual(size < 2 ** -14 ? 2 ** -14 : size * 2 ** -11);
      }),
      { numRuns: 2_000 },
    );
  });
  it('keeps halves as they are, ties to even, and the special values', () => {
    for (const value of [0, 1, -1, 0.5, 8, -8, 65_504]) expect(fromFloat16(toFloat16(value))).toBe(value);
    expect(fromFloat16(toFloat16(1 + 1 / 2048))).toBe(1);
    expect(fromFloat16(toFloat16(1 + 3 / 2048))).toBe(1 + 2 / 1024);
    expect(fromFloat16(toFloat16(1e6))).toBe(Infinity);
    expect(fromFloat16(toFloat16(Number.NaN))).toBeNaN();
  });
});

describe('the cast', () => {
  it('keeps 60, 20 and 20 per cent of athletes apart, whatever the size of the data set', () => {
    const counts = { train: 0, validation: 0, test: 0 };
    for (let number = 0; number < 5_000; number += 1) counts[splitOf(number)] += 1;
    expect(counts.train / 5_000).toBeCloseTo(0.6, 1);
    expect(counts.validation / 5_000).toBeCloseTo(0.2, 1);
    // The first athletes as models/binn/data.py places them.
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(splitOf)).toEqual(['train', 'train', 'train', 'train', 'test', 'test', 'train', 'validation']);
  });
  it('is the same for the same seed and has an id that is a UUID', () => {
    expect(castMember(1, 3, 60).simulated.render(5, 6)).toEqual(castMember(1, 3, 60).simulated.render(5, 6));
    expect(uuidOf(9)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuidOf(9)).not.toBe(uuidOf(10));
  });
});

describe('priors', () => {
  it('are location and scale of a normal sample, and shrug at outliers', () => {
    const random = createRandom(3);
    const values = Float32Array.from({ length: 16_384 }, (_, i) => (i % 50 === 0 ? 400 : 5 + 2 * random.normal()));
    const { location, scale } = robustLocationScale(values);
    expect(location).toBeGreaterThan(4.8);
    expect(location).toBeLessThan(5.3);
    expect(scale).toBeGreaterThan(1.8);
    expect(scale).toBeLessThan(2.5);
  });
  it('of a constant or of nothing have scale 1', () => {
    expect(robustLocationScale(new Float32Array(10).fill(3))).toEqual({ location: 3, scale: 1 });
    expect(robustLocationScale(new Float32Array(0))).toEqual({ location: 0, scale: 1 });
  });
});

describe('the files', () => {
  it('hold what was put in, in files of bounded size', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kinewatch-arrow-'));
    try {
      const widths = { bio: 12, phys: 2, perf: 1, context: 3, domain: 2 };
      const row = (k: number): WindowRow => ({
        bio: new Float32Array(12).fill(k / 8),
        bioMask: new Float32Array(12).fill(1),
        phys: Float32Array.of(k, -k),
        physMask: Float32Array.of(1, 0),
        perf: Float32Array.of(0.5),
        perfMask: Float32Array.of(1),
        context: Float32Array.of(1, 2, 3),
        contextMask: Float32Array.of(1, 1, 0),
        elapsed: 1,
        activity: k % 2 === 0 ? 'walk' : 'run',
        altered: k % 2,
        severity: 0.25,
        rehab: 0.75,
        performance: 0.5,
        domain: [k, Number.NaN],
        windowIndex: 1_767_607_200 + k,
      });
      const files = new ArrowFiles(directory, 'windows', 3_000);
      for (const athlete of [4, 9]) {
        const batch = new AthleteBatch(widths, 2);
        for (let k = 0; k < 20; k += 1) batch.push(row(k), 1_767_607_000);
        await files.add(batch.toRecordBatch(athlete, splitOf(athlete)));
      }
      await files.close();
      expect(files.written.map((file) => file.rows)).toEqual([20, 20]);
      const table = tableFromIPC(await readFile(join(directory, files.written[1]!.name)));
      const third = table.get(2)!.toJSON();
      expect([...(third['bio'] as Iterable<number>)].map(Number)).toEqual(Array.from({ length: 12 }, () => 0.25));
      expect([...(third['phys'] as Iterable<number>)]).toEqual([2, -2]);
      expect([...(third['domain'] as Iterable<number>)]).toEqual([2, Number.NaN]);
      expect(third).toMatchObject({
        athlete: 9,
        window_index: 202,
        activity: 'walk',
        split: splitOf(9),
        label_altered: 0,
        label_rehab: 0.75,
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

const contractOf = async (): Promise<ModelContract> => JSON.parse(await readFile('models/binn.json', 'utf8')) as ModelContract;

describe('one athlete of a set', () => {
  it('has the forced fault in every window where it is active, and the labels of the same athlete without it', async () => {
    const contract = await contractOf();
    const table = (fault: 'drift' | 'dropout' | null): Record<string, ArrayLike<number>> => {
      const [batch] = readBatches(exportAthlete({ seed: 3, seconds: 40, readS: 40, fault, contract }, 5).windows);
      return Object.fromEntries(
        ['fault', 'label_severity', 'window_index'].map((name) => [name, batch!.getChild(name)!.toArray() as Float32Array]),
      );
    };
    const [sound, drift, dropout] = [table(null), table('drift'), table('dropout')];
    expect(new Set(Array.from(drift.fault!))).toEqual(new Set([3]));
    expect(drift.label_severity).toEqual(sound.label_severity);
    expect(drift.window_index).toEqual(sound.window_index);
    const active = Array.from(dropout.fault!).filter((fault) => fault === 1).length;
    expect(active).toBeGreaterThan(2);
    expect(active).toBeLessThan(dropout.fault!.length);
  });

  it('counts a fault in the windows that touch its interval, the forced one first', () => {
    const fault = (kind: 'dropout' | 'moved', startS: number, endS: number) => ({ kind, stream: 0, placement: 'foot-left', startS, endS });
    const faults = [fault('dropout', 5, 6), fault('moved', 5.5, 20)];
    expect([3, 4.5, 5.7, 6.5, 20].map((startS) => faultIn(faults, null, startS, startS + 2))).toEqual([0, 1, 1, 5, 0]);
    expect(faultIn(faults, 'moved', 5, 7)).toBe(5);
  });

  it('gives the same priors thinned as whole', async () => {
    const contract = await contractOf();
    const [whole, thin] = [new PriorMeter(contract), new PriorMeter(contract)];
    eachWindow(castMember(3, 2, 30), contract, true, 30, ({ input, meta }) => {
      whole.add(input, meta.activity);
      thin.add(thinWindow(input, contract.bio.length), meta.activity, 1);
    });
    expect(thin.finish(8)).toEqual(whole.finish(8));
  });

  it('comes in the order asked for', async () => {
    const contract = await contractOf();
    const numbers: number[] = [];
    for await (const { number, answer } of eachAthlete('priors', { seed: 1, seconds: 30, readS: 5, fault: null, contract }, [4, 0, 9], 2)) {
      numbers.push(number);
      expect(answer.length).toBeGreaterThan(0);
    }
    expect(numbers).toEqual([4, 0, 9]);
  });
});
