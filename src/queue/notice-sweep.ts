/** Who is told of what: new alerts, and what was held back and is due now. Each team in one transaction of the store; the rules are in src/alert/rules. */
import { commonCauses, continues, COMMON_CAUSE_RULE } from '../alert/rules/common-cause.ts';
import { planNotices } from '../alert/rules/notices.ts';
import { offsetMinutesIn } from '../asms/team-days.ts';
import type { NoticeRules, NoticeStore } from './ports.ts';

export interface NoticeSweepOptions {
  readonly store: NoticeStore;
  readonly nowMs?: () => number;
  readonly onDeliveries: (deliveryIds: readonly string[]) => void;
}

export interface NoticeCounters {
  /** Times a team was looked at. */
  teams: number;
  sent: number;
  commonCauses: number;
}

/** BOUNDED (chosen): teams a sweep; the next one takes the next. */
const TEAMS = 200;

const RULES: NoticeRules = {
  withinS: COMMON_CAUSE_RULE.withinS,
  commonCauses: (raises, activeAthletes, open, nowUs) =>
    commonCauses(raises, activeAthletes, nowUs).map((found) => ({
      ...found,
      continues: open.find((one) => continues(one, found))?.commonCauseId ?? null,
    })),
  plan: ({ dailyBudget, quietHours, timeZone }, candidates, sent, nowUs) =>
    planNotices(candidates, sent, { dailyBudget, quietHours, offsetMinutesAt: offsetMinutesIn(timeZone) }, nowUs),
};

/** One round: every team with an alert nobody decided on yet, or with something held back that is due or over. */
export function createNoticeSweep({ store, nowMs = Date.now, onDeliveries }: NoticeSweepOptions) {
  const counters: NoticeCounters = { teams: 0, sent: 0, commonCauses: 0 };
  const sweep = async (): Promise<void> => {
    const nowUs = nowMs() * 1_000;
    for (const teamId of await store.teamsDue(nowUs, TEAMS)) {
      const settled = await store.settle(teamId, nowUs, RULES);
      counters.teams += 1;
      counters.sent += settled.sent;
      counters.commonCauses += settled.commonCauses;
      if (settled.deliveryIds.length > 0) onDeliveries(settled.deliveryIds);
    }
  };
  return { sweep, counters: (): Readonly<NoticeCounters> => counters };
}
