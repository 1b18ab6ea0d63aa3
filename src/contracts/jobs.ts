/** Queue jobs are hints: Postgres says what is to be done. */
export const QUEUE_ASMS = 'asms';
export const QUEUE_WEBHOOK = 'webhook';
export const QUEUE_METRICS = 'session-metrics';
export const QUEUE_EXPLAIN = 'explain';
export const QUEUE_PLAN = 'plan';
export const QUEUE_PLAN_ALTERNATIVES = 'plan-alternatives';
export const QUEUE_DAILY = 'daily';

export interface AsmsJob {
  readonly athleteId: string;
}
export interface WebhookJob {
  readonly deliveryId: string;
}
export interface ExplainJob {
  readonly explanationId: string;
}
export interface MetricsJob {
  readonly sessionId: string;
}
export interface PlanJob {
  readonly athleteId: string;
}
export interface PlanAlternativesJob {
  readonly planId: string;
}
/** An athlete's days are to be computed, or a team's feedback judged. */
export interface DailyJob {
  readonly subject: 'athlete' | 'team';
  readonly id: string;
}
