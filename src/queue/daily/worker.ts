/** One job of queue `daily`: bring an athlete's days and what they teach up to date, or judge a team's feedback. */
import { DAILY_HAZARD_METHOD } from '../../asms/daily-hazard.ts';
import { FEEDBACK_VERSION } from '../../asms/feedback/params.ts';
import type { DailyJob } from '../../contracts/jobs.ts';
import { computeDays } from './compute-days.ts';
import { judgeTeam } from './judge-team.ts';
import type { DailyStore } from './ports.ts';

/** What a stored day depends on beside its model: another method, and the last days are computed again. */
export const DAILY_METHODS = `${DAILY_HAZARD_METHOD} ${FEEDBACK_VERSION}`;

export interface DailyWorkerOptions {
  readonly store: DailyStore;
  readonly nowMs?: () => number;
}

export interface DailyCounters {
  athletes: number;
  teams: number;
}

/** The job is a hint: a late or repeated one computes the same again and changes nothing. */
export function createDailyWorker({ store, nowMs = Date.now }: DailyWorkerOptions) {
  const counters: DailyCounters = { athletes: 0, teams: 0 };
  const work = async ({ subject, id }: DailyJob): Promise<void> => {
    if (subject === 'team') {
      await store.judge(id, judgeTeam);
      counters.teams += 1;
    } else if (await store.compute(id, (day) => computeDays(day, nowMs()))) {
      counters.athletes += 1;
    }
  };
  return { work, counters: (): Readonly<DailyCounters> => counters };
}
