/** What serving plans needs from the store. */
import type { Alternatives } from '../asms/plan/alternatives.ts';
import type { PlanSources } from '../asms/plan/assemble.ts';
import type { PlanText } from '../asms/plan/describe-plan.ts';
import type { PlanFacts } from '../asms/plan/facts.ts';
import type { PlanProblem } from '../asms/plan/problem.ts';
import type { Plan } from '../asms/plan/solve-plan.ts';

export type PlanTrigger = 'weekly' | 'alert' | 'stage' | 'staff';
export type PlanDecision = 'accepted' | 'changed' | 'declined';
export type PlanStatus = 'proposed' | PlanDecision | 'superseded';

/** What the newest try had seen of what makes the service plan again. */
export interface PlanSeen {
  readonly alerts: readonly string[];
  readonly stages: string;
}

export interface PlanRefusal {
  readonly code: string;
  /** Without medical detail. */
  readonly message: string;
}

export interface StoredPlan {
  readonly id: string;
  readonly athleteId: string;
  readonly teamId: string;
  readonly timeZone: string;
  readonly recommendationId: string;
  readonly problem: PlanProblem;
  readonly sources: PlanSources;
  readonly plan: Plan;
  readonly alternatives: Alternatives | null;
  readonly status: PlanStatus;
  readonly decidedAt: string | null;
  readonly decidedBy: string | null;
  readonly reason: string | null;
  /** What staff made of it. */
  readonly changed: Plan | null;
  readonly trigger: PlanTrigger;
  readonly createdAt: string;
}

export interface NewPlan {
  readonly facts: Pick<PlanFacts, 'athleteId' | 'teamId'>;
  readonly seen: PlanSeen;
  readonly problem: PlanProblem;
  readonly sources: PlanSources;
  readonly days: readonly string[];
  readonly plan: Plan;
  readonly text: PlanText;
  readonly trigger: PlanTrigger;
  readonly at: Date;
}

export interface DecidedPlan {
  readonly status: PlanDecision;
  readonly by: string;
  readonly at: Date;
  readonly reason: string | null;
  /** `changed` only. */
  readonly changed: Plan | null;
}

export interface PlanStore {
  /** Null: no such active athlete in the team. One snapshot. `team` null: every team. */
  facts(team: string | null, athleteId: string, at: Date): Promise<{ readonly facts: PlanFacts; readonly seen: PlanSeen } | null>;
  /** What makes a plan due now; null: nothing does. */
  dueFor(athleteId: string, at: Date): Promise<PlanTrigger | null>;
  /** Athletes a plan is due for, those without any first. */
  athletesToPlan(at: Date, limit: number): Promise<readonly string[]>;
  /**
   * The plan, its recommendation, the attempt and the event, in one transaction; what was proposed to the athlete before is superseded, rule-made
   * recommendations too. Returns the plan's id and the deliveries made.
   */
  save(plan: NewPlan): Promise<{ readonly planId: string; readonly deliveryIds: readonly string[] }>;
  /** Notes a try that gave no plan. */
  refuse(attempt: {
    readonly athleteId: string;
    readonly seen: PlanSeen;
    readonly trigger: PlanTrigger;
    readonly at: Date;
    readonly refusal: PlanRefusal;
  }): Promise<void>;
  /** Of a plan whose prices are not there: counts a try, and gives what they are made from; null: nothing to do. */
  takeForAlternatives(planId: string): Promise<StoredPlan | null>;
  plansWithoutAlternatives(limit: number): Promise<readonly string[]>;
  /** With the recommendation's new sentences. */
  saveAlternatives(planId: string, alternatives: Alternatives, text: PlanText): Promise<void>;
  get(team: string | null, athleteId: string, planId: string): Promise<StoredPlan | null>;
  /** Plan and recommendation together. False: it was decided or superseded before. */
  decide(planId: string, decision: DecidedPlan): Promise<boolean>;
}
