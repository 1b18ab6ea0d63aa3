import type pg from 'pg';
import type { Measurement, MedicalChange, MedicalRepository, Outcome, StoredAvailability } from '../../rest/medical/ports.ts';
import type { TeamScope } from '../../rest/paging/ports.ts';
import { us } from '../sql-json.ts';
import type { MeasurementModel, MedicalChangeModel, OutcomeModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { athleteIdOf, LOG, lockRecord, readFile, storedInjury, storedProtocol, storedTherapy, writeFile } from './medical-file.ts';
import { asJson, inTeam, iso, ofTeam, pageOf, refusing, UNKNOWN_TEAM } from './support.ts';

const viewOutcome = (row: OutcomeModel): Outcome => ({
  id: row.id,
  athleteId: row.athleteId,
  kind: row.kind as Outcome['kind'],
  at: iso(row.at),
  value: row.value,
  createdAt: iso(row.createdAt),
  replaces: row.replaces,
});

const viewMeasurement = (row: MeasurementModel): Measurement => ({
  id: row.id,
  athleteId: row.athleteId,
  name: row.name,
  value: row.value,
  unit: row.unit,
  side: row.side as Measurement['side'],
  at: iso(row.at),
  by: row.by,
  recordedAt: iso(row.recordedAt),
});

const viewChange = (row: MedicalChangeModel): MedicalChange => ({
  id: row.id,
  athleteId: row.athleteId,
  subject: row.subject as MedicalChange['subject'],
  subjectId: row.subjectId,
  at: iso(row.at),
  change: row.change as MedicalChange['change'],
  by: row.by,
  why: row.why,
  before: row.before as MedicalChange['before'],
  after: row.after as MedicalChange['after'],
});

/** Midnight at which a day of the team begins. */
const dayUs = (column: string): string => us(`(${column}::timestamp AT TIME ZONE t.time_zone)`);

/** One query for a squad. Rows of the migration have no availability: their returns are at the first stage. */
const AVAILABILITY = `SELECT a.id AS "athleteId", coalesce(json_agg(f ORDER BY f."onsetUs") FILTER (WHERE f.id IS NOT NULL), '[]') AS problems
  FROM athlete a JOIN team t ON t.id = a.team_id LEFT JOIN LATERAL (
    SELECT i.id, 'injury' AS kind, i.diagnosis_code AS "diagnosisCode", i.region, i.side, i.time_loss AS "timeLoss",
      ${us('i.onset_at')} AS "onsetUs", ${us('i.cleared_at')} AS "closedUs",
      coalesce((SELECT json_agg(json_build_object('fromUs', c -> 'fromUs', 'availability', coalesce(c ->> 'availability', 'out')) ORDER BY n)
        FROM return_to_play r, jsonb_array_elements(r.ceilings) WITH ORDINALITY AS e(c, n) WHERE r.injury_id = i.id), '[]') AS limits
    FROM injury i WHERE i.athlete_id = a.id
    UNION ALL
    SELECT s.id, 'illness', s.diagnosis_code, NULL, NULL, true, ${dayUs('s.onset_day')}, ${dayUs('s.returned_day')},
      json_build_array(json_build_object('fromUs', ${dayUs('s.onset_day')}, 'availability', s.availability))
    FROM illness s JOIN consent c ON c.id = s.consent_id WHERE s.athlete_id = a.id AND c.withdrawn_at IS NULL
  ) AS f ON true
  WHERE ($1::uuid IS NULL OR a.team_id = $1) AND (a.id = ANY ($2::uuid[]) OR ($2 IS NULL AND a.active)) GROUP BY a.id, a.name ORDER BY a.name, a.id`;

export function createMedicalRepository(prisma: PrismaClient, pool: pg.Pool): MedicalRepository {
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
        storedInjury,
      ),
    listTherapies(team, athleteId, { open }, page) {
      const now = new Date();
      const running = { OR: [{ endsAt: null }, { endsAt: { gt: now } }] };
      return pageOf(
        page,
        (keyset) =>
          prisma.therapy.findMany({
            where: { athleteId, ...ofTeam(team), ...(open === undefined ? {} : open ? running : { endsAt: { lte: now } }) },
            orderBy: [{ startsAt: 'desc' }, { id: 'desc' }],
            include: LOG,
            ...keyset,
          }),
        storedTherapy,
      );
    },
    async listAdherence(team, therapyId) {
      const therapy = await prisma.therapy.findFirst({
        where: { id: therapyId, ...ofTeam(team) },
        include: { log: { orderBy: { day: 'desc' } } },
      });
      if (therapy === null) return null;
      const { athleteId, log } = therapy;
      return log.map(({ day, share, by, recordedAt }) => ({
        therapyId,
        athleteId,
        day: iso(day).slice(0, 10),
        share,
        by,
        recordedAt: iso(recordedAt),
      }));
    },
    async listHistory(team, athleteId, { subjectId }, page) {
      const hidden = await prisma.illness.findMany({ where: { athleteId, consent: { withdrawnAt: { not: null } } }, select: { id: true } });
      const NOT = { subject: 'illness', subjectId: { in: hidden.map(({ id }) => id) } };
      return pageOf(
        page,
        (keyset) =>
          prisma.medicalChange.findMany({
            where: { athleteId, ...ofTeam(team), ...(subjectId === undefined ? {} : { subjectId }), NOT },
            orderBy: [{ at: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        viewChange,
      );
    },
    async read(team, subject) {
      const athleteId = await athleteIdOf(prisma, team, subject);
      return athleteId === null ? null : readFile(prisma, athleteId);
    },
    change: (team, subject, decide) =>
      prisma.$transaction(async (tx) => {
        const athleteId = await athleteIdOf(tx, team, subject);
        if (athleteId === null) return null;
        await lockRecord(tx, athleteId);
        const { writes, result } = decide(await readFile(tx, athleteId));
        await writeFile(tx, athleteId, writes);
        return result;
      }),

    listMeasurements: (team, athleteId, { name }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.measurement.findMany({
            where: { athleteId, ...ofTeam(team), ...(name === undefined ? {} : { name }) },
            orderBy: [{ at: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        viewMeasurement,
      ),
    async createMeasurement(team, athleteId, measurement) {
      if (!(await isVisible(team, athleteId))) return null;
      return prisma.$transaction(async (tx) => {
        const made = viewMeasurement(await tx.measurement.create({ data: { athleteId, ...measurement } }));
        await tx.medicalChange.create({
          data: {
            athleteId,
            subject: 'measurement',
            subjectId: made.id,
            change: 'recorded',
            by: measurement.by,
            after: asJson(made),
          },
        });
        return made;
      });
    },
    withdrawMeasurement: (team, id, by, why) =>
      prisma.$transaction(async (tx) => {
        const row = await tx.measurement.findFirst({ where: { id, ...ofTeam(team) } });
        // Of two at once the second finds none.
        if (row === null || (await tx.measurement.deleteMany({ where: { id } })).count === 0) return null;
        const gone = viewMeasurement(row);
        await tx.medicalChange.create({
          data: {
            athleteId: row.athleteId,
            subject: 'measurement',
            subjectId: id,
            change: 'withdrawn',
            by,
            why,
            before: asJson(gone),
          },
        });
        return gone;
      }),

    async listProtocols(team) {
      const rows = await prisma.returnProtocol.findMany({ where: inTeam(team), orderBy: [{ createdAt: 'desc' }] });
      return rows.map(storedProtocol);
    },
    createProtocol: ({ teamId, version, protocol, createdBy }) =>
      refusing({ unique: `The team has a return protocol ${version} already`, reference: UNKNOWN_TEAM }, async () =>
        storedProtocol(await prisma.returnProtocol.create({ data: { teamId, version, protocol: asJson(protocol), createdBy } })),
      ),

    async availability(team, athleteIds) {
      const { rows } = await pool.query<StoredAvailability>(AVAILABILITY, [team, athleteIds]);
      return rows;
    },
    async recoveryFalls(team, athleteId) {
      const { rows } = await pool.query<{ injury_id: string; fall: number }>(
        `SELECT key AS injury_id, (value ->> 'best')::float8 - (value ->> 'r')::float8 AS fall
         FROM asms_state s JOIN athlete a ON a.id = s.athlete_id,
           jsonb_each(CASE WHEN jsonb_typeof(s.state #> '{recovery,injuries}') = 'object' THEN s.state #> '{recovery,injuries}' ELSE '{}' END
             || CASE WHEN jsonb_typeof(s.state #> '{recovery,monitored}') = 'object' THEN s.state #> '{recovery,monitored}' ELSE '{}' END)
         WHERE s.athlete_id = $1 AND ($2::uuid IS NULL OR a.team_id = $2)`,
        [athleteId, team],
      );
      return Object.fromEntries(rows.map(({ injury_id, fall }) => [injury_id, fall ?? 0]));
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
  };
}
