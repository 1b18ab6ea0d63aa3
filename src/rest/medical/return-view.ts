/** A return to play as staff read it: stage, limits, what is open, and for medical staff what it rests on. Pure. */
import { chronicLoadBefore, loadDays } from '../../asms/load-history.ts';
import { MONITORED_DAYS } from '../../asms/medical-record.ts';
import { US_PER_DAY } from '../../asms/time.ts';
import { judgeCriteria } from '../../asms/return-criteria.ts';
import {
  demotionReasons,
  openPoints,
  relapseSuspected,
  returnPhase,
  stageLimits,
  stageOf,
  type ReturnState,
} from '../../asms/return-to-play.ts';
import { LOAD_METHODS, type LoadSeries } from '../../asms/session-load.ts';
import { readRatings, recordedDays, type StoredRating, type StoredSession } from '../../asms/session-ratings.ts';
import { shiftDay, teamDayOf, teamDays } from '../../asms/team-days.ts';
import { evidenceOf, protocolOf } from './decide.ts';
import type { MedicalFile, StoredInjury } from './ports.ts';
import type { ReturnView } from './return-schemas.ts';
import { isoOf, isoOrNull } from '../schemas.ts';

/** Ceilings are set against the one series that ratings make. */
const SERIES: LoadSeries = 'session-rpe';
/** How far back the load before an injury is looked for: the load history's own bound. */
const LOOK_BACK_DAYS = 400;

/** Stretch of time whose load a return is set against; null: no return has stages. */
export function loadRangeOf(file: MedicalFile, nowUs: number): { readonly from: Date; readonly to: Date } | null {
  const open = file.injuries.filter(({ timeLoss, closedUs }) => timeLoss && closedUs === null);
  if (open.length === 0) return null;
  const firstUs = Math.min(...open.map(({ onsetUs }) => onsetUs));
  return { from: new Date(firstUs / 1_000 - LOOK_BACK_DAYS * 86_400_000), to: new Date(nowUs / 1_000) };
}

export interface LoadFacts {
  readonly ratings: readonly StoredRating[];
  readonly sessions: readonly StoredSession[];
}

export interface ReturnReading {
  readonly file: MedicalFile;
  readonly load: LoadFacts;
  /** By injury id. */
  readonly recoveryFalls: Readonly<Record<string, number>>;
  readonly nowUs: number;
  readonly withDiagnoses: boolean;
}

interface LoadAgainst {
  readonly chronicBefore: number | null;
  /** Loads of the days since the stage began, of the last seven of the team and today with them; null: not recorded. */
  readonly lastWeek: readonly (number | null)[];
}

function loadAgainst({ file, load, nowUs }: ReturnReading, { onsetUs }: StoredInjury, { enteredUs }: ReturnState): LoadAgainst {
  const { timeZone } = file;
  const today = teamDayOf(nowUs / 1_000, timeZone);
  const days = teamDays(shiftDay(teamDayOf(onsetUs / 1_000, timeZone), -LOOK_BACK_DAYS), today, timeZone);
  const { sessions } = readRatings(load.ratings, load.sessions, nowUs);
  const recorded = recordedDays(days, sessions);
  const first = recorded.findIndex(({ complete }) => complete);
  if (first < 0) return { chronicBefore: null, lastWeek: [] };
  return {
    chronicBefore: chronicLoadBefore(SERIES, onsetUs, sessions, recorded.slice(first)),
    lastWeek: loadDays(
      SERIES,
      sessions,
      recorded.slice(-7).filter(({ fromUs }) => fromUs >= enteredUs),
    ).map(({ value }) => value),
  };
}

function newestPain(file: MedicalFile, injuryId: string, nowUs: number): number | null {
  const asked = file.figures
    .filter((figure) => figure.injuryId === injuryId && figure.metric === 'pain' && nowUs - figure.atUs <= 2 * US_PER_DAY)
    .toSorted((a, b) => b.atUs - a.atUs);
  return asked[0]?.value ?? null;
}

/** @throws RangeError where the state is of a protocol the team does not have */
export function viewReturn(reading: ReturnReading, injury: StoredInjury, state: ReturnState): ReturnView {
  const { file, recoveryFalls, nowUs, withDiagnoses } = reading;
  const { injuryId } = injury;
  const protocol = protocolOf(file, state.protocolVersion);
  const inStages = state.phase === 'stages';
  const { chronicBefore, lastWeek } = inStages ? loadAgainst(reading, injury, state) : { chronicBefore: null, lastWeek: [] };
  const limits = stageLimits(state, protocol, chronicBefore);
  const stage = stageOf(state, protocol);
  const evidence = evidenceOf(file, injury, state);
  const open = inStages ? openPoints(state, protocol, evidence, nowUs) : [];
  const unseen = new Set(judgeCriteria(stage, evidence, nowUs).flatMap(({ met, why }) => (met ? [] : [why])));
  const ceiling = limits?.ceiling ?? null;
  const fall = recoveryFalls[injuryId] ?? 0;
  return {
    injuryId,
    athleteId: file.athleteId,
    phase: returnPhase(state, nowUs),
    protocolVersion: state.protocolVersion,
    stage: inStages
      ? {
          name: stage.name,
          place: state.stage + 1,
          of: protocol.stages.length,
          enteredAt: isoOf(state.enteredUs),
          minimumDays: stage.minimumDays,
        }
      : null,
    ceiling: limits === null ? null : { share: limits.ceilingShare, value: ceiling, unit: LOAD_METHODS[SERIES].unit, series: SERIES },
    allowedWork: limits === null ? null : [...limits.allowedWork],
    signOff: inStages ? [...stage.signOff] : [],
    signatures: inStages ? state.signatures.map(({ role, by, atUs }) => ({ role, by, at: isoOf(atUs) })) : [],
    monitoredUntil: isoOrNull(state.clearedUs === null ? null : state.clearedUs + MONITORED_DAYS * US_PER_DAY),
    openPoints: open.filter((point) => withDiagnoses || !unseen.has(point)),
    ...(withDiagnoses
      ? {
          criteria: inStages ? judgeCriteria(stage, evidence, nowUs).map(viewCriterion) : [],
          backReasons: inStages
            ? [
                ...demotionReasons(protocol, {
                  pain: newestPain(file, injuryId, nowUs),
                  daysAboveCeiling: ceiling === null ? 0 : lastWeek.filter((load) => load !== null && load > ceiling).length,
                  recoveryFall: fall,
                }),
              ]
            : [],
          relapseSuspected: relapseSuspected(state, protocol, fall, nowUs),
          history: state.history.map(({ atUs, change, stage: at, by, why }) => ({ at: isoOf(atUs), change, stage: at, by, why })),
        }
      : {}),
  };
}

type Judged = ReturnType<typeof judgeCriteria>[number];

const viewCriterion = ({ criterion, value, reference, share, limbSymmetryPct, met, why }: Judged) => ({
  name: criterion.name,
  metric: criterion.metric,
  unit: criterion.unit,
  kind: criterion.kind,
  bound: criterion.bound,
  value,
  ownBefore: reference,
  share,
  limbSymmetryPct,
  met,
  why,
});
