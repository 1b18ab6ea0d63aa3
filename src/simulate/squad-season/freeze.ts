/**
 * What is frozen before a season is played: versions, constants and worlds, and a probe, a few days of two athletes in every world under a fixed plan. Data
 * shows in the text itself, an equation that changes shows in the probe. Whoever stores results stores the hash of this text beside them.
 */
import type { Intervention } from '../../asms/plan/problem.ts';
import { LANDMARK, DAMAGE, HAZARD, HRV, MEASUREMENT, REGIONS, SCHEDULE, SEASON_VERSION, SPELL } from '../season/constants.ts';
import { coachPlan, type Adviser } from './advice.ts';
import { playSquad } from './play.ts';
import { RATES, SESSIONS, SQUAD, SQUAD_REGIONS, SQUAD_SEASON_VERSION, WORLDS } from './worlds.ts';

/** Seeds and size of the probe. Sixty days hold some injuries, a recovery, and every lag. */
const PROBE = { seeds: [9001, 9002], athletes: 4, days: 60 } as const;

/** Every session once a week on the first day, and a tenth of the first load moved to the second. */
const PROBE_ADVISER: Adviser = {
  sees: 'records',
  advise: ({ days }) => {
    const plan = coachPlan({ days });
    const moved = days.length < 2 ? 0 : 0.1 * Math.min(days[0]!.load, days[1]!.load);
    return {
      loads: plan.loads.map((load, d) => (d === 0 ? load - moved : d === 1 ? load + moved : load)),
      levels: SESSIONS.map(() => days.map((_, d) => (d === 0 ? 1 : 0))),
    };
  },
};

/** Of a session, what the simulator reads; names and evidence may be put better without another hash. */
const whatActs = ({ id, doseLevels, costPerLevel, maximumDaysAWeek, restDaysAfter, riskEffects, effectKept, soreness }: Intervention) => ({
  id,
  doseLevels,
  costPerLevel,
  maximumDaysAWeek,
  restDaysAfter,
  riskEffects,
  effectKept,
  soreness,
});

/** Nine digits: the same on every machine that has the same arithmetic, short of the last bits. */
const digits = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(9)) : value;

export function frozenText(): string {
  const probe = WORLDS.map((world) =>
    PROBE.seeds.map((seed) => {
      const settings = { athletes: PROBE.athletes, days: PROBE.days, replan: 'weekly' } as const;
      const quiet = { probability: null, isFlagged: false, isRaised: false };
      const { injuries, days } = playSquad(world, seed, settings, PROBE_ADVISER, () => quiet);
      return { injuries, loads: days.map(({ loadAu }) => loadAu) };
    }),
  );
  const frozen = {
    versions: [SEASON_VERSION, SQUAD_SEASON_VERSION],
    season: { LANDMARK, DAMAGE, HAZARD, HRV, MEASUREMENT, REGIONS, SCHEDULE, SPELL },
    squad: { RATES, sessions: SESSIONS.map(whatActs), SQUAD, SQUAD_REGIONS, WORLDS },
    probe,
  };
  return JSON.stringify(frozen, digits);
}
