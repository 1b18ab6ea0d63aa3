import { describe, expect, it } from 'vitest';
import type { NewMetric } from '../../src/queue/ports.ts';
import { observationsOfSession } from '../../src/queue/session-observations.ts';

const metric = (name: string, value: number | null, given: Partial<NewMetric> = {}): NewMetric => ({
  name,
  value,
  unit: '%',
  typicalError: null,
  method: 'm',
  parameters: {},
  detail: null,
  provisional: false,
  atUs: 5,
  ...given,
});
const of = (...metrics: readonly NewMetric[]) => observationsOfSession('a', 's', metrics).map(({ observed }) => observed);
const sides = (value: number | null, given: Partial<NewMetric> = {}) =>
  metric('sides-swapped', value, { detail: { strides: { left: 30, right: 31 } }, ...given });

describe('what a session tells', () => {
  it('is its asymmetries in one observation, and the sides in another', () => {
    expect(of(metric('jumpAsymmetry', 4, { typicalError: 1 }), metric('gaitSymmetry', -3), metric('cadence', 160), sides(0))).toEqual([
      {
        kind: 'asymmetry',
        sessionId: 's',
        metrics: [
          { name: 'jumpAsymmetry', valuePct: 4, typicalErrorPct: 1, provisional: false },
          { name: 'gaitSymmetry', valuePct: -3, typicalErrorPct: null, provisional: false },
        ],
      },
      { kind: 'sides', sessionId: 's', swapped: false, strides: 61 },
    ]);
  });

  it('is nothing from too few strides, from what was not measured, and where the strides do not tell', () => {
    expect(
      of(metric('gaitSymmetry', 20, { provisional: true }), metric('jumpAsymmetry', null), sides(null), sides(1, { provisional: true })),
    ).toEqual([]);
    expect(of()).toEqual([]);
  });

  it('leaves out what the feet measured where they are exchanged: it has the wrong sign', () => {
    const told = of(metric('gaitSymmetry', 9), metric('jumpAsymmetry', 2), sides(1));
    expect(told).toMatchObject([
      { kind: 'asymmetry', metrics: [{ name: 'jumpAsymmetry' }] },
      { kind: 'sides', swapped: true },
    ]);
    expect(of(metric('gaitSymmetry', 9), sides(1))).toMatchObject([{ kind: 'sides' }]);
  });
});
