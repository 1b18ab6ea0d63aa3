/** Stored injuries and therapies as the API shows them. Pure. */
import { isoOf, isoOrNull } from '../schemas.ts';
import type { StoredInjury, StoredTherapy } from './ports.ts';
import type { Injury, Therapy } from './schemas.ts';

export const viewInjury = (athleteId: string, stored: StoredInjury): Injury => {
  const { injuryId, onsetUs, reportedUs, closedUs, closedBy, createdUs, ...said } = stored;
  return {
    id: injuryId,
    athleteId,
    ...said,
    onsetAt: isoOf(onsetUs),
    reportedAt: isoOf(reportedUs),
    clearedAt: isoOrNull(closedUs),
    clearedBy: closedBy,
    createdAt: isoOf(createdUs),
  };
};

export const viewTherapy = (athleteId: string, stored: StoredTherapy): Therapy => {
  const { therapyId, injuryId, kind, dosePerDay, startsUs, endsUs, prescribedBy, createdUs, expected } = stored;
  return {
    id: therapyId,
    athleteId,
    injuryId,
    kind,
    dosePerDay,
    adherence: expected,
    startsAt: isoOf(startsUs),
    endsAt: isoOrNull(endsUs),
    prescribedBy,
    createdAt: isoOf(createdUs),
  };
};
