import { describe, expect, it } from 'vitest';
import type { Contribution, Explanation } from '../../src/score/explain/explanation.ts';
import { describeExplanation } from '../../src/score/explain/sentence.ts';
import { drawSummary } from '../../src/score/explain/summary-svg.ts';
import { summariseExplanations } from '../../src/score/explain/summary.ts';

const part = (name: string, logit: number, rest: Partial<Contribution> = {}): Contribution => ({
  name,
  kind: 'phys',
  logit,
  reading: { value: 172.4, normal: 151.2, unit: 'bpm' },
  ...rest,
});
const explanation = (contributions: readonly Contribution[], rest: Partial<Explanation> = {}): Explanation => ({
  modelVersion: '1',
  grain: 'sensor',
  method: 'exact',
  enumerated: 3,
  evaluations: 8,
  background: { own: 6, squad: 2 },
  baseLogit: -2,
  logit: 0,
  contributions,
  attention: { time: new Float32Array(), modality: [] },
  ...rest,
});

describe('describeExplanation', () => {
  const foot = part('foot-right', 1.2, { kind: 'bio', reading: { value: 1.84, normal: 1.01, unit: 'SD' } });
  const history = part('history', -0.4, { kind: 'history', reading: null });

  it('names the three largest, up or down, against the normal they were held to, in their units', () => {
    const said = describeExplanation(explanation([part('heartRate', 0.6), part('smo2', 0.1), history, foot]), true);
    expect(said).toBe(
      'What moved the score most: movement of the right foot moved it up (1.84 of its usual spread, normally 1.01); ' +
        'heart rate moved it up (172 bpm, normally 151 bpm); the windows before this one moved it down. ' +
        'Normal is the mean of 6 quiet windows of the athlete and 2 of the squad.',
    );
    expect(said).not.toMatch(/caus/i);
  });

  it('names a channel by its sensor, and has no words put in the mouth of a name it does not know', () => {
    const channel = part('foot-left.az', -0.5, { reading: { value: 12.34, normal: 9, unit: 'm/s2' } });
    const said = describeExplanation(
      explanation([channel, part('glucose', 0.2, { reading: { value: 5, normal: 4, unit: 'mmol/L' } })]),
      true,
    );
    expect(said).toContain('movement of the left foot (az) moved it down (12.3 m/s², normally 9.00 m/s²)');
    expect(said).toContain('glucose moved it up (5.00 mmol/L, normally 4.00 mmol/L)');
  });

  it('keeps medical detail from readers who may not see it', () => {
    const medical = explanation([part('imagingGrade', 2, { kind: 'context', reading: { value: 3, normal: 0, unit: '1' } })]);
    expect(describeExplanation(medical, true)).toContain('imaging grade moved it up (3.00, normally 0.00)');
    const hidden = describeExplanation(medical, false);
    expect(hidden).toContain('the medical record moved it up;'.replace(';', '.'));
    expect(hidden).not.toMatch(/imaging|3\.00/);
  });

  it('says so where nothing moved', () => {
    const still = describeExplanation(explanation([part('speed', 0.004)], { background: { own: 1, squad: 0 } }), true);
    expect(still).toBe('Nothing in this window moved the score from its normal. Normal is the mean of 1 quiet window of the athlete.');
  });
});

describe('summariseExplanations', () => {
  const heart = (logit: number, value: number): Contribution => part('heartRate', logit, { reading: { value, normal: 0, unit: 'bpm' } });

  it('ranks by mean size over the windows in which a part was observed, and keeps every point', () => {
    const summary = summariseExplanations([
      explanation([heart(0.5, 100), part('history', -0.1, { kind: 'history', reading: null })]),
      explanation([heart(-0.3, 120)]),
      explanation([heart(0.1, 180), part('history', 0.7, { kind: 'history', reading: null })]),
    ]);
    expect(summary).toMatchObject({ windows: 3, modelVersion: '1', grain: 'sensor' });
    expect(summary.rows.map(({ name, windows }) => [name, windows])).toEqual([
      ['history', 2],
      ['heartRate', 3],
    ]);
    expect(summary.rows[0]?.meanAbsolute).toBeCloseTo(0.4, 12);
    expect(summary.rows[1]?.mean).toBeCloseTo(0.1, 12);
    expect(summary.rows[1]?.points).toEqual([
      { logit: 0.5, level: 0 },
      { logit: -0.3, level: 0.5 },
      { logit: 0.1, level: 1 },
    ]);
    expect(summary.rows[0]?.points.map(({ level }) => level)).toEqual([null, null]);
  });

  it('gives tied readings one place, and readings that are all the same none', () => {
    const tied = summariseExplanations([10, 20, 20, 30].map((value) => explanation([heart(0.1, value)])));
    expect(tied.rows[0]?.points.map(({ level }) => level)).toEqual([0, 0.5, 0.5, 1]);
    const same = summariseExplanations([10, 10].map((value) => explanation([heart(0.1, value)])));
    expect(same.rows[0]?.points.map(({ level }) => level)).toEqual([null, null]);
  });

  it('is empty for no explanations and refuses to mix models or grains', () => {
    expect(summariseExplanations([])).toEqual({ modelVersion: null, grain: null, windows: 0, rows: [] });
    for (const other of [{ modelVersion: '2' }, { grain: 'channel' as const }]) {
      const mixed = [explanation([]), explanation([], other)];
      expect(() => summariseExplanations(mixed)).toThrow(expect.objectContaining({ code: 'explain-mixed' }));
    }
  });
});

describe('drawSummary', () => {
  /** Every element is closed in order, and no text holds a bare sign of markup. */
  function elementsOf(svg: string): Map<string, number> {
    const open: string[] = [];
    const counts = new Map<string, number>();
    for (const [whole, closing, name = '', , self] of svg.matchAll(/<(\/?)([a-z]+)((?:\s[\w:-]+="[^"<&]*(?:&\w+;[^"<&]*)*")*)(\/?)>/g)) {
      if (closing === '/') expect(open.pop(), whole).toBe(name);
      else {
        counts.set(name, (counts.get(name) ?? 0) + 1);
        if (self !== '/') open.push(name);
      }
    }
    expect(open).toEqual([]);
    expect(svg.replaceAll(/<[^<>]*>/g, '')).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/);
    return counts;
  }
  const many = (count: number): Explanation[] =>
    Array.from({ length: count }, (_, i) =>
      explanation(
        Array.from({ length: 15 }, (_, j) => part(`part-${j}`, ((i % 7) - 3) / (j + 1), { reading: { value: i, normal: 0, unit: 'bpm' } })),
      ),
    );

  it('is an image with a title and a description that says what it shows', () => {
    const svg = drawSummary(summariseExplanations([explanation([part('heartRate', 0.5), part('foot-left', -1)])]), 'A & B <first team>');
    elementsOf(svg);
    expect(svg).toMatch(/role="img" aria-labelledby="shap-title shap-desc"/);
    expect(svg).toContain('<title id="shap-title">A &amp; B &lt;first team&gt;</title>');
    expect(svg).toContain('movement of the left foot 1.00 (mean -1.00), heart rate 0.50 (mean 0.50)');
  });

  it('draws the largest twelve rows, each with a bar and at most 250 points inside the picture', () => {
    const svg = drawSummary(summariseExplanations(many(400)), 'Squad');
    const counts = elementsOf(svg);
    expect(counts.get('rect')).toBe(1 + 12);
    expect(counts.get('circle')).toBe(12 * 250 + 6);
    expect(svg).toContain('part-0');
    expect(svg).not.toContain('part-12');
    const [, width = '0', height = '0'] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
    for (const [, x, y] of svg.matchAll(/<circle cx="([\d.-]+)" cy="([\d.-]+)"/g)) {
      expect(Number(x)).toBeGreaterThan(0);
      expect(Number(x)).toBeLessThan(Number(width));
      expect(Number(y)).toBeGreaterThan(0);
      expect(Number(y)).toBeLessThan(Number(height));
    }
  });

  it('puts a contribution that moved the score up to the right of the axis, further the larger it is', () => {
    const svg = drawSummary(summariseExplanations([explanation([part('a', 1)]), explanation([part('a', -0.5)])]), 'Squad');
    const [left = 0, right = 0] = [...svg.matchAll(/<circle cx="([\d.]+)" cy="[\d.]+" r="2.6"/g)].map(([, x]) => Number(x));
    const zero = Number(/x1="([\d.]+)"[^/]*stroke="#222222"/.exec(svg)?.[1]);
    expect(right - zero).toBeGreaterThan(0);
    expect((right - zero) / (zero - left)).toBeCloseTo(2, 1);
  });

  it('says that there is nothing where there is nothing', () => {
    const svg = drawSummary(summariseExplanations([]), 'Squad');
    elementsOf(svg);
    expect(svg).toContain('No explanation falls into this period.');
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});
