/** Queue jobs are hints: Postgres says what is to be done. */
export const QUEUE_ASMS = 'asms';
export const QUEUE_WEBHOOK = 'webhook';
export const QUEUE_METRICS = 'session-metrics';
export const QUEUE_EXPLAIN = 'explain';
export const QUEUE_PLAN = 'plan';
export const QUEUE_PLAN_ALTERNATIVES = 'plan-alternatives';

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
