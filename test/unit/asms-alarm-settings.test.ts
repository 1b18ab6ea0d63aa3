import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeAlarmRules, withAlarmSettings, type AlarmSettings, type AlarmSettingsRefused } from '../../src/asms/alarm-settings.ts';
import { countLevel, QUIET, type AlarmState, type Level } from '../../src/asms/alarm.ts';
import { asmsParams } from '../../src/asms/params.ts';
import { stepAsms } from '../../src/asms/step.ts';
import { scoredWindow, TEST_ATHLETE } from '../support/scored-windows.ts';

const params = asmsParams({ bio: [], thresholds: { high: 0.7, low: 0.4, k: 4, n: 6, source: 'test' } });
const { alarms: base } = params;
const faultsOf = (team: unknown, athlete: unknown = null): readonly string[] => {
  try {
    mergeAlarmRules(base, team as AlarmSettings, athlete as AlarmSettings);
    return [];
  } catch (error) {
    return (error as AlarmSettingsRefused).faults.map(({ path }) => path);
  }
};

describe('thresholds', () => {
  it("are the default's, then the team's, then the athlete's", () => {
    expect(mergeAlarmRules(base, null, null)).toEqual(base);
    const merged = mergeAlarmRules(base, { risk: { high: 0.8, k: 3 } }, { risk: { high: 0.9 }, asymmetry: { enabled: false } });
    expect(merged.risk).toMatchObject({ high: 0.9, low: 0.4, k: 3, n: 6, source: 'set for this athlete' });
    expect(merged.asymmetry).toEqual({ ...base.asymmetry, enabled: false });
    expect(merged.deviation).toEqual(base.deviation);
    expect(mergeAlarmRules(base, { risk: { k: 3 } }, null).risk.source).toBe('test');
  });

  it('that cannot be are refused with every fault and its place', () => {
    expect(
      faultsOf(
        { risk: { high: 2, hihg: 1, source: 'x', k: 1.5 }, mood: {}, deviation: { enabled: 'yes' } },
        { asymmetry: { highSd: Number.NaN } },
      ),
    ).toEqual([
      'team.risk.high',
      'team.risk.hihg',
      'team.risk.source',
      'team.risk.k',
      'team.mood',
      'team.deviation.enabled',
      'athlete.asymmetry.highSd',
    ]);
    expect(faultsOf({ risk: { high: 0.3 } })).toEqual(['risk.low']);
    expect(faultsOf({ risk: { k: 7 } })).toEqual(['risk.k']);
    expect(faultsOf({ 'recovery-regression': { fall: 0.05 } })).toEqual(['recovery-regression.clearFall']);
    expect(faultsOf({ constructor: { high: 1 } })).toEqual(['team.constructor']);
    expect(base.risk.high).toBe(0.7);
  });

  it('decide when an alert is raised', () => {
    const facts = { athleteId: TEST_ATHLETE, teamId: 't', openInjuries: [], therapies: [], openAlerts: [] };
    const windows = Array.from({ length: 30 }, (_, n) => scoredWindow(n, { state: 0.75 }));
    expect(stepAsms(null, windows, facts, params).raise).toHaveLength(1);
    expect(stepAsms(null, windows, facts, withAlarmSettings(params, null, { risk: { high: 0.8 } })).raise).toEqual([]);
    expect(stepAsms(null, windows, facts, withAlarmSettings(params, { risk: { enabled: false } }, null)).raise).toEqual([]);
  });
});

describe('k of n with hysteresis', () => {
  const rule = fc.integer({ min: 1, max: 8 }).chain((n) => fc.integer({ min: 1, max: n }).map((k) => ({ enabled: true, k, n })));
  const levels = fc.array(fc.constantFrom<Level>('low', 'between', 'high'), { maxLength: 100 });

  it('changes only on k of n of the wanted level since the last change, and never on what lies between', () => {
    fc.assert(
      fc.property(rule, levels, (one, list) => {
        let alarm: AlarmState = QUIET;
        let since: Level[] = [];
        for (const level of list) {
          const { open } = alarm;
          since = [...since, level].slice(-one.n);
          const enough = since.filter((each) => each === (open ? 'low' : 'high')).length >= one.k;
          const step = countLevel(alarm, level, one);
          expect(step.change).toBe(enough ? (open ? 'clear' : 'raise') : null);
          if (enough) since = [];
          ({ alarm } = step);
        }
      }),
    );
  });

  it('switched off clears what is open and raises nothing', () => {
    const off = { enabled: false, k: 1, n: 1 };
    expect(countLevel({ ...QUIET, open: true }, 'high', off)).toMatchObject({ alarm: { open: false }, change: 'clear' });
    expect(countLevel(QUIET, 'high', off)).toMatchObject({ change: null });
  });
});
