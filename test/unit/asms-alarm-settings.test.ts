import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  mergeAlarmRules,
  paramsAt,
  usableAlarmRules,
  type AlarmSettings,
  type AlarmSettingsRefused,
  type SettingsVersion,
} from '../../src/asms/alarm-settings.ts';
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

const setting = (
  level: SettingsVersion['level'],
  version: number,
  fromUs: number,
  settings: SettingsVersion['settings'],
): SettingsVersion => ({
  level,
  version,
  fromUs,
  settings,
});

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
    const raisedUnder = (...alarmSettings: SettingsVersion[]) => stepAsms(null, windows, { ...facts, alarmSettings }, params).raise;
    expect(raisedUnder(setting('athlete', 1, 0, { risk: { high: 0.8 } }))).toEqual([]);
    expect(raisedUnder(setting('team', 1, 0, { risk: { enabled: false } }))).toEqual([]);
    // From the twentieth window on the threshold is what it was: the alert says which settings it was judged with.
    const reset = setting('team', 2, scoredWindow(20).endUs, {});
    expect(raisedUnder(setting('team', 1, 0, { risk: { high: 0.8 } }), reset)).toMatchObject([
      { windowIndex: expect.closeTo(scoredWindow(26).windowIndex, -1) as number, settingsVersion: 'team-2' },
    ]);
    expect(stepAsms(null, windows, facts, params).raise).toMatchObject([{ settingsVersion: 'default' }]);
  });

  it('are judged window by window: how windows are batched changes nothing', () => {
    const alarmSettings = [
      setting('team', 1, scoredWindow(12).endUs, { risk: { high: 0.8 } }),
      setting('athlete', 1, scoredWindow(31).endUs, { risk: { high: 0.7, k: 3 } }),
    ];
    const facts = { athleteId: TEST_ATHLETE, teamId: 't', openInjuries: [], therapies: [], openAlerts: [], alarmSettings };
    const windows = Array.from({ length: 60 }, (_, n) => scoredWindow(n, { state: n % 23 < 12 ? 0.75 : 0.1 }));
    const whole = stepAsms(null, windows, facts, params);
    const raised: unknown[] = [];
    let { state } = stepAsms(null, [], facts, params);
    for (const window of windows) {
      const step = stepAsms(state, [window], facts, params);
      raised.push(...step.raise);
      ({ state } = step);
    }
    expect(state).toEqual(whole.state);
    expect(raised).toEqual(whole.raise);
    expect(whole.raise.length).toBeGreaterThan(0);
  });

  it("that no longer fit the thresholds of a new model are left out, the athlete's before the team's, type by type", () => {
    const team = { risk: { low: 0.65 }, deviation: { redFactor: 2 } };
    const athlete = { risk: { low: 0.68 } };
    expect(usableAlarmRules(base, team, athlete)).toEqual({ rules: mergeAlarmRules(base, team, athlete), leftOut: [] });
    const newer = { ...base, risk: { ...base.risk, high: 0.66 } };
    const second = usableAlarmRules(newer, team, athlete);
    expect(second.rules).toEqual(mergeAlarmRules(newer, team, null));
    expect(second.leftOut.map(({ path }) => path)).toEqual(['risk.low']);
    const newest = { ...base, risk: { ...base.risk, high: 0.5 } };
    expect(usableAlarmRules(newest, team, athlete).rules).toEqual(mergeAlarmRules(newest, { deviation: team.deviation }, null));
    expect(usableAlarmRules(newest, { risk: team.risk }, null)).toMatchObject({ rules: newest, leftOut: [{ path: 'risk.low' }] });
  });

  it('are the newest version at the time, of each level', () => {
    const versions = [
      setting('team', 1, 10, { risk: { k: 2 } }),
      setting('team', 2, 20, { risk: { k: 3 } }),
      setting('athlete', 1, 30, {}),
    ];
    const at = (us: number) => [paramsAt(params, versions, us).settingsVersion, paramsAt(params, versions, us).alarms.risk.k];
    expect([9, 10, 19, 20, 30].map(at)).toEqual([
      ['default', 4],
      ['team-1', 2],
      ['team-1', 2],
      ['team-2', 3],
      ['team-2+athlete-1', 3],
    ]);
    expect(paramsAt(params, undefined, 5)).toBe(params);
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
