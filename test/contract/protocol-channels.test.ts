/** The section "Channels" of docs/protocol.md against the model's channels, the names on the wire and the units that can be converted. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mapChannels, SCALAR_CHANNELS } from '../../src/align/channel-map.ts';
import { unitConversion } from '../../src/align/units.ts';
import type { ModelContract } from '../../src/contracts/model.ts';
import type { StreamDeclaration } from '../../src/contracts/protocol.ts';
import { createUnusedDescriber } from '../../src/gateway/unused-channels.ts';
import { imu } from '../integration/gateway-fixture.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const contract = JSON.parse(read('models/binn.json')) as ModelContract;
const section = /^## Channels\n([^]*?)^## /m.exec(read('docs/protocol.md'))?.[1] ?? '';
const codesOf = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

const rows = section
  .split(/^### /m)
  .slice(1)
  .flatMap((part) => {
    const [kind = ''] = codesOf(part);
    return [...part.matchAll(/^\| (`.*|any .*)\|$/gm)].map(([, row = '']) => {
      const [placements = '', channels = '', used = '', accepted = ''] = row.split('|');
      const codes = codesOf(placements);
      const known = { placements: codes.length > 0 ? codes : ['chest'], channels: codesOf(channels), unit: codesOf(used)[0] ?? '' };
      return { kind: kind as StreamDeclaration['kind'], ...known, accepted: codesOf(accepted) };
    });
  });
const documented = rows.flatMap((row) => row.placements.flatMap((placement) => row.channels.map((name) => ({ ...row, placement, name }))));
const describeUnused = createUnusedDescriber(contract);
const declare = (kind: StreamDeclaration['kind'], placement: string, name: string, unit: string, rateHz = 100): StreamDeclaration =>
  imu(0, 'd', { kind, placement, channels: [{ name, unit }], rateHz });

describe('the tables of channels', () => {
  test.each(contract.bio.map((bio) => [bio.kind, bio.placement, bio.channel, bio.unit]))('%s %s %s in %s stands there', (...wanted) => {
    expect(documented.map(({ kind, placement, name, unit }) => [kind, placement, name, unit])).toContainEqual(wanted);
  });
  test.each(Object.entries(SCALAR_CHANNELS))('%s in %s stands there', (name, unit) => {
    const found = documented.find((row) => row.name === name);
    expect(found).toMatchObject({ unit });
    expect(['wearable', 'position']).toContain(found?.kind);
  });
  test('each row is read in every unit it accepts, and nothing but a row is there', () => {
    expect(documented.length).toBeGreaterThanOrEqual(contract.bio.length + Object.keys(SCALAR_CHANNELS).length);
    for (const { kind, placement, name, unit, accepted } of documented) {
      expect(accepted).toContain(unit === 'BW' ? 'N' : unit);
      for (const given of accepted) {
        expect(unitConversion(given, unit, 70), `${given} to ${unit}`).not.toBeNull();
        expect(describeUnused(declare(kind, placement, name, given)), `${kind} ${placement} ${name} in ${given}`).toEqual([]);
      }
    }
  });
  test('the least rate is the one of the text', () => {
    expect(section).toContain('a `rateHz` of at least 20');
    const unmapped = (rateHz: number): number => mapChannels(declare('imu', 'trunk', 'ax', 'm/s2', rateHz), contract, null).unmapped.length;
    expect([unmapped(20), unmapped(19.99)]).toEqual([0, 1]);
  });
});

describe('warnings', () => {
  test.each([
    ['an unknown name', declare('wearable', 'chest', 'heartrate', 'bpm'), 'no such channel of wearable at chest: heartrate'],
    ['a name of every object', declare('wearable', 'chest', 'constructor', 'bpm'), 'no such channel of wearable at chest: constructor'],
    ['an unknown placement', declare('imu', 'left-foot', 'ax', 'g'), 'no such channel of imu at left-foot: ax'],
    ['a scalar on a kind that has none', declare('imu', 'trunk', 'heartRate', 'bpm'), 'no such channel of imu at trunk: heartRate'],
    ['a unit of another kind', declare('imu', 'trunk', 'ax', 'rad/s'), 'unit cannot be converted: ax in rad/s (wanted: m/s2)'],
    ['an unknown unit', declare('wearable', 'chest', 'spo2', 'percent'), 'unit cannot be converted: spo2 in percent (wanted: %)'],
    ['body weights of a single plate', declare('force-plate', 'single', 'fv', 'BW'), 'unit cannot be converted: fv in BW (wanted: N)'],
    ['a low rate', declare('imu', 'trunk', 'ax', 'g', 10), '10 Hz is too low: ax'],
  ])('%s', (_name, declaration, text) => {
    const warnings = describeUnused(declaration);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(text);
  });
  test('one sentence a reason, whatever the number of channels', () => {
    const channels = ['a', 'b', 'c']
      .map((name) => ({ name, unit: 'V' }))
      .concat({ name: 'heartRate', unit: 'm' }, { name: 'spo2', unit: '%' });
    expect(describeUnused(imu(0, 'd', { kind: 'wearable', placement: 'chest', channels }))).toEqual([
      'stored but read by nothing, no such channel of wearable at chest: a, b, c',
      'stored but read by nothing, unit cannot be converted: heartRate in m (wanted: 1/min)',
    ]);
  });
});
