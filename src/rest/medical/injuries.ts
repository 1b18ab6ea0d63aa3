import { randomUUID } from 'node:crypto';
import { teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, microsOf, PageOf, readTime } from '../schemas.ts';
import { decidingNow, given } from './caller.ts';
import { clearInjury, correctInjury, recordInjury, withdrawInjury } from './decide.ts';
import { ClearBody, HistoryQuery, Injury, InjuryCorrection, MedicalChange, MedicalQuery, NewInjury, WithdrawBody } from './schemas.ts';
import { viewInjury } from './view.ts';

const tags = ['medical'];
const readUs = (text: string | undefined): number | undefined => (text === undefined ? undefined : microsOf(readTime(text)));

export const injuries = resource('injuries', async (app, { repositories: { athletes, medical } }) => {
  app.get(
    '/v1/athletes/:id/injuries',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'listInjuries',
        summary: 'Injuries of an athlete, newest onset first',
        params: IdParams,
        querystring: MedicalQuery,
        response: { 200: PageOf(Injury), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { open } = request.query;
      const team = teamOf(request);
      found(await athletes.get(team, id), 'athlete', id);
      const page = await medical.listInjuries(team, id, given({ open }), pageRequest('injuries', request.query));
      return pageReply('injuries', { ...page, items: page.items.map((one) => viewInjury(id.toLowerCase(), one)) });
    },
  );

  app.post(
    '/v1/athletes/:id/injuries',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'createInjury',
        summary: 'Record an injury',
        description:
          "A confirmed injury freezes the athlete's baselines until clearance. One that costs time begins a return to play; one of the same region within 8 " +
          'weeks after a clearance is a relapse. `clearedAt` records an injury of the past that is over.',
        params: IdParams,
        body: NewInjury,
        response: { 201: Injury, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const deciding = decidingNow(request);
      const { side = null, severity = null, contact = null, timeLoss = true, ...said } = request.body;
      const facts = {
        diagnosisCode: said.diagnosisCode,
        region: said.region,
        timeLossDays: said.timeLossDays,
        side,
        severity,
        contact,
        timeLoss,
        onsetUs: microsOf(readTime(said.onsetAt)),
        reportedUs: readUs(said.reportedAt) ?? deciding.nowUs,
        closedUs: readUs(said.clearedAt) ?? null,
      };
      const made = await medical.change(teamOf(request), { athleteId: id }, (file) => recordInjury(file, randomUUID(), facts, deciding));
      return reply.code(201).send(viewInjury(id.toLowerCase(), found(made, 'athlete', id)));
    },
  );

  app.patch(
    '/v1/injuries/:id',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'correctInjury',
        summary: 'Correct an injury: what was said before stays in the history',
        params: IdParams,
        body: InjuryCorrection,
        response: { 200: Injury, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { why, onsetAt, reportedAt, ...said } = request.body;
      const patch = given({ ...said, onsetUs: readUs(onsetAt), reportedUs: readUs(reportedAt) });
      const injury = await medical.change(teamOf(request), { injuryId: id }, (file) => {
        const { writes, result } = correctInjury(file, id.toLowerCase(), patch, why, decidingNow(request));
        return { writes, result: viewInjury(file.athleteId, result) };
      });
      return found(injury, 'injury', id);
    },
  );

  app.post(
    '/v1/injuries/:id/withdraw',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'withdrawInjury',
        summary: 'Take an injury back that never was: the history keeps it',
        params: IdParams,
        body: WithdrawBody,
        response: { 200: Injury, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const injury = await medical.change(teamOf(request), { injuryId: id }, (file) => {
        const { writes, result } = withdrawInjury(file, id.toLowerCase(), request.body.why, decidingNow(request));
        return { writes, result: viewInjury(file.athleteId, result) };
      });
      return found(injury, 'injury', id);
    },
  );

  app.post(
    '/v1/injuries/:id/clear',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'clearInjury',
        summary: 'Clear an athlete after an injury: a signed decision',
        description:
          'Of an injury that costs time from the last stage of its return to play, with every criterion met and every signature there; the problem document ' +
          'names all that is open. Afterwards the injury is monitored for 8 weeks.',
        params: IdParams,
        body: ClearBody,
        response: { 200: Injury, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const injury = await medical.change(teamOf(request), { injuryId: id }, (file) => {
        const { writes, result } = clearInjury(file, id.toLowerCase(), request.body.why, decidingNow(request));
        return { writes, result: viewInjury(file.athleteId, result) };
      });
      return found(injury, 'injury', id);
    },
  );

  app.get(
    '/v1/athletes/:id/medical-history',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'listMedicalHistory',
        summary: 'Every change of the medical record, newest first, with what was there before and after',
        description: 'Changes of illnesses are left out once their consent is withdrawn.',
        params: IdParams,
        querystring: HistoryQuery,
        response: { 200: PageOf(MedicalChange), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { subjectId } = request.query;
      const team = teamOf(request);
      found(await athletes.get(team, id), 'athlete', id);
      const page = await medical.listHistory(team, id, given({ subjectId }), pageRequest('medical-history', request.query));
      return pageReply('medical-history', page);
    },
  );
});
