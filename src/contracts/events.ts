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

export const ALERT_EVENT_TYPES = [
  'alert.raised',
  'alert.cleared',
  'alert.acknowledged',
  'alert.snoozed',
  'alert.assigned',
  'alert.closed',
  'alert.outcome-corrected',
] as const;

export interface AlertChanged {
  readonly type: (typeof ALERT_EVENT_TYPES)[number];
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

/** A squad rose together: one alert stands for those beneath it. */
export interface CommonCauseRaised {
  readonly type: 'common-cause.raised';
  readonly commonCauseId: string;
  /** Of the team as a whole. */
  readonly athleteId: null;
  readonly teamId: string;
  readonly alertType: AlertType;
  readonly severity: AlertSeverity;
  readonly at: string;
}

/** A recipient is told: of an alert, or of a common cause. */
export interface NoticeSent {
  readonly type: 'notice.sent';
  readonly noticeId: string;
  readonly recipientId: string;
  readonly alertId: string | null;
  readonly commonCauseId: string | null;
  /** null: of a common cause. */
  readonly athleteId: string | null;
  readonly teamId: string;
  readonly alertType: AlertType;
  readonly severity: AlertSeverity;
  readonly at: string;
}

/** What is stored for webhooks, matched and replayed. */
export type StoredEvent = AlertChanged | RecommendationMade | CommonCauseRaised | NoticeSent;
export type LiveEvent = StateUpdated | StoredEvent;
/** pg_notify channel that carries LiveEvent JSON from the process that commits it to every api process. */
export const LIVE_CHANNEL = 'kinewatch_live';

export const WEBHOOK_EVENT_TYPES = [
  ...ALERT_EVENT_TYPES,
  'common-cause.raised',
  'notice.sent',
  'recommendation.created',
  'webhook.test',
] as const;
