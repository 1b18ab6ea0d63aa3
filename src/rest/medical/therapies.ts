import { randomUUID } from 'node:crypto';
import { teamDays } from '../../asms/team-days.ts';
import { teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, isoOf, microsOf, PageOf, readTime } from '../schemas.ts';
import { decidingNow, given } from './caller.ts';
import { correctTherapy, endTherapy, recordAdherence, startTherapy, withdrawTherapy } from './decide.ts';
import { Adherence, AdherenceLog, MedicalQuery, NewAdherence, NewTherapy, Therapy, TherapyCorrection, WithdrawBody } from './schemas.ts';
import { viewTherapy } from './view.ts';

const tags = ['medical'];

export const therapies = resource('therapies', async (app, { repositories: { athletes, medical } }) => {
  app.get(
    '/v1/athletes/:id/therapies',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'listTherapies',
        summary: 'Therapies of an athlete, newest start first',
        params: IdParams,
        querystring: MedicalQuery,
        response: { 200: PageOf(Therapy), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { open } = request.query;
      const team = teamOf(request);
      found(await athletes.get(team, id), 'athlete', id);
      const page = await medical.listTherapies(team, id, given({ open }), pageRequest('therapies', request.query));
      return pageReply('therapies', { ...page, items: page.items.map((one) => viewTherapy(id.toLowerCase(), one)) });
    },
  );

  app.post(
    '/v1/athletes/:id/therapies',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'createTherapy',
        summary: 'Record a therapy of an open injury',
        description: 'From the time it has begun: one that starts in the future is refused. Its end may be planned.',
        params: IdParams,
        body: NewTherapy,
        response: { 201: Therapy, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { injuryId, kind, dosePerDay, adherence = 1, startsAt, endsAt } = request.body;
      const starts = readTime(startsAt);
      const ends = endsAt === undefined ? null : readTime(endsAt);
      if (ends !== null && ends <= starts) {
        throw new ProblemError('validation-failed', 'A therapy ends after it starts', [
          { in: 'body', path: '/endsAt', message: 'must be after startsAt' },
        ]);
      }
      const prescribed = { kind, dosePerDay, adherence, startsUs: microsOf(starts), endsUs: ends === null ? null : microsOf(ends) };
      const made = await medical.change(teamOf(request), { athleteId: id }, (file) => {
        if (!file.injuries.some((one) => one.injuryId === injuryId.toLowerCase()))
          throw new ProblemError('unknown-reference', `The athlete has no injury ${injuryId}. Record the injury first.`);
        return startTherapy(file, randomUUID(), injuryId.toLowerCase(), prescribed, decidingNow(request));
      });
      return reply.code(201).send(viewTherapy(id.toLowerCase(), found(made, 'athlete', id)));
    },
  );

  app.patch(
    '/v1/therapies/:id',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'correctTherapy',
        summary: 'Correct a therapy: what was said before stays in the history',
        params: IdParams,
        body: TherapyCorrection,
        response: { 200: Therapy, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { why, startsAt, endsAt, ...said } = request.body;
      const patch = given({
        ...said,
        startsUs: startsAt === undefined ? undefined : microsOf(readTime(startsAt)),
        endsUs: endsAt === undefined || endsAt === null ? endsAt : microsOf(readTime(endsAt)),
      });
      const therapy = await medical.change(teamOf(request), { therapyId: id }, (file) => {
        const { writes, result } = correctTherapy(file, id.toLowerCase(), patch, why, decidingNow(request));
        return { writes, result: viewTherapy(file.athleteId, result) };
      });
      return found(therapy, 'therapy', id);
    },
  );

  app.post(
    '/v1/therapies/:id/end',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'endTherapy',
        summary: 'End a therapy now',
        params: IdParams,
        response: { 200: Therapy, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const therapy = await medical.change(teamOf(request), { therapyId: id }, (file) => {
        const { writes, result } = endTherapy(file, id.toLowerCase(), decidingNow(request));
        return { writes, result: viewTherapy(file.athleteId, result) };
      });
      return found(therapy, 'therapy', id);
    },
  );

  app.post(
    '/v1/therapies/:id/withdraw',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'withdrawTherapy',
        summary: 'Take a therapy back that never was: the history keeps it',
        params: IdParams,
        body: WithdrawBody,
        response: { 200: Therapy, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const therapy = await medical.change(teamOf(request), { therapyId: id }, (file) => {
        const { writes, result } = withdrawTherapy(file, id.toLowerCase(), request.body.why, decidingNow(request));
        return { writes, result: viewTherapy(file.athleteId, result) };
      });
      return found(therapy, 'therapy', id);
    },
  );

  app.get(
    '/v1/therapies/:id/adherence',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'listAdherence',
        summary: 'What was done of a therapy, newest day first',
        params: IdParams,
        response: { 200: AdherenceLog, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return { items: [...found(await medical.listAdherence(teamOf(request), id), 'therapy', id)] };
    },
  );

  app.post(
    '/v1/therapies/:id/adherence',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'recordAdherence',
        summary: "Record the share of a day's dose that was done",
        description: 'It holds from that day until the next entry. A second entry for a day corrects the first; the history keeps it.',
        params: IdParams,
        body: NewAdherence,
        response: { 201: Adherence, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { day, share } = request.body;
      readTime(day);
      const deciding = decidingNow(request);
      const entry = await medical.change(teamOf(request), { therapyId: id }, (file) => {
        const [within] = teamDays(day, day, file.timeZone);
        if (within === undefined) throw new ProblemError('time-out-of-range', `There was no ${day} in ${file.timeZone}`);
        const { writes, result } = recordAdherence(file, id.toLowerCase(), { ...within, share }, deciding);
        return { writes, result: { ...result, athleteId: file.athleteId } };
      });
      const { therapyId, athleteId, by } = found(entry, 'therapy', id);
      return reply.code(201).send({ therapyId, athleteId, day, share, by, recordedAt: isoOf(deciding.nowUs) });
    },
  );
});
