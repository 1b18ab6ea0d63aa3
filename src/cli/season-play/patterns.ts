/** Fixed places of sessions in the week, and moves of load that keep the week's sum: what random plans, the ratio rule and the oracle choose from. */
import type { OpenDay, WeekPlan } from '../../simulate/squad-season/advice.ts';
import { SESSIONS } from '../../simulate/squad-season/worlds.ts';

/** Weekdays on which each session has its place, so that its rest days and weekly maximum hold also from week to week. None before or on match day's legs. (chosen) */
export const SESSION_WEEKDAYS: Readonly<Record<string, readonly number[]>> = {
  'nordic-hamstring': [0, 3],
  'copenhagen-adductor': [0, 2, 4],
  'balance-training': [0, 1, 2, 4, 5],
};

export const slotsOf = (sessionId: string, days: readonly OpenDay[]): readonly number[] =>
  days.flatMap(({ weekday }, d) => ((SESSION_WEEKDAYS[sessionId] ?? []).includes(weekday) ? [d] : []));

/** Levels with `level` on the first `count` places of each named session. */
export function levelsFor(
  wanted: readonly { readonly id: string; readonly level: number; readonly count: number }[],
  days: readonly OpenDay[],
): WeekPlan['levels'] {
  return SESSIONS.map(({ id }) => {
    const want = wanted.find((one) => one.id === id);
    const slots = want === undefined ? [] : slotsOf(id, days).slice(0, want.count);
    return days.map((_, d) => (slots.includes(d) ? want!.level : 0));
  });
}

/** Days of training whose load may be moved, in order. */
export const movableDays = (days: readonly OpenDay[]): readonly number[] =>
  days.flatMap((day, d) => (day.maximumLoad - day.minimumLoad > 1e-6 ? [d] : []));

/**
 * Moves load from some days to others as far as ranges allow, at most `share` of each giving day's room; takes evenly by room, gives evenly by room. The sum stays.
 */
export function moveLoad(
  loads: readonly number[],
  days: readonly OpenDay[],
  from: readonly number[],
  to: readonly number[],
  share: number,
): readonly number[] {
  const giving = from.map((d) => share * Math.max(0, loads[d]! - days[d]!.minimumLoad));
  const taking = to.map((d) => Math.max(0, days[d]!.maximumLoad - loads[d]!));
  const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const moved = Math.min(total(giving), total(taking));
  if (!(moved > 1e-6)) return loads;
  const next = [...loads];
  from.forEach((d, i) => (next[d]! -= (moved * giving[i]!) / total(giving)));
  to.forEach((d, i) => (next[d]! += (moved * taking[i]!) / total(taking)));
  return next;
}
