import type pg from 'pg';
import { KinewatchError } from '../../contracts/errors.ts';
import type { Consent, DiaryEntry, DiaryRepository, Illness, IllnessPatch, TeamScope } from '../../rest/ports.ts';
import type { Prisma } from '../generated/client.ts';
import type { ConsentModel, DiaryEntryModel, IllnessModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { lockRecord } from './medical-file.ts';
import { readMornings } from '../stored-mornings.ts';
import { asJson, inTeam, iso, isoOrNull, ofTeam, refusing } from './support.ts';

/** BOUNDED: illnesses shown, the newest. */
const SHOWN_ILLNESSES = 200;

const isoDay = (date: Date): string => iso(date).slice(0, 10);

const viewConsent = (row: ConsentModel): Consent => ({
  id: row.id,
  athleteId: row.athleteId,
  kind: row.kind as Consent['kind'],
  purpose: row.purpose as Consent['purpose'],
  givenAt: iso(row.givenAt),
  by: row.by,
  withdrawnAt: isoOrNull(row.withdrawnAt),
  withdrawnBy: row.withdrawnBy,
});

const viewEntry = (row: DiaryEntryModel): DiaryEntry => ({
  id: row.id,
  athleteId: row.athleteId,
  day: isoDay(row.day),
  value: row.value as Record<string, unknown>,
  by: row.by,
  at: iso(row.at),
  replaces: row.replaces,
});

const viewIllness = (row: IllnessModel): Illness => ({
  id: row.id,
  athleteId: row.athleteId,
  onsetDay: isoDay(row.onsetDay),
  returnedDay: row.returnedDay === null ? null : isoDay(row.returnedDay),
  availability: row.returnedDay === null ? (row.availability as Illness['availability']) : 'full',
  diagnosisCode: row.diagnosisCode,
  system: row.system as Illness['system'],
  note: row.note,
  by: row.by,
  closedBy: row.closedBy,
  at: iso(row.at),
});

const CONSENTED = { consent: { withdrawnAt: null } } as const;

const consentedIllnesses = (transaction: Prisma.TransactionClient, athleteId: string): Promise<IllnessModel[]> =>
  transaction.illness.findMany({ where: { athleteId, ...CONSENTED }, orderBy: [{ onsetDay: 'desc' }, { id: 'desc' }] });

/** Only what was given is written. */
function illnessColumns({ onsetDay, returnedDay, ...said }: IllnessPatch) {
  return {
    ...said,
    ...(onsetDay === undefined ? {} : { onsetDay: new Date(onsetDay) }),
    ...(returnedDay === undefined ? {} : { returnedDay: returnedDay === null ? null : new Date(returnedDay) }),
  };
}

/** An entry of the medical history; hidden and erased with its illness. */
const illnessChange = (
  after: Illness,
  note: { readonly change: 'recorded' | 'closed' | 'corrected'; readonly by: string; readonly why: string | null },
  before: Illness | null,
): Prisma.MedicalChangeUncheckedCreateInput => ({
  athleteId: after.athleteId,
  subject: 'illness',
  subjectId: after.id,
  ...note,
  ...(before === null ? {} : { before: asJson(before) }),
  after: asJson(after),
});

const missingConsent = (kind: string, athleteId: string): KinewatchError =>
  new KinewatchError(
    'consent-missing',
    `There is no consent of the athlete for ${kind}. Record it with POST /v1/athletes/${athleteId}/consents {"kind": "${kind}"} once the athlete has given it`,
  );

/** Why there is none to withdraw. */
async function noneToWithdraw(prisma: PrismaClient, athleteId: string, kind: string): Promise<KinewatchError> {
  const last = await prisma.consent.findFirst({ where: { athleteId, kind, withdrawnAt: { not: null } }, orderBy: { withdrawnAt: 'desc' } });
  if (last === null) return new KinewatchError('consent-missing', `The athlete never consented to ${kind}: there is nothing to withdraw`);
  return new KinewatchError(
    'already-ended',
    `The consent to ${kind} was withdrawn by ${last.withdrawnBy} at ${isoOrNull(last.withdrawnAt)}: its entries are hidden and no more are taken. To delete them, POST /v1/athletes/${athleteId}/consents/erase {"kind": "${kind}"}`,
  );
}

/** The consent in force, which cannot be withdrawn before the transaction ends. @throws KinewatchError `consent-missing` */
async function holdConsent(transaction: Prisma.TransactionClient, athleteId: string, kind: string): Promise<string> {
  const rows = await transaction.$queryRaw<{ id: string }[]>`
    SELECT id FROM consent WHERE athlete_id = ${athleteId}::uuid AND kind = ${kind} AND withdrawn_at IS NULL FOR SHARE`;
  const [consent] = rows;
  if (consent === undefined) throw missingConsent(kind, athleteId);
  return consent.id;
}

/** Takes the corrected entry out of force. @throws KinewatchError `unknown-reference` */
async function replaceEntry(
  transaction: Prisma.TransactionClient,
  former: { id: string; consentId: string; kind: string; day: Date },
): Promise<void> {
  const { count } = await transaction.diaryEntry.updateMany({ where: { ...former, replacedAt: null }, data: { replacedAt: new Date() } });
  if (count === 0) {
    throw new KinewatchError(
      'unknown-reference',
      `No entry ${former.id} of that day stands: name the one that does, or leave replaces out`,
    );
  }
}

export function createDiaryRepository(prisma: PrismaClient, pool: pg.Pool): DiaryRepository {
  const isVisible = async (team: TeamScope, athleteId: string): Promise<boolean> =>
    (await prisma.athlete.count({ where: { id: athleteId, ...inTeam(team) } })) === 1;
  const isConsented = async (athleteId: string, kind: string): Promise<boolean> =>
    (await prisma.consent.count({ where: { athleteId, kind, withdrawnAt: null } })) === 1;

  return {
    async consents(team, athleteId, kinds) {
      if (!(await isVisible(team, athleteId))) return null;
      const rows = await prisma.consent.findMany({
        where: { athleteId, kind: { in: [...kinds] } },
        orderBy: [{ givenAt: 'desc' }, { id: 'desc' }],
      });
      return rows.map(viewConsent);
    },
    async giveConsent(team, athleteId, { kind, purpose, given, by }) {
      if (!(await isVisible(team, athleteId))) return null;
      return refusing({ unique: `The athlete has consented to ${kind} already, and entries are taken under that consent` }, async () =>
        viewConsent(await prisma.consent.create({ data: { athleteId, kind, purpose, givenAt: given, by } })),
      );
    },
    async withdrawConsent(team, athleteId, kind, by) {
      if (!(await isVisible(team, athleteId))) return null;
      const [row] = await prisma.consent.updateManyAndReturn({
        where: { athleteId, kind, withdrawnAt: null },
        data: { withdrawnAt: new Date(), withdrawnBy: by },
      });
      if (row === undefined) throw await noneToWithdraw(prisma, athleteId, kind);
      return viewConsent(row);
    },
    async erase(team, athleteId, kind) {
      if (!(await isVisible(team, athleteId))) return null;
      if (await isConsented(athleteId, kind)) {
        throw new KinewatchError('consent-given', `The athlete consents to ${kind}: withdraw the consent first, then erase`);
      }
      const under = { athleteId, consent: { kind, withdrawnAt: { not: null } } };
      return prisma.$transaction(async (transaction) => {
        await lockRecord(transaction, athleteId);
        const entries = await transaction.diaryEntry.deleteMany({ where: under });
        const illnesses = await transaction.illness.findMany({ where: under, select: { id: true } });
        const ids = illnesses.map(({ id }) => id);
        // What the history says of them is the same health data.
        await transaction.medicalChange.deleteMany({ where: { subject: 'illness', subjectId: { in: ids } } });
        await transaction.illness.deleteMany({ where: { id: { in: ids } } });
        return entries.count + ids.length;
      });
    },
    async entries(team, athleteId, kind, { from, to }) {
      if (!(await isVisible(team, athleteId))) return null;
      const rows = await prisma.diaryEntry.findMany({
        where: { athleteId, kind, replacedAt: null, consent: { withdrawnAt: null }, day: { gte: new Date(from), lte: new Date(to) } },
        orderBy: [{ day: 'asc' }],
      });
      return { consented: await isConsented(athleteId, kind), items: rows.map(viewEntry) };
    },
    async enter(team, athleteId, { kind, day, value, replaces, by }) {
      if (!(await isVisible(team, athleteId))) return null;
      const stands = `There is an entry of ${day} already: correct it by sending its id as replaces`;
      return refusing({ unique: stands }, () =>
        prisma.$transaction(async (transaction) => {
          const consentId = await holdConsent(transaction, athleteId, kind);
          const at = new Date(day);
          if (replaces !== null) await replaceEntry(transaction, { id: replaces, consentId, kind, day: at });
          return viewEntry(
            await transaction.diaryEntry.create({ data: { athleteId, consentId, kind, day: at, value: asJson(value), by, replaces } }),
          );
        }),
      );
    },
    async mornings(team, athleteId, days) {
      return (await isVisible(team, athleteId)) ? readMornings(pool, athleteId, days) : null;
    },
    async illnesses(team, athleteId) {
      if (!(await isVisible(team, athleteId))) return null;
      const rows = await prisma.illness.findMany({
        where: { athleteId, consent: { withdrawnAt: null } },
        orderBy: [{ onsetDay: 'desc' }, { id: 'desc' }],
        take: SHOWN_ILLNESSES,
      });
      return { consented: await isConsented(athleteId, 'illness'), items: rows.map(viewIllness) };
    },
    async reportIllness(team, athleteId, { by, ...said }, check) {
      if (!(await isVisible(team, athleteId))) return null;
      return prisma.$transaction(async (transaction) => {
        await lockRecord(transaction, athleteId);
        const consentId = await holdConsent(transaction, athleteId, 'illness');
        check((await consentedIllnesses(transaction, athleteId)).map(viewIllness));
        const { onsetDay, availability, returnedDay } = said;
        const closedBy = returnedDay === undefined ? null : by;
        const data = { ...illnessColumns(said), athleteId, consentId, onsetDay: new Date(onsetDay), availability, by, closedBy };
        const made = viewIllness(await transaction.illness.create({ data }));
        await transaction.medicalChange.create({ data: illnessChange(made, { change: 'recorded', by, why: null }, null) });
        return made;
      });
    },
    changeIllness: (team, id, note, decide) =>
      prisma.$transaction(async (transaction) => {
        const found = await transaction.illness.findFirst({ where: { id, ...ofTeam(team) }, select: { athleteId: true } });
        if (found === null) return null;
        const { athleteId } = found;
        await lockRecord(transaction, athleteId);
        const { team: ofAthlete } = await transaction.athlete.findUniqueOrThrow({ where: { id: athleteId }, select: { team: true } });
        const illnesses = (await consentedIllnesses(transaction, athleteId)).map(viewIllness);
        const before = illnesses.find((illness) => illness.id === id.toLowerCase());
        if (before === undefined) return null;
        const others = illnesses.filter((illness) => illness !== before);
        const said = decide(before, others, ofAthlete.timeZone);
        const closedBy = said.returnedDay === null ? null : said.returnedDay === undefined ? before.closedBy : (before.closedBy ?? note.by);
        const [row] = await transaction.illness.updateManyAndReturn({
          where: { id, ...CONSENTED },
          data: { ...illnessColumns(said), closedBy },
        });
        if (row === undefined) return null;
        const after = viewIllness(row);
        await transaction.medicalChange.create({ data: illnessChange(after, note, before) });
        return after;
      }),
  };
}
