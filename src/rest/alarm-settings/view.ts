/** What is in force for a team or an athlete, value by value, with where each comes from. Pure. */
import type { AlarmRules } from '../../asms/alarm-rules.ts';
import { usableAlarmRules, type StoredSettings } from '../../asms/alarm-settings.ts';
import type { CurrentAlarmSettings } from '../ports.ts';
import type { AlarmSettingsView } from './schemas.ts';

type Origin = 'default' | 'team' | 'athlete';
type Effective = AlarmSettingsView['effective'];

const has = (settings: StoredSettings | null, type: string, field: string, value: unknown): boolean =>
  Object.hasOwn(settings?.[type] ?? {}, field) && settings?.[type]?.[field] === value;

/** The view of what is stored, over the defaults of the active model. */
export function viewAlarmSettings({ teamId, athleteId, team, athlete }: CurrentAlarmSettings, base: AlarmRules): AlarmSettingsView {
  const [ofTeam, ofAthlete] = [team?.settings ?? null, athlete?.settings ?? null];
  const { rules, leftOut } = usableAlarmRules(base, ofTeam, ofAthlete);
  const originOf = (type: string, field: string, value: unknown): Origin =>
    has(ofAthlete, type, field, value) ? 'athlete' : has(ofTeam, type, field, value) ? 'team' : 'default';
  const effective = Object.fromEntries(
    Object.entries(rules).map(([type, rule]) => [
      type,
      Object.fromEntries(
        Object.entries(rule as Record<string, number | boolean | string>).map(([field, value]) => [
          field,
          { value, from: originOf(type, field, value) },
        ]),
      ),
    ]),
  ) as Effective;
  const inForce = [...(team === null ? [] : [`team-${team.version}`]), ...(athlete === null ? [] : [`athlete-${athlete.version}`])];
  const own = athleteId === null ? team : athlete;
  return {
    teamId,
    athleteId,
    version: own?.version ?? 0,
    teamVersion: team?.version ?? 0,
    settings: (own?.settings ?? {}) as AlarmSettingsView['settings'],
    settingsVersion: inForce.length === 0 ? 'default' : inForce.join('+'),
    effective,
    leftOut: [...leftOut],
  };
}
