import { KinewatchError } from '../../contracts/errors.ts';
import type { Injury, MedicalRepository, Outcome, TeamScope, Therapy } from '../../rest/ports.ts';
import type { InjuryModel, OutcomeModel, TherapyModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { asJson, inTeam, iso, isoOrNull, ofTeam, pageOf } from './support.ts';

const viewInjury = (row: InjuryModel): Injury => ({
  id: row.id,
  athleteId: row.athleteId,
  diagnosisCode: row.diagnosisCode,
  region: row.region,
  side: row.side as Injury['side'],
  severity: row.severity as Injury['severity'],
  onsetAt: iso(row.onsetAt),
  clearedAt: isoOrNull(row.clearedAt),
  clearedBy: row.clearedBy,
  timeLossDays: row.timeLossDays,
  createdAt: iso(row.createdAt),
});

const viewTherapy = (row: TherapyModel): Therapy => ({
  id: row.id,
  athleteId: row.athleteId,
  injuryId: row.injuryId,
  kind: row.kind,
  dosePerDay: row.dosePerDay,
  adherence: row.adherence,
  startsAt: iso(row.startsAt),
  endsAt: isoOrNull(row.endsAt),
  prescribedBy: row.prescribedBy,
  createdAt: iso(row.createdAt),
});

const viewOutcome = (row: OutcomeModel): Outcome => ({
  id: row.id,
  athleteId: row.athleteId,
  kind: row.kind as Outcome['kind'],
  at: iso(row.at),
  value: row.value,
  createdAt: iso(row.createdAt),
});

export function createMedicalRepository(prisma: PrismaClient): MedicalRepository {
  const isVisible = async (team: TeamScope, athleteId: string): Promise<boolean> =>
    (await prisma.athlete.count({ where: { id: athleteId, ...inTeam(team) } })) === 1;

  return {
    listInjuries: (team, athleteId, { open }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.injury.findMany({
            where: { athleteId, ...ofTeam(team), ...(open === undefined ? {} : { clearedAt: open ? null : { not: null } }) },
            orderBy: [{ onsetAt: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        viewInjury,
      ),
    async createInjury(team, athleteId, { diagnosisCode, region, side = null, severity = null, onset, timeLossDays }) {
      if (!(await isVisible(team, athleteId))) return null;
      return viewInjury(
        await prisma.injury.create({ data: { athleteId, diagnosisCode, region, side, severity, onsetAt: onset, timeLossDays } }),
      );
    },
    async clearInjury(team, id, by) {
      const where = { id, ...ofTeam(team) };
      const { count } = await prisma.injury.updateMany({
        where: { ...where, clearedAt: null },
        data: { clearedAt: new Date(), clearedBy: by },
      });
      const row = await prisma.injury.findFirst({ where });
      if (row === null) return null;
      if (count === 0) throw new KinewatchError('already-closed', `The injury was cleared by ${row.clearedBy}`);
      return viewInjury(row);
    },
    listTherapies(team, athleteId, { open }, page) {
      const now = new Date();
      const running = { OR: [{ endsAt: null }, { endsAt: { gt: now } }] };
      return pageOf(
        page,
        (keyset) =>
          prisma.therapy.findMany({
            where: { athleteId, ...ofTeam(team), ...(open === undefined ? {} : open ? running : { endsAt: { lte: now } }) },
            orderBy: [{ startsAt: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        viewTherapy,
      );
    },
    async createTherapy(team, athleteId, { injuryId, kind, dosePerDay, adherence = 1, starts, ends, by }) {
      if (!(await isVisible(team, athleteId))) return null;
      if ((await prisma.injury.count({ where: { id: injuryId, athleteId } })) === 0) {
        throw new KinewatchError('unknown-reference', `The athlete has no injury ${injuryId}`);
      }
      const data = { athleteId, injuryId, kind, dosePerDay, adherence, startsAt: starts, endsAt: ends, prescribedBy: by };
      return viewTherapy(await prisma.therapy.create({ data }));
    },
    async endTherapy(team, id) {
      const where = { id, ...ofTeam(team) };
      const now = new Date();
      const { count } = await prisma.therapy.updateMany({
        where: { ...where, OR: [{ endsAt: null }, { endsAt: { gt: now } }] },
        data: { endsAt: now },
      });
      const row = await prisma.therapy.findFirst({ where });
      if (row === null) return null;
      if (count === 0) throw new KinewatchError('already-closed', 'The therapy has ended');
      return viewTherapy(row);
    },
    listOutcomes: (team, athleteId, { kinds }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.outcome.findMany({
            where: { athleteId, ...ofTeam(team), kind: { in: [...kinds] } },
            orderBy: [{ at: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        viewOutcome,
      ),
    async createOutcome(team, athleteId, { kind, at, value }) {
      if (!(await isVisible(team, athleteId))) return null;
      return viewOutcome(await prisma.outcome.create({ data: { athleteId, kind, at, value: asJson(value) } }));
    },
  };
}
