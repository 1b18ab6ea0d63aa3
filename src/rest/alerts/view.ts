/** What a caller without the scope medical is shown of an alert: not that an injury was confirmed, which, nor what was noted of it. */
import type { Alert, AlertWithHistory } from './schemas.ts';

const WITHHELD = { withheld: true };
const CONCLUSIONS: readonly string[] = ['closed', 'outcome-corrected'];

/** The alert as the caller may see it; without a confirmed injury, and with the scope medical, as it is. */
export function shownTo<Shown extends Alert>(mayReadMedical: boolean, alert: Shown): Shown {
  return mayReadMedical || alert.outcome !== 'injury-confirmed'
    ? alert
    : { ...alert, outcome: null, outcomeNote: null, injuryId: null, outcomeWithheld: true };
}

/** shownTo, and its history: an injury that was confirmed once and corrected since stays withheld there. */
export function shownWithHistory(mayReadMedical: boolean, alert: AlertWithHistory): AlertWithHistory {
  if (mayReadMedical) return alert;
  const history = alert.history.map((entry) =>
    CONCLUSIONS.includes(entry.change) && entry.detail['outcome'] === 'injury-confirmed' ? { ...entry, detail: WITHHELD } : entry,
  );
  return shownTo(false, { ...alert, history });
}
