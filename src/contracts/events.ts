/** What the live stream and webhooks carry. No personal data beyond ids. */

export const ALERT_TYPES = [
  'risk',
  'deviation',
  'asymmetry',
  'recovery-regression',
  'load-above-ceiling',
  'data-stopped',
  'device-clock-fault',
  'sides-swapped',
] as const;
export type AlertType = (typeof ALERT_TYPES)[number];
/** red is critical: it passes quiet hours and budgets. */
export type AlertSeverity = 'amber' | 'red';

export interface StateUpdated {
  readonly type: 'athlete.state';
  readonly athleteId: string;
  readonly teamId: string;
  readonly windowIndex: number;
  readonly endUs: number;
  readonly state: number | null;
  readonly roughness: number | null;
  readonly drift: number | null;
  readonly recovery: number;
}

export interface AlertChanged {
  readonly type: 'alert.raised' | 'alert.cleared' | 'alert.acknowledged';
  readonly alertId: string;
  readonly athleteId: string;
  readonly teamId: string;
  readonly alertType: AlertType;
  readonly severity: AlertSeverity;
  readonly at: string;
}

export interface RecommendationMade {
  readonly type: 'recommendation.created';
  readonly recommendationId: string;
  readonly athleteId: string;
  readonly teamId: string;
  readonly at: string;
}

export type LiveEvent = StateUpdated | AlertChanged | RecommendationMade;
/** pg_notify channel that carries LiveEvent JSON from the process that commits it to every api process. */
export const LIVE_CHANNEL = 'kinewatch_live';

export const WEBHOOK_EVENT_TYPES = ['alert.raised', 'alert.cleared', 'recommendation.created', 'webhook.test'] as const;
