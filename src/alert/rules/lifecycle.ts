/**
 * An alert as a value: active or cleared by the rule, acknowledged or not by people (four states), snoozed, assigned, closed with an outcome.
 * (alert, change) -> alert, with every change in its history.
 */
import { KinewatchError } from '../../contracts/errors.ts';
import type { AlertSeverity, AlertType } from '../../contracts/events.ts';

/** What came of it: closing with one of these feeds feedback. */
export const ALERT_OUTCOMES = ['injury-confirmed', 'load-changed', 'checked-no-finding', 'sensor-fault', 'new-normal', 'other'] as const;
export type AlertOutcome = (typeof ALERT_OUTCOMES)[number];

const ABOUT_SENSORS: readonly AlertOutcome[] = ['checked-no-finding', 'sensor-fault', 'other'];
const ABOUT_STATUS: readonly AlertOutcome[] = ALERT_OUTCOMES.filter((outcome) => outcome !== 'new-normal');
/** What can come of an alert of a type: broken sensors confirm no injury, and only of movement is there a new normal. */
export const OUTCOMES_OF_TYPE: Readonly<Record<AlertType, readonly AlertOutcome[]>> = {
  risk: ALERT_OUTCOMES,
  deviation: ALERT_OUTCOMES,
  asymmetry: ALERT_OUTCOMES,
  'recovery-regression': ABOUT_STATUS,
  'load-above-ceiling': ABOUT_STATUS,
  'data-stopped': ABOUT_SENSORS,
  'device-clock-fault': ABOUT_SENSORS,
  'sides-swapped': ABOUT_SENSORS,
};

interface Concluded {
  readonly by: string;
  readonly outcome: AlertOutcome;
  readonly note: string;
  /** Which injury was confirmed; null: none is named. */
  readonly injuryId: string | null;
}

export type AlertChange =
  | { readonly change: 'cleared' }
  | { readonly change: 'acknowledged'; readonly by: string; readonly note?: string }
  | { readonly change: 'snoozed'; readonly by: string; readonly untilUs: number; readonly note?: string }
  | { readonly change: 'assigned'; readonly by: string; readonly to: string; readonly note?: string }
  | ({ readonly change: 'closed' } & Concluded)
  | ({ readonly change: 'outcome-corrected' } & Concluded);

export type AlertHistory = { readonly atUs: number } & (AlertChange | { readonly change: 'raised' });

export interface AlertValue {
  readonly alertId: string;
  readonly athleteId: string;
  readonly type: AlertType;
  readonly severity: AlertSeverity;
  readonly raisedUs: number;
  readonly clearedUs: number | null;
  readonly acknowledgedBy: string | null;
  readonly assignedTo: string | null;
  readonly snoozedUntilUs: number | null;
  readonly outcome: AlertOutcome | null;
  readonly injuryId: string | null;
  readonly history: readonly AlertHistory[];
}

export type FourState = 'active-unacknowledged' | 'active-acknowledged' | 'cleared-unacknowledged' | 'cleared-acknowledged';

export const newAlert = (raised: Pick<AlertValue, 'alertId' | 'athleteId' | 'type' | 'severity' | 'raisedUs'>): AlertValue => ({
  ...raised,
  clearedUs: null,
  acknowledgedBy: null,
  assignedTo: null,
  snoozedUntilUs: null,
  outcome: null,
  injuryId: null,
  history: [{ atUs: raised.raisedUs, change: 'raised' }],
});

export const fourStateOf = ({ clearedUs, acknowledgedBy }: AlertValue): FourState =>
  `${clearedUs === null ? 'active' : 'cleared'}-${acknowledgedBy === null ? 'unacknowledged' : 'acknowledged'}`;

/** Longest snooze. (chosen) a week: longer is a change of the threshold, and that is a setting. */
export const LONGEST_SNOOZE_US = 7 * 86_400e6;

const refuse = (code: string, message: string): never => {
  throw new KinewatchError(code, message);
};

/**
 * The alert after a change at `atUs`. Clearing twice and acknowledging twice change nothing (the same object comes back): two people may do it at once.
 * Closing also acknowledges and clears: the next alert of the type is a new one.
 * @throws KinewatchError 'already-closed' after an outcome; 'not-closed' for a correction before one; 'already-cleared' for a snooze of what is over;
 * 'outcome-refused' for an outcome that cannot come of the type, an injury with any other outcome than injury-confirmed, or that one without an injury; 'value-out-of-range' for a
 * change before the last one, a snooze into the past or for over a week
 */
export function changeAlert(alert: AlertValue, change: AlertChange, atUs: number): AlertValue {
  if (change.change === 'outcome-corrected') {
    if (alert.outcome === null) refuse('not-closed', 'The alert is not closed yet; close it with the outcome');
  } else if (alert.outcome !== null)
    refuse('already-closed', `The alert was closed with the outcome ${alert.outcome}; correct the outcome instead`);
  if (!(atUs >= (alert.history.at(-1)?.atUs ?? alert.raisedUs)))
    refuse('value-out-of-range', 'The change lies before the last one of this alert; give the time at which it was made');
  const fields = fieldsOf(alert, change, atUs);
  return fields === null ? alert : { ...alert, ...fields, history: [...alert.history, { atUs, ...change }] };
}

function fieldsOf(alert: AlertValue, change: AlertChange, atUs: number): Partial<AlertValue> | null {
  switch (change.change) {
    case 'cleared':
      return alert.clearedUs === null ? { clearedUs: atUs, snoozedUntilUs: null } : null;
    case 'acknowledged':
      return alert.acknowledgedBy === null ? { acknowledgedBy: change.by } : null;
    case 'snoozed':
      if (alert.clearedUs !== null) refuse('already-cleared', 'The alert is cleared; there is nothing to snooze');
      if (!(change.untilUs > atUs && change.untilUs <= atUs + LONGEST_SNOOZE_US))
        refuse('value-out-of-range', 'A snooze ends in the future and lasts a week at most; for longer, change the threshold');
      return { snoozedUntilUs: change.untilUs };
    case 'assigned':
      return { assignedTo: change.to };
    case 'closed':
      return {
        ...concluded(alert, change),
        clearedUs: alert.clearedUs ?? atUs,
        acknowledgedBy: alert.acknowledgedBy ?? change.by,
        snoozedUntilUs: null,
      };
    case 'outcome-corrected':
      break;
  }
  return concluded(alert, change);
}

function concluded({ type }: AlertValue, { outcome, injuryId }: Concluded): Pick<AlertValue, 'outcome' | 'injuryId'> {
  const possible = OUTCOMES_OF_TYPE[type];
  if (!possible.includes(outcome))
    refuse('outcome-refused', `${outcome} cannot come of an alert of the type ${type}; possible are ${possible.join(', ')}`);
  if (injuryId !== null && outcome !== 'injury-confirmed')
    refuse('outcome-refused', `The outcome ${outcome} names no injury; leave injuryId out, or close with injury-confirmed`);
  if (injuryId === null && outcome === 'injury-confirmed')
    refuse(
      'outcome-refused',
      'A confirmed injury is one on record, since the record is what feedback learns from: record it first (POST /v1/athletes/{id}/injuries), then name it with injuryId',
    );
  return { outcome, injuryId };
}

export const isSnoozed = ({ snoozedUntilUs }: Pick<AlertValue, 'snoozedUntilUs'>, atUs: number): boolean =>
  snoozedUntilUs !== null && atUs < snoozedUntilUs;
