/** Plays a squad's season under one arm in one world: a function of (world, seed, arm) alone. docs/season-play.md has the rules. */
import { createRandom } from '../random.ts';
import { drawSeasonAthlete, type SeasonAthlete } from '../season/athlete.ts';
import { HRV, MEASUREMENT, SCHEDULE, SPELL, DAMAGE } from '../season/constants.ts';
import { exposureOf, hrvFall, severityOf } from '../season/dynamics.ts';
import { relativeFatigue } from '../../asms/load.ts';
import { returnShare } from '../season/predict.ts';
import { BURN_IN_DAYS } from '../season/season.ts';
import {
  changeCost,
  checkPlan,
  costOf,
  sessionCost,
  type Adviser,
  type Ask,
  type Monitor,
  type OpenDay,
  type Records,
  type Watch,
  type WeekPlan,
} from './advice.ts';
import { chanceOf, coachLoad, healed, nextBody, openSpell, spellShare, startBody, type Body, type Spell } from './body.ts';
import { athleteSeed, drawDay } from './draws.ts';
import { exposureIn, regionRates } from './rates.ts';
import { trueAdherence, trueSessions, type TrueSession } from './truth.ts';
import { SESSIONS, SQUAD, type World } from './worlds.ts';

export interface SquadSettings {
  readonly athletes: number;
  readonly days: number;
  /** Plans are made on the evening of each monitored session; with `trigger` also when an alarm is raised or an athlete is cleared. */
  readonly replan: 'weekly' | 'trigger';
}

export interface SquadInjury {
  readonly athlete: number;
  readonly onsetDay: number;
  readonly reportDay: number;
  /** First day back in the risk set; null where the season ends before. */
  readonly clearanceDay: number | null;
}

export interface AthleteDay {
  readonly athlete: number;
  readonly day: number;
  readonly watch: Watch;
  /** Share of the coach's load for a healthy athlete; null on a day off. */
  readonly loadAu: number;
  readonly coachAu: number;
  /** In the risk set: no open injury at the end of the day. */
  readonly isAtRisk: boolean;
  /** A plan of the arm covered the day. */
  readonly isPlanned: boolean;
  /** Chance of a new injury on the day, by which chance decided; 0 while injured. Summed over a season it has the mean of the injuries without their chance. */
  readonly onsetProbability: number;
}

/** What arms must have in common, summed over all plan weeks of athletes that were never interrupted. */
export interface Prescribed {
  readonly plans: number;
  readonly coachAu: number;
  readonly prescribedAu: number;
  /** Quarter hours: chosen sessions and load changes, and the general sessions that fill the allowance. */
  readonly chosen: number;
  readonly general: number;
}

export interface SquadSeason {
  readonly injuries: readonly SquadInjury[];
  readonly days: readonly AthleteDay[];
  readonly prescribed: Prescribed;
}

interface ActivePlan {
  readonly days: readonly OpenDay[];
  readonly plan: WeekPlan;
}

interface Player {
  readonly number: number;
  readonly athlete: SeasonAthlete;
  readonly adherence: number;
  readonly healthyOffset: number;
  body: Body;
  week: number;
  spell: Spell | null;
  pastInjuries: number;
  clearedDay: number | null;
  active: ActivePlan | null;
  /** Quarter hours used since the last plan day: sessions of days that are over, and every change of load. */
  used: number;
  readonly dailyLoadAu: number[];
  readonly mornings: (number | null)[];
  readonly movement: number[];
  readonly doneLevels: (readonly number[])[];
}

const NO_LEVELS: readonly number[] = SESSIONS.map(() => 0);
const weekdayOf = (day: number): number => ((day % 7) + 7) % 7;
const isPlanDay = (day: number): boolean => weekdayOf(day) === SQUAD.monitoredWeekday;

function newPlayer(seed: number, number: number): Player {
  const athlete = drawSeasonAthlete(athleteSeed(seed, number));
  const start = createRandom(athleteSeed(seed, number), 1405);
  return {
    number,
    athlete,
    adherence: trueAdherence(seed, number),
    healthyOffset: athlete.measuredHealthy,
    body: startBody(athlete, start.normal()),
    week: SCHEDULE.weekLogSd * start.normal(),
    spell: null,
    pastInjuries: athlete.pastInjuries,
    clearedDay: null,
    active: null,
    used: 0,
    dailyLoadAu: [],
    mornings: [],
    movement: [],
    doneLevels: [],
  };
}

const sinceClearance = ({ clearedDay }: Player, day: number): number | null => (clearedDay === null ? null : day - clearedDay);
const isReported = ({ spell }: Player, day: number): boolean => spell !== null && day >= spell.reportDay;

const recordsOf = (player: Player, day: number): Records => ({
  age: player.athlete.age,
  trainingDayAu: player.athlete.trainingDayAu,
  // What is not reported yet is in no record.
  pastInjuries: player.pastInjuries - (player.spell !== null && !isReported(player, day) ? 1 : 0),
  daysSinceClearance: sinceClearance(player, day),
  dailyLoadAu: player.dailyLoadAu,
  mornings: player.mornings,
  movement: player.movement,
  doneLevels: player.doneLevels,
  isReportedInjured: isReported(player, day),
});

/** Days from `from` to the next plan day, as far as the season goes. */
function openDays(player: Player, from: number, seasonDays: number): readonly OpenDay[] {
  const days: OpenDay[] = [];
  for (let day = from; day < seasonDays; day += 1) {
    const weekday = weekdayOf(day);
    const coachAu = coachLoad(player.athlete, weekday, returnShare(sinceClearance(player, day)));
    const room = weekday === SCHEDULE.matchDay ? 0 : SQUAD.loadRoom;
    const load = prescribedOn(player, day)?.loadAu ?? coachAu;
    days.push({
      day,
      weekday,
      load,
      minimumLoad: coachAu * (1 - room),
      maximumLoad: coachAu * (1 + room),
      exposure: exposureOf(coachAu / player.athlete.trainingDayAu, weekday),
    });
    if (isPlanDay(day)) break;
  }
  return days;
}

/** What the arm prescribes for a day, null without a plan. */
function prescribedOn(
  player: Player,
  day: number,
): { readonly loadAu: number; readonly levels: readonly number[]; readonly cost: number } | null {
  if (player.active === null) return null;
  const { days, plan } = player.active;
  const d = days.findIndex((one) => one.day === day);
  if (d < 0) return null;
  return { loadAu: plan.loads[d]!, levels: plan.levels.map((levels) => levels[d]!), cost: sessionCost(plan, d) };
}

/** Clearance of the morning: staff clear once R is there and the injury is known. */
function clearIfHealed(player: Player, day: number, uniform: number, injuries: SquadInjury[]): boolean {
  const { spell } = player;
  if (spell === null || spell.r < SPELL.clearanceR || day <= spell.reportDay) return false;
  injuries.push(injuryOf(player.number, spell, day));
  const [least, most] = DAMAGE.leftAtClearance;
  player.body = { ...player.body, damage: least + (most - least) * uniform };
  player.clearedDay = day;
  player.spell = null;
  return true;
}

const injuryOf = (athlete: number, { onsetDay, reportDay }: Spell, clearanceDay: number | null): SquadInjury => ({
  athlete,
  onsetDay,
  reportDay,
  clearanceDay,
});

/** One day of one athlete. The draws are the same in every arm; what differs is what was prescribed. */
function playDay(player: Player, day: number, world: World, sessions: readonly TrueSession[], seed: number, injuries: SquadInjury[]) {
  const { athlete } = player;
  const weekday = weekdayOf(day);
  const draws = drawDay(seed, player.number, day);
  if (weekday === 0)
    player.week = SCHEDULE.weekMemory * player.week + SCHEDULE.weekLogSd * Math.sqrt(1 - SCHEDULE.weekMemory ** 2) * draws.weekNormal;
  const isCleared = clearIfHealed(player, day, draws.clearanceUniform, injuries);
  const { body } = player;
  const fall = hrvFall(relativeFatigue(body.load), body.strain);
  player.mornings.push(draws.hrvUniform < HRV.valid ? athlete.hrvLevel - fall + HRV.noiseSd * draws.hrvNormal : null);

  const since = sinceClearance(player, day);
  const share = player.spell === null ? returnShare(since) : spellShare(player.spell, day);
  const coachAu = coachLoad(athlete, weekday, share);
  const prescribed = player.spell === null || !isReported(player, day) ? prescribedOn(player, day) : null;
  // An athlete who hides an injury does less of whatever was planned.
  const hidden = player.spell === null ? 1 : share;
  const follows = draws.followsUniform < player.adherence;
  const askedAu = prescribed !== null && follows ? prescribed.loadAu * hidden : coachAu;
  const isDone = draws.doneUniform < SCHEDULE.adherence;
  const loadAu = isDone ? askedAu * Math.exp(player.week + SCHEDULE.dayLogSd * draws.loadNormal) : 0;
  const levels =
    prescribed === null || player.spell !== null
      ? NO_LEVELS
      : prescribed.levels.map((level, m) => (draws.sessionUniforms[m]! < player.adherence ? level : 0));
  player.used += prescribed?.cost ?? 0;

  const exposure = exposureIn(world, { loadAu, plannedAu: coachAu }, athlete, weekday);
  let onsetProbability = 0;
  if (day >= 0 && player.spell === null) {
    const known = { pastInjuries: player.pastInjuries, age: athlete.age, daysSinceClearance: since };
    const rates = regionRates(world, athlete.frailty, known, body, sessions);
    onsetProbability = -Math.expm1(-exposure * rates.reduce((a, b) => a + b, 0));
    if (draws.onsetUniform < onsetProbability) {
      player.spell = openSpell(day, rates, draws);
      player.pastInjuries += 1;
    }
  }
  if (player.spell !== null && day > player.spell.onsetDay) player.spell = healed(player.spell);
  const doses = levels.map((level, m) => level / SESSIONS[m]!.doseLevels);
  player.body = nextBody(body, athlete, sessions, { loadAu, plannedAu: coachAu, exposure, doses }, chanceOf(draws, exposure));
  player.dailyLoadAu.push(loadAu);
  player.doneLevels.push(levels);
  if (weekday === SQUAD.monitoredWeekday && !isReported(player, day))
    player.movement.push(
      athlete.measuredGain * severityOf(player.body.damage) + player.healthyOffset + MEASUREMENT.noiseSd * draws.measuredNormal,
    );
  if (isReported(player, day)) player.active = null;
  return { loadAu, coachAu: coachLoad(athlete, weekday, 1), isCleared, isPlanned: prescribed !== null, onsetProbability };
}

/**
 * Plays the season after a run-in without injuries and advice, from which loads, mornings and sessions are on record.
 * @throws RangeError where a plan leaves the limits that make arms equal, or where settings are no positive integers
 */
export function playSquad(world: World, seed: number, settings: SquadSettings, adviser: Adviser, monitor: Monitor): SquadSeason {
  for (const count of [settings.athletes, settings.days])
    if (!Number.isInteger(count) || count < 1) throw new RangeError(`a squad of ${settings.athletes} over ${settings.days} days`);
  const sessions = trueSessions(world, seed);
  const players = Array.from({ length: settings.athletes }, (_, number) => newPlayer(seed, number));
  const injuries: SquadInjury[] = [];
  const days: AthleteDay[] = [];
  const prescribed = { plans: 0, coachAu: 0, prescribedAu: 0, chosen: 0, general: 0 };

  const planFor = (player: Player, day: number, watch: Watch): void => {
    const isNewWeek = isPlanDay(day);
    if (isNewWeek || player.active === null) player.used = 0;
    const open = openDays(player, day + 1, settings.days);
    if (open.length === 0) return;
    const ask: Ask = {
      days: open,
      allowance: SQUAD.allowance - player.used,
      records: recordsOf(player, day),
      watch,
      random: createRandom(athleteSeed(seed, player.number), 1406, day),
    };
    const plan =
      adviser.sees === 'records'
        ? adviser.advise(ask)
        : adviser.advise(ask, {
            world,
            athlete: player.athlete,
            sessions,
            adherence: player.adherence,
            body: player.body,
            pastInjuries: player.pastInjuries,
            daysSinceClearance: sinceClearance(player, day),
          });
    checkPlan(plan, ask);
    player.active = { days: open, plan };
    player.used += changeCost(plan, open);
    if (!isNewWeek) return;
    const chosen = costOf(plan, open);
    prescribed.plans += 1;
    prescribed.coachAu += open.reduce((sum, one) => sum + one.load, 0);
    prescribed.prescribedAu += plan.loads.reduce((a, b) => a + b, 0);
    prescribed.chosen += chosen;
    prescribed.general += SQUAD.allowance - chosen;
  };

  for (let day = -BURN_IN_DAYS; day < settings.days; day += 1) {
    for (const player of players) {
      const done = playDay(player, day, world, sessions, seed, injuries);
      if (day < 0) continue;
      const watch = monitor(player.number, day, recordsOf(player, day));
      days.push({
        athlete: player.number,
        day,
        watch,
        loadAu: done.loadAu,
        coachAu: done.coachAu,
        isAtRisk: player.spell === null,
        isPlanned: done.isPlanned,
        onsetProbability: done.onsetProbability,
      });
      const isTriggered = settings.replan === 'trigger' && (watch.isRaised || done.isCleared);
      if ((isPlanDay(day) || isTriggered) && !isReported(player, day)) planFor(player, day, watch);
    }
  }
  for (const { number, spell } of players) if (spell !== null) injuries.push(injuryOf(number, spell, null));
  return { injuries, days, prescribed };
}
