import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveSenml, type SenmlTarget } from '../../src/gateway/senml.ts';

const target: SenmlTarget = {
  channels: [
    { name: 'heartRate', unit: 'bpm' },
    { name: 'skinTemperature', unit: 'Cel' },
  ],
  rateHz: 1,
  relativeToUs: null,
  maxSamples: 4096,
  maxValues: 16_384,
};
const rows = (pack: Record<string, unknown>[], more: Partial<SenmlTarget> = {}): unknown => {
  const resolved = resolveSenml(pack, { ...target, ...more });
  return 'reason' in resolved ? resolved.reason : { deviceTimeUs: resolved.deviceTimeUs, values: [...resolved.values] };
};

describe('resolution (RFC 8428 section 4)', () => {
  test('base name, time, unit and value hold from their record on; a record of its own unit overrides', () => {
    const pack = [
      { bn: 'urn:dev:ow:10e2073a01080063:', bt: 1000, bu: 'Cel', bv: 30 },
      { n: 'skinTemperature', v: 1.5 },
      { n: 'skinTemperature', t: 1, v: 2 },
      { n: 'heartRate', t: 1, u: 'beat/min', v: 31 },
    ];
    expect(rows(pack)).toEqual({ deviceTimeUs: 1_000_000_000, values: [Number.NaN, 31.5, 61, 32] });
  });

  test('records may stand in any order and fall on the nearest step', () => {
    expect(
      rows([
        { n: 'heartRate', t: 12.1, v: 62 },
        { n: 'heartRate', t: 10, v: 60 },
      ]),
    ).toEqual({
      deviceTimeUs: 10_000_000,
      values: [60, Number.NaN, Number.NaN, Number.NaN, 62, Number.NaN],
    });
  });

  test('times below 2^28 s are relative to now for recorded streams, and device time for live ones', () => {
    const pack = [{ n: 'heartRate', t: -5, v: 60 }];
    expect(rows(pack)).toMatchObject({ deviceTimeUs: -5_000_000 });
    expect(rows(pack, { relativeToUs: 1_800_000_000_000_000 })).toMatchObject({ deviceTimeUs: 1_799_999_995_000_000 });
    expect(rows([{ n: 'heartRate', t: 1.8e9, v: 60 }], { relativeToUs: 5 })).toMatchObject({ deviceTimeUs: 1.8e15 });
  });

  test('units under their SenML names are converted to the declared ones', () => {
    const channels = [
      { name: 'rrMs', unit: 'ms' },
      { name: 'spo2', unit: '%' },
    ];
    expect(
      rows(
        [
          { n: 'rrMs', u: 's', v: 0.75 },
          { n: 'spo2', u: '/', v: 0.5 },
        ],
        { channels },
      ),
    ).toMatchObject({ values: [750, 50] });
  });
});

test.each([
  ['unknown channel', [{ n: 'lactate', v: 1 }], 'bad-senml'],
  ['other unit', [{ n: 'heartRate', u: 'Cel', v: 1 }], 'bad-senml'],
  ['string value', [{ n: 'heartRate', vs: 'high' }], 'bad-senml'],
  ['sum', [{ n: 'heartRate', v: 1, s: 3 }], 'bad-senml'],
  ['no value', [{ n: 'heartRate' }], 'bad-senml'],
  ['value that is no number', [{ n: 'heartRate', v: '60' }], 'bad-senml'],
  ['name that is no string', [{ n: 7, v: 60 }], 'bad-senml'],
  ['newer version', [{ bver: 11, n: 'heartRate', v: 60 }], 'bad-senml'],
  ['field that must be understood', [{ n: 'heartRate', v: 60, secret_: 1 }], 'bad-senml'],
  [
    'two values on one step',
    [
      { n: 'heartRate', v: 60 },
      { n: 'heartRate', t: 0.2, v: 61 },
    ],
    'bad-senml',
  ],
  ['base fields alone', [{ bn: 'x/', bt: 5 }], 'empty-frame'],
  [
    'too long',
    [
      { n: 'heartRate', v: 60 },
      { n: 'heartRate', t: 1e9, v: 61 },
    ],
    'frame-too-large',
  ],
  ['beyond time', [{ n: 'heartRate', v: 60, t: 1.7e308, bt: 1.7e308 }], 'frame-too-large'],
])('%s is refused', (_what, pack, reason) => {
  expect(rows(pack as Record<string, unknown>[])).toBe(reason);
});

test('fields that need not be understood are ignored', () => {
  expect(rows([{ n: 'heartRate', v: 60, ut: 10, colour: 'red' }])).toMatchObject({ values: [60, Number.NaN] });
});

const REASONS: ReadonlySet<string> = new Set(['bad-senml', 'empty-frame', 'frame-too-large']);

test('any JSON resolves or is refused with a reason; nothing throws', () => {
  const field = fc.constantFrom('bn', 'bt', 'bu', 'bv', 'bver', 'n', 'u', 'v', 't', 'vs', 'x_', '__proto__');
  const value = fc.oneof(fc.jsonValue(), fc.double(), fc.constantFrom('heartRate', 'a/heartRate', 'bpm', 'Cel'));
  fc.assert(
    fc.property(fc.array(fc.dictionary(field, value), { minLength: 1, maxLength: 10 }), (pack) => {
      const resolved = resolveSenml(pack, target);
      const fits = 'reason' in resolved ? REASONS.has(resolved.reason) : resolved.values.length % 2 === 0;
      expect(fits).toBe(true);
    }),
  );
});
