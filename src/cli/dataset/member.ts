/** What is made of one athlete of a data set: its windows and what was found in its session, or windows thinned for the priors. A pure function of set and number. */
import { RecordBatchReader, Table, tableToIPC, type RecordBatch } from 'apache-arrow';
import type { ActivityClass, ModelContract } from '../../contracts/model.ts';
import type { DueWindow } from '../../shard/athlete-pipeline.ts';
import { FAULT_KINDS, type Fault, type FaultKind } from '../../simulate/faults.ts';
import { AthleteBatch, type Widths } from './arrow-files.ts';
import { ceilingOf, wantsCeiling, type CeilingChoice } from './ceiling.ts';
import { castMember, SESSION_START_US, splitOf, type CastMember } from './cast.ts';
import { thinWindow, type PriorInput } from './priors.ts';
import { listenToSession, type SessionFindings } from './sessions.ts';
import { eachWindow } from './windows.ts';

export const DOMAIN = ['contactSymmetryPct', 'peakSymmetryPct', 'interLimbPhase', 'strideTimeCv', 'loadingRateBwS'] as const;

/** What all athletes of a set share; plain data, so that it reaches a thread. */
export interface MemberSetup {
  readonly seed: number;
  /** Length of the part of the session that is read, and of the session. */
  readonly readS: number;
  readonly seconds: number;
  readonly fault: FaultKind | null;
  readonly contract: ModelContract;
  /** Whose windows get a ceiling; nobody's where absent. */
  readonly ceiling?: CeilingChoice;
}

export interface PriorWindow {
  readonly input: PriorInput;
  readonly activity: ActivityClass;
}

const widthsOf = (contract: ModelContract): Widths => ({
  bio: contract.bio.length * contract.window.lengthS * contract.window.rateHz,
  phys: contract.phys.length,
  perf: contract.perf.length,
  context: contract.context.length,
  domain: DOMAIN.length,
});

/** Place in FAULT_KINDS plus one of a fault active in [startS, endS), 0 for none; of several the forced one, else the first of the list. */
export function faultIn(faults: readonly Fault[], forced: FaultKind | null, startS: number, endS: number): number {
  const active = faults.filter((fault) => fault.startS < endS && fault.endS > startS).map(({ kind }) => kind);
  const kind = forced !== null && active.includes(forced) ? forced : FAULT_KINDS.find((candidate) => active.includes(candidate));
  return kind === undefined ? 0 : FAULT_KINDS.indexOf(kind) + 1;
}

type OnFrame = Parameters<typeof eachWindow>[5];

function exportMember(member: CastMember, { contract, seconds, fault, ceiling = 'none' }: MemberSetup, frame: OnFrame): AthleteBatch {
  const batch = new AthleteBatch(widthsOf(contract), seconds);
  const baseIndex = Math.floor(SESSION_START_US / 1e6) - 16;
  const faults = member.simulated.faults();
  const secondOf = (us: number): number => us / 1e6 - SESSION_START_US / 1e6;
  const middles: number[] = [];
  const add = ({ input, meta }: DueWindow): void => {
    const middleS = secondOf((meta.startUs + meta.endUs) / 2);
    middles.push(middleS);
    const labels = member.simulated.labels(middleS);
    batch.push(
      {
        ...input,
        elapsed: input.elapsedHops,
        activity: meta.activity,
        altered: labels.altered,
        severity: labels.severity,
        rehab: labels.rehab,
        performance: labels.performance,
        domain: DOMAIN.map((name) => labels.domain[name]),
        windowIndex: meta.windowIndex,
        fault: faultIn(faults, fault, secondOf(meta.startUs), secondOf(meta.endUs)),
      },
      baseIndex,
    );
  };
  eachWindow(member, contract, false, seconds, add, frame);
  if (wantsCeiling(ceiling, splitOf(member.number))) batch.setCeiling(ceilingOf(member, middles, contract.window.lengthS));
  return batch;
}

export interface AthleteExport {
  /** An Arrow IPC stream of one record batch. */
  readonly windows: Uint8Array;
  readonly session: SessionFindings;
}

/** The windows of athlete `number`, and what the service's detectors find in the same frames. */
export function exportAthlete(setup: MemberSetup, number: number): AthleteExport {
  const member = castMember(setup.seed, number, setup.seconds, setup.fault);
  const listener = listenToSession(member);
  const batch = exportMember(member, setup, listener.frame);
  return { windows: tableToIPC(new Table([batch.toRecordBatch(number, splitOf(number))]), 'stream'), session: listener.findings() };
}

/** The record batches of an export's windows, whose bytes they go on using. */
export const readBatches = (bytes: Uint8Array): RecordBatch[] => [...RecordBatchReader.from(bytes)];

/** The windows of athlete `number` with frozen baselines, thinned for the meter. */
export function priorWindows(setup: MemberSetup, number: number): PriorWindow[] {
  const windows: PriorWindow[] = [];
  const member = castMember(setup.seed, number, setup.seconds, setup.fault);
  eachWindow(member, setup.contract, true, setup.readS, ({ input, meta }) => {
    windows.push({ input: thinWindow(input, setup.contract.bio.length), activity: meta.activity });
  });
  return windows;
}
