import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ModelContract } from '../../src/contracts/model.ts';
import { contractDifferences } from '../../src/shard/admit-model.ts';
import { createBaselines } from '../../src/normalise/baseline.ts';
import { decodeCheckpoint, encodeCheckpoint, graftCheckpoint, type Checkpoint } from '../../src/shard/checkpoint.ts';
import { standInContract } from '../support/contract.ts';

const shipped = JSON.parse(readFileSync(new URL('../../models/binn.json', import.meta.url), 'utf8')) as ModelContract;

describe('what the service can feed a model', () => {
  it('is all that the shipped contract and the stand-in ask for', () => {
    expect(contractDifferences(shipped)).toEqual([]);
    expect(contractDifferences(standInContract())).toEqual([]);
  });

  it('is a scalar under another name of its unit, not on another scale', () => {
    const withUnit = (unit: string): string[] =>
      contractDifferences(standInContract({ phys: [{ name: 'heartRate', unit, prior: { location: 0, scale: 1 } }] }));
    expect(withUnit('bpm')).toEqual([]);
    expect(withUnit('Hz')).toEqual(['scalar heartRate: the service gives 1/min, the contract wants Hz']);
  });

  it('names a channel that stands there twice, and a property of every object as the unknown it is', () => {
    const { bio } = standInContract();
    const [first] = bio as [ModelContract['bio'][0]];
    expect(contractDifferences(standInContract({ bio: [...bio, first] }))).toEqual([`channel ${first.name} stands there twice`]);
    expect(contractDifferences(standInContract({ bio: [{ ...first, kind: 'constructor' }] }))).toEqual([
      `channel ${first.name}: no stream is of kind constructor`,
    ]);
  });
});

describe('a checkpoint grafted onto another model', () => {
  const from = standInContract({ version: 'from' });
  const to = standInContract({ version: 'to', bio: from.bio.slice(4), sizes: { ...from.sizes, hidden: 16, final: 8 } });
  const state = (contract: ModelContract, value: number): Checkpoint['state'] => ({
    final: new Float32Array(contract.sizes.final).fill(value),
    a: new Float32Array(contract.sizes.hidden).fill(value),
    h: new Float32Array(2 * contract.sizes.hidden).fill(value),
  });
  const place = {
    newestReceivedUs: 7e15,
    liveNowUs: 6e15,
    recordedNowUs: 5e15,
    closedEndUs: 4e15,
    activityIndex: 2,
    clocks: [],
    streams: [],
  };
  const moved = createBaselines(from);
  moved.count.fill(9);
  moved.location.fill(3);
  const grid = encodeCheckpoint({ ...place, nextIndex: 101, lastScoredIndex: 100, state: state(from, 0.5), baselines: moved });

  it('keeps the place and begins afresh: no state, no window scored, the population as baseline', () => {
    expect(decodeCheckpoint(graftCheckpoint(grid, null, to), to)).toEqual({
      ...place,
      nextIndex: 101,
      lastScoredIndex: Number.NaN,
      state: state(to, 0),
      baselines: createBaselines(to),
    });
  });

  it("keeps the model's own state and baselines where it has some from before", () => {
    const baselines = createBaselines(to);
    baselines.count.fill(4);
    const old = { ...place, newestReceivedUs: 1, nextIndex: 41, lastScoredIndex: 40, state: state(to, 0.25), baselines };
    const grafted = decodeCheckpoint(graftCheckpoint(grid, encodeCheckpoint(old), to), to);
    expect(grafted).toEqual({ ...place, nextIndex: 101, lastScoredIndex: 40, state: state(to, 0.25), baselines });
  });

  it('of another model is not taken for its own', () => {
    expect(() => decodeCheckpoint(grid, to)).toThrow('checkpoint does not fit model to: 32 channels, expected 28');
    expect(() => graftCheckpoint(grid.subarray(0, 40), null, to)).toThrow('truncated');
  });
});
