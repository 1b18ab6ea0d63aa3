/**
 * The return after an injury as a value: stages in order, each left by its criteria and its signatures; a signed clearance after the last; 8 weeks
 * "returned, monitored"; back a stage or to the first. R = 1 clears nobody, and a low R keeps nobody: clearance is a decision of medical staff.
 */
import { MONITORED_DAYS, MedicalRefused } from './medical-record.ts';
import { US_PER_DAY } from './time.ts';
import { judgeCriteria, type ReturnEvidence } from './return-criteria.ts';
import type { ReturnProtocol, SignRole, Stage } from './return-protocol.ts';

export interface Signature {
  readonly role: SignRole;
  readonly by: string;
  readonly atUs: number;
}

export interface ReturnChange {
  readonly atUs: number;
  readonly change: 'begun' | 'signed' | 'advanced' | 'demoted' | 'cleared' | 'relapsed' | 'relapse-withdrawn';
  /** Stage after the change; null after clearance. */
  readonly stage: number | null;
  readonly by: string;
  readonly why: string;
}

export interface ReturnState {
  readonly injuryId: string;
  /** A return goes on under the protocol that it began with. */
  readonly protocolVersion: string;
  readonly phase: 'stages' | 'cleared' | 'relapsed';
  /** Place in the protocol's stages; the last one after clearance. */
  readonly stage: number;
  readonly enteredUs: number;
  /** Of the stage the athlete is in. */
  readonly signatures: readonly Signature[];
  readonly clearedUs: number | null;
  readonly history: readonly ReturnChange[];
}

export interface Decision {
  readonly role: SignRole;
  readonly by: string;
  readonly atUs: number;
  /** In the decider's words; not empty. */
  readonly why: string;
}

/** The first stage. @throws RangeError where the protocol has no stages */
export function beginReturn(injuryId: string, protocol: ReturnProtocol, by: string, atUs: number): ReturnState {
  if (protocol.stages.length === 0) throw new RangeError(`protocol ${protocol.version} has no stages`);
  return {
    injuryId,
    protocolVersion: protocol.version,
    phase: 'stages',
    stage: 0,
    enteredUs: atUs,
    signatures: [],
    clearedUs: null,
    history: [{ atUs, change: 'begun', stage: 0, by, why: 'injury recorded' }],
  };
}

/** The stage the athlete is in. @throws RangeError where the state is of another protocol */
export function stageOf(state: ReturnState, protocol: ReturnProtocol): Stage {
  const stage = protocol.stages[state.stage];
  if (state.protocolVersion !== protocol.version || stage === undefined)
    throw new RangeError(
      `the return of injury ${state.injuryId} is at stage ${state.stage} of ${state.protocolVersion}, not of ${protocol.version}`,
    );
  return stage;
}

function requireStages(state: ReturnState): void {
  if (state.phase === 'cleared')
    throw new MedicalRefused(
      'already-closed',
      `Injury ${state.injuryId} is cleared already`,
      'If the athlete is hurt again, record a new injury: it is marked as a relapse',
    );
  if (state.phase === 'relapsed')
    throw new MedicalRefused(
      'already-closed',
      `The return after injury ${state.injuryId} ended with a relapse`,
      'Go on at the injury that was recorded for the relapse',
    );
}

function requireTime(state: ReturnState, atUs: number, nowUs: number): void {
  if (atUs > nowUs) throw new MedicalRefused('in-the-future', 'The decision lies in the future', 'Sign it when it is made');
  const last = state.history.at(-1)?.atUs ?? -Infinity;
  if (atUs < last)
    throw new MedicalRefused(
      'value-out-of-range',
      'The decision lies before the last one of this return',
      'Give the time at which it was made',
    );
}

function requireWords(why: string): void {
  if (why.trim() === '') throw new MedicalRefused('value-out-of-range', 'The decision has no reason', 'Say in a few words why');
}

/** A role's signature for leaving the stage. @throws MedicalRefused where the role does not sign here, or has signed */
export function signOff(state: ReturnState, protocol: ReturnProtocol, signature: Signature, nowUs: number): ReturnState {
  requireStages(state);
  requireTime(state, signature.atUs, nowUs);
  const stage = stageOf(state, protocol);
  if (!stage.signOff.includes(signature.role))
    throw new MedicalRefused(
      'not-allowed',
      `The stage ${stage.name} is not signed by the role ${signature.role}`,
      `It is signed by ${stage.signOff.join(', ')}`,
    );
  if (state.signatures.some(({ role }) => role === signature.role))
    throw new MedicalRefused(
      'already-recorded',
      `The role ${signature.role} has signed the stage ${stage.name}`,
      'Nothing is left to do for this role',
    );
  const { role, by, atUs } = signature;
  return changed(
    { ...state, signatures: [...state.signatures, signature] },
    { atUs, change: 'signed', stage: state.stage, by, why: `signed as ${role}` },
  );
}

const changed = (state: ReturnState, change: ReturnChange): ReturnState => ({ ...state, history: [...state.history, change] });

/** What keeps the athlete in the stage, in sentences; empty: nothing. */
export function openPoints(state: ReturnState, protocol: ReturnProtocol, evidence: ReturnEvidence, atUs: number): readonly string[] {
  const stage = stageOf(state, protocol);
  const days = (atUs - state.enteredUs) / US_PER_DAY;
  const unsigned = stage.signOff.filter((role) => !state.signatures.some((signature) => signature.role === role));
  return [
    ...(days < stage.minimumDays
      ? [`the stage ${stage.name} lasts at least ${stage.minimumDays} days, it has been ${Math.floor(days)}`]
      : []),
    ...judgeCriteria(stage, evidence, atUs).flatMap(({ met, why }) => (met ? [] : [why])),
    ...unsigned.map((role) => `the role ${role} has not signed`),
  ];
}

function requireNothingOpen(state: ReturnState, protocol: ReturnProtocol, evidence: ReturnEvidence, atUs: number): void {
  const open = openPoints(state, protocol, evidence, atUs);
  if (open.length > 0)
    throw new MedicalRefused(
      'not-cleared-yet',
      `The stage cannot be left: ${open.join('; ')}`,
      'Measure, wait or have it signed, then decide again',
    );
}

const requireMedical = (role: SignRole, what: string): void => {
  if (role !== 'medical') throw new MedicalRefused('not-allowed', `${what} is for the role medical`, 'Ask medical staff to decide');
};

function requireDecision(state: ReturnState, decision: Decision, what: string, nowUs: number): void {
  requireStages(state);
  requireTime(state, decision.atUs, nowUs);
  requireMedical(decision.role, what);
  requireWords(decision.why);
}

/** On to the next stage. @throws MedicalRefused with all that is open; from the last stage, which clearance alone leaves */
export function advance(
  state: ReturnState,
  protocol: ReturnProtocol,
  evidence: ReturnEvidence,
  decision: Decision,
  nowUs: number,
): ReturnState {
  requireDecision(state, decision, 'A stage', nowUs);
  if (state.stage === protocol.stages.length - 1)
    throw new MedicalRefused(
      'not-allowed',
      `${stageOf(state, protocol).name} is the last stage`,
      'Clear the athlete by a signed decision instead',
    );
  requireNothingOpen(state, protocol, evidence, decision.atUs);
  return enter(state, state.stage + 1, 'advanced', decision);
}

function enter(
  state: ReturnState,
  stage: number,
  change: 'advanced' | 'demoted',
  { by, atUs, why }: Pick<Decision, 'by' | 'atUs' | 'why'>,
): ReturnState {
  return changed({ ...state, stage, enteredUs: atUs, signatures: [] }, { atUs, change, stage, by, why });
}

/** The signed clearance: from the last stage, all criteria met and all signatures there, by medical staff. @throws MedicalRefused */
export function clearAthlete(
  state: ReturnState,
  protocol: ReturnProtocol,
  evidence: ReturnEvidence,
  decision: Decision,
  nowUs: number,
): ReturnState {
  requireDecision(state, decision, 'Clearance', nowUs);
  if (state.stage !== protocol.stages.length - 1)
    throw new MedicalRefused(
      'not-cleared-yet',
      `The athlete is at the stage ${stageOf(state, protocol).name}`,
      'Go through the stages that are left; the last one ends with clearance',
    );
  requireNothingOpen(state, protocol, evidence, decision.atUs);
  const { atUs, by, why } = decision;
  return changed({ ...state, phase: 'cleared', clearedUs: atUs }, { atUs, change: 'cleared', stage: null, by, why });
}

/** What the last days say against staying in a stage. */
export interface StageSigns {
  /** During or the day after, 0 to 10; null: not asked. */
  readonly pain: number | null;
  /** Days of the last seven with a load above the stage's ceiling. */
  readonly daysAboveCeiling: number;
  /** How far R lies below its best. */
  readonly recoveryFall: number;
}

/** Why the athlete should go back a stage, in sentences; empty: there is no reason. Staff decide. */
export function demotionReasons({ demotion }: ReturnProtocol, signs: StageSigns): readonly string[] {
  return [
    ...(signs.pain !== null && signs.pain > demotion.painAbove ? [`pain ${signs.pain} of 10, above ${demotion.painAbove}`] : []),
    ...(signs.daysAboveCeiling >= demotion.daysAboveCeiling
      ? [`load above the stage's ceiling on ${signs.daysAboveCeiling} of the last 7 days`]
      : []),
    ...(signs.recoveryFall >= demotion.recoveryFall ? [`recovery ${Math.round(signs.recoveryFall * 100)} points below its best`] : []),
  ];
}

/** One stage back, by medical staff. @throws MedicalRefused from the first stage */
export function demote(state: ReturnState, decision: Decision, nowUs: number): ReturnState {
  requireDecision(state, decision, 'A stage', nowUs);
  if (state.stage === 0)
    throw new MedicalRefused(
      'not-allowed',
      'The athlete is at the first stage',
      'There is no earlier one; record what happened at the injury',
    );
  return enter(state, state.stage - 1, 'demoted', decision);
}

/** stages | monitored (8 weeks after clearance) | done | relapsed */
export function returnPhase(state: ReturnState, atUs: number): 'stages' | 'monitored' | 'done' | 'relapsed' {
  if (state.phase !== 'cleared' || state.clearedUs === null) return state.phase === 'relapsed' ? 'relapsed' : 'stages';
  return atUs < state.clearedUs + MONITORED_DAYS * US_PER_DAY ? 'monitored' : 'done';
}

/**
 * Whether a monitored athlete shows signs of a relapse without a new injury: R fell by at least the protocol's amount. Staff look, and record an injury
 * or not.
 */
export const relapseSuspected = (state: ReturnState, protocol: ReturnProtocol, recoveryFall: number, atUs: number): boolean =>
  returnPhase(state, atUs) === 'monitored' && recoveryFall >= protocol.demotion.recoveryFall;

/** A new injury of the same region within the monitored time (medical-record.ts, relapseOf). @throws MedicalRefused outside of it */
export function relapse(state: ReturnState, newInjuryId: string, by: string, atUs: number): ReturnState {
  if (returnPhase(state, atUs) !== 'monitored')
    throw new MedicalRefused('not-allowed', `Injury ${state.injuryId} is not in its monitored time`, 'Record the injury as a new one');
  return changed({ ...state, phase: 'relapsed' }, { atUs, change: 'relapsed', stage: null, by, why: `relapse: injury ${newInjuryId}` });
}

/**
 * Ceiling of the day's load in the unit of the series and the work allowed; null: no limit of this return. Without a chronic load from before the injury the
 * ceiling is null, and only the work is limited.
 */
export function stageLimits(
  state: ReturnState,
  protocol: ReturnProtocol,
  chronicBefore: number | null,
): { readonly ceiling: number | null; readonly ceilingShare: number; readonly allowedWork: Stage['allowedWork'] } | null {
  if (state.phase !== 'stages') return null;
  const { loadCeilingShare, allowedWork } = stageOf(state, protocol);
  return { ceiling: chronicBefore === null ? null : chronicBefore * loadCeilingShare, ceilingShare: loadCeilingShare, allowedWork };
}

/** The injury that was recorded as the relapse is none: the return stands cleared again. */
export const withdrawRelapse = (state: ReturnState, by: string, atUs: number): ReturnState =>
  changed(
    { ...state, phase: 'cleared' },
    { atUs, change: 'relapse-withdrawn', stage: null, by, why: 'the relapse was corrected or taken back' },
  );

/** What a return allowed from a time on, until the next piece. */
export interface LimitPiece {
  readonly fromUs: number;
  /** Load ceiling as a share of the usual load; null: none any more. */
  readonly share: number | null;
  readonly availability: Stage['availability'] | 'full';
}

/** What the return allowed, by time, ascending. @throws RangeError where the state is of another protocol */
export function limitPieces(state: ReturnState, protocol: ReturnProtocol): readonly LimitPiece[] {
  return state.history.flatMap(({ atUs, change, stage }): LimitPiece[] => {
    if (change === 'cleared') return [{ fromUs: atUs, share: null, availability: 'full' }];
    if (stage === null || change === 'signed') return [];
    const { loadCeilingShare, availability } = stageOf({ ...state, stage }, protocol);
    return [{ fromUs: atUs, share: loadCeilingShare, availability }];
  });
}
