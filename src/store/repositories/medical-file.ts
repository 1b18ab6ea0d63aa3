/** The medical record of an athlete, read and written as one; the lock of the athlete's row is what decisions wait for. */
import { randomUUID } from 'node:crypto';
import type { MedicalFile, MedicalSubject, MedicalWrites, StoredInjury, StoredProtocol, StoredTherapy } from '../../rest/medical/ports.ts';
import type { TeamScope } from '../../rest/paging/ports.ts';
import { Prisma } from '../generated/client.ts';
import type { InjuryModel, ReturnProtocolModel, TherapyAdherenceModel, TherapyModel } from '../generated/models.ts';
import { asJson, inTeam, iso, ofTeam } from './support.ts';

export const usOf = (time: Date): number => time.getTime() * 1_000;
export const usOrNull = (time: Date | null): number | null => (time === null ? null : usOf(time));
const dateOf = (us: number): Date => new Date(us / 1_000);
const dateOrNull = (us: number | null): Date | null => (us === null ? null : dateOf(us));

export const storedInjury = (row: InjuryModel): StoredInjury => ({
  injuryId: row.id,
  diagnosisCode: row.diagnosisCode,
  region: row.region,
  side: row.side as StoredInjury['side'],
  severity: row.severity as StoredInjury['severity'],
  onsetUs: usOf(row.onsetAt),
  reportedUs: usOf(row.reportedAt),
  contact: row.contact,
  timeLoss: row.timeLoss,
  timeLossDays: row.timeLossDays,
  closedUs: usOrNull(row.clearedAt),
  closedBy: row.clearedBy,
  relapseOf: row.relapseOf,
  createdUs: usOf(row.createdAt),
});

export function storedTherapy(row: TherapyModel & { readonly log: readonly TherapyAdherenceModel[] }): StoredTherapy {
  const startsUs = usOf(row.startsAt);
  const log = row.log.map(({ fromAt, share }) => ({ fromUs: usOf(fromAt), share })).filter(({ fromUs }) => fromUs >= startsUs);
  const begins = log.some(({ fromUs }) => fromUs === startsUs);
  return {
    therapyId: row.id,
    injuryId: row.injuryId,
    kind: row.kind,
    dosePerDay: row.dosePerDay,
    startsUs,
    endsUs: usOrNull(row.endsAt),
    prescribedBy: row.prescribedBy,
    createdUs: usOf(row.createdAt),
    expected: row.adherence,
    adherence: [...(begins ? [] : [{ fromUs: startsUs, share: row.adherence }]), ...log],
  };
}

export const LOG = { log: { orderBy: { fromAt: 'asc' } } } satisfies Prisma.TherapyInclude;

export const storedProtocol = (row: ReturnProtocolModel): StoredProtocol => ({
  teamId: row.teamId,
  version: row.version,
  protocol: row.protocol,
  createdAt: iso(row.createdAt),
  createdBy: row.createdBy,
});

type Client = Prisma.TransactionClient;

/** The athlete a subject is of; null: there is none in the team. */
export async function athleteIdOf(client: Client, team: TeamScope, subject: MedicalSubject): Promise<string | null> {
  const select = { athleteId: true } as const;
  if ('athleteId' in subject) {
    const row = await client.athlete.findFirst({ where: { id: subject.athleteId, ...inTeam(team) }, select: { id: true } });
    return row?.id ?? null;
  }
  const row =
    'injuryId' in subject
      ? await client.injury.findFirst({ where: { id: subject.injuryId, ...ofTeam(team) }, select })
      : await client.therapy.findFirst({ where: { id: subject.therapyId, ...ofTeam(team) }, select });
  return row?.athleteId ?? null;
}

/**
 * Decisions on one athlete's record wait for each other here. NO KEY UPDATE: rows that refer to the athlete (frames' streams, sessions, alerts) are
 * written meanwhile.
 */
export const lockRecord = (client: Client, athleteId: string): Promise<unknown> =>
  client.$queryRaw`SELECT 1 FROM athlete WHERE id = ${athleteId}::uuid FOR NO KEY UPDATE`;

interface FigureRow {
  readonly injury_id: string;
  readonly name: string;
  readonly unit: string;
  readonly side: 'left' | 'right' | null;
  readonly value: number;
  readonly at: Date;
}

const figuresOf = (client: Client, athleteId: string): Promise<FigureRow[]> => client.$queryRaw`
  SELECT DISTINCT ON (i.id, f.name, f.unit, f.side, f.at < i.onset_at) i.id AS injury_id, f.name, f.unit, f.side, f.value, f.at
  FROM injury i JOIN (
    SELECT athlete_id, name, unit, side, value, at, recorded_at FROM measurement WHERE athlete_id = ${athleteId}::uuid
    UNION ALL
    SELECT athlete_id, name, unit, NULL, value, at, at FROM session_metric
    WHERE athlete_id = ${athleteId}::uuid AND value IS NOT NULL AND NOT provisional
  ) AS f ON f.athlete_id = i.athlete_id
  WHERE i.athlete_id = ${athleteId}::uuid AND i.time_loss AND i.cleared_at IS NULL
  ORDER BY i.id, f.name, f.unit, f.side, f.at < i.onset_at, f.at DESC, f.recorded_at DESC`;

/** @param athleteId of an athlete that there is */
export async function readFile(client: Client, athleteId: string): Promise<MedicalFile> {
  const { team } = await client.athlete.findUniqueOrThrow({ where: { id: athleteId }, select: { team: true } });
  const byRecording = [{ createdAt: 'asc' }, { id: 'asc' }] satisfies Prisma.InjuryOrderByWithRelationInput[];
  const injuries = await client.injury.findMany({ where: { athleteId }, orderBy: byRecording });
  const therapies = await client.therapy.findMany({ where: { athleteId }, orderBy: byRecording, include: LOG });
  const returns = await client.returnToPlay.findMany({ where: { athleteId } });
  const protocols = await client.returnProtocol.findMany({ where: { teamId: team.id }, orderBy: { createdAt: 'desc' } });
  const figures = await figuresOf(client, athleteId);
  return {
    athleteId,
    teamId: team.id,
    timeZone: team.timeZone,
    injuries: injuries.map(storedInjury),
    therapies: therapies.map(storedTherapy),
    returns: returns.map(({ injuryId, protocolVersion, state }) => ({ injuryId, protocolVersion, state })),
    protocols: protocols.map(storedProtocol),
    figures: figures.map(({ injury_id, name, at, ...figure }) => ({ injuryId: injury_id, metric: name, ...figure, atUs: usOf(at) })),
  };
}

function injuryColumns(athleteId: string, injury: StoredInjury) {
  const { diagnosisCode, region, side, severity, contact, timeLoss, timeLossDays, closedBy, relapseOf } = injury;
  const said = { diagnosisCode, region, side, severity, contact, timeLoss, timeLossDays, relapseOf };
  return {
    athleteId,
    ...said,
    onsetAt: dateOf(injury.onsetUs),
    reportedAt: dateOf(injury.reportedUs),
    clearedAt: dateOrNull(injury.closedUs),
    clearedBy: closedBy,
    createdAt: dateOf(injury.createdUs),
  };
}

function therapyColumns(athleteId: string, therapy: StoredTherapy) {
  const { injuryId, kind, dosePerDay, prescribedBy, expected } = therapy;
  return {
    athleteId,
    injuryId,
    kind,
    dosePerDay,
    prescribedBy,
    adherence: expected,
    startsAt: dateOf(therapy.startsUs),
    endsAt: dateOrNull(therapy.endsUs),
    createdAt: dateOf(therapy.createdUs),
  };
}

const json = (value: unknown): Prisma.InputJsonValue | typeof Prisma.DbNull => (value === null ? Prisma.DbNull : asJson(value));

/** All of it, in an order in which no row refers to one that is not there yet or no more. */
export async function writeFile(client: Client, athleteId: string, writes: MedicalWrites): Promise<void> {
  const { removed } = writes;
  // An injury may be a relapse of one that is written after it: links last.
  for (const injury of writes.injuries) {
    const { relapseOf: _last, ...columns } = injuryColumns(athleteId, injury);
    await client.injury.upsert({ where: { id: injury.injuryId }, create: { id: injury.injuryId, ...columns }, update: columns });
  }
  for (const { injuryId, relapseOf } of writes.injuries) await client.injury.update({ where: { id: injuryId }, data: { relapseOf } });
  for (const therapy of writes.therapies) {
    const columns = therapyColumns(athleteId, therapy);
    await client.therapy.upsert({ where: { id: therapy.therapyId }, create: { id: therapy.therapyId, ...columns }, update: columns });
  }
  for (const { injuryId, protocolVersion, state, ceilings } of writes.returns) {
    const columns = { protocolVersion, state: asJson(state), ceilings: asJson(ceilings), updatedAt: new Date() };
    await client.returnToPlay.upsert({ where: { injuryId }, create: { injuryId, athleteId, ...columns }, update: columns });
  }
  for (const { therapyId, day, fromUs, share, by } of writes.adherence) {
    const columns = { fromAt: dateOf(fromUs), share, by, recordedAt: new Date() };
    const key = { therapyId, day: new Date(day) };
    await client.therapyAdherence.upsert({ where: { therapyId_day: key }, create: { ...key, ...columns }, update: columns });
  }
  await client.therapy.deleteMany({ where: { id: { in: [...removed.therapies] } } });
  await client.returnToPlay.deleteMany({ where: { injuryId: { in: [...removed.returns] } } });
  await client.injury.deleteMany({ where: { id: { in: [...removed.injuries] } } });
  await client.medicalChange.createMany({
    data: writes.history.map(({ before, after, ...entry }) => ({
      id: randomUUID(),
      athleteId,
      ...entry,
      before: json(before),
      after: json(after),
    })),
  });
}
