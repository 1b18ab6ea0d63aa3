/**
 * What athletes say of themselves, each kind under a consent of its own: wellness, morning heart-rate variability, illness, menstrual entries. Without a
 * consent nothing is taken; once it is withdrawn nothing is shown, and it can be erased.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { TREND_DAYS } from '../../asms/morning-hrv.ts';
import { shiftDay, teamDayOf, teamDays } from '../../asms/team-days.ts';
import { allows, callerOf, teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { readDays } from '../load/view.ts';
import { ProblemError, problems } from '../problems.ts';
import type { RestOptions } from '../ports.ts';
import { found, resource } from '../resource.ts';
import { IdParams, readTime } from '../schemas.ts';
import { checkDay, checkOverlap, checkStretch, closeOnce, correctIllness } from './illness.ts';
import { viewMornings } from './mornings.ts';
import {
  Consent,
  ConsentNamed,
  Consents,
  CONSENT_KINDS,
  CONSENT_PURPOSES,
  DIARIES,
  DiaryQuery,
  EntriesOf,
  EntryOf,
  Erased,
  Illness,
  IllnessClosed,
  IllnessCorrection,
  Illnesses,
  MorningSeries,
  NewConsent,
  NewEntryOf,
  NewIllness,
  type ConsentKind,
  type DiaryKind,
} from './schemas.ts';

const tags = ['diary'];

/** Medical detail is for the scope medical, and for the athlete's own key. */
const mayReadMedical = (request: FastifyRequest): boolean =>
  allows(callerOf(request).scopes, 'medical') || callerOf(request).athleteId !== null;

/** @throws ProblemError `insufficient-scope` */
function requireKind(request: FastifyRequest, kind: ConsentKind): void {
  if (CONSENT_PURPOSES[kind] === 'medical-care' && !mayReadMedical(request)) {
    throw new ProblemError('insufficient-scope', `Consents for ${kind} need the scope medical or the key of the athlete`);
  }
}

const noConsent = (kind: ConsentKind): string => `There is no consent of the athlete for ${kind}, or it was withdrawn`;

const consentRoutes: FastifyPluginAsyncTypebox<RestOptions> = async (app, { repositories: { diary } }) => {
  app.get(
    '/v1/athletes/:id/consents',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'listConsents',
        summary: 'Consents of an athlete, those withdrawn too',
        description: 'Consents for illness and menstrual entries are left out without the scope medical.',
        params: IdParams,
        response: { 200: Consents, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const kinds = CONSENT_KINDS.filter((kind) => CONSENT_PURPOSES[kind] !== 'medical-care' || mayReadMedical(request));
      return { athleteId: id, items: [...found(await diary.consents(teamOf(request), id, kinds), 'athlete', id)] };
    },
  );

  app.post(
    '/v1/athletes/:id/consents',
    {
      onRequest: app.requires('write', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'giveConsent',
        summary: 'Record that the athlete consents to one kind of entries',
        params: IdParams,
        body: NewConsent,
        response: { 201: Consent, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { kind, givenAt } = request.body;
      requireKind(request, kind);
      const now = new Date();
      const given = givenAt === undefined ? now : readTime(givenAt);
      if (given > now)
        throw new ProblemError('time-out-of-range', `givenAt ${givenAt} lies in the future: record the consent when it is given`);
      const consent = { kind, purpose: CONSENT_PURPOSES[kind], given, by: callerOf(request).name };
      return reply.code(201).send(found(await diary.giveConsent(teamOf(request), id, consent), 'athlete', id));
    },
  );

  app.post(
    '/v1/athletes/:id/consents/withdraw',
    {
      onRequest: app.requires('write', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'withdrawConsent',
        summary: 'Withdraw a consent: entries under it are hidden at once and no more are taken',
        params: IdParams,
        body: ConsentNamed,
        response: { 200: Consent, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params;
      requireKind(request, request.body.kind);
      return found(await diary.withdrawConsent(teamOf(request), id, request.body.kind, callerOf(request).name), 'athlete', id);
    },
  );

  app.post(
    '/v1/athletes/:id/consents/erase',
    {
      onRequest: app.requires('write', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'eraseEntries',
        summary: 'Delete for good every entry of a kind whose consent was withdrawn',
        params: IdParams,
        body: ConsentNamed,
        response: { 200: Erased, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { kind } = request.body;
      requireKind(request, kind);
      return { athleteId: id, kind, erased: found(await diary.erase(teamOf(request), id, kind), 'athlete', id) };
    },
  );
};

/** POST and GET of one kind; morning-hrv has a GET of its own. */
const entryRoutes =
  (kind: DiaryKind): FastifyPluginAsyncTypebox<RestOptions> =>
  async (app, { repositories: { diary, load } }) => {
    const { path, operation, read, write, what } = DIARIES[kind];
    const url = `/v1/athletes/:id/${path}`;
    app.post(
      url,
      {
        onRequest: app.requires(write, { self: true }),
        schema: {
          tags,
          security,
          operationId: `enter${operation}`,
          summary: `Enter ${what}`,
          description: `Needs a consent for ${kind}. One entry a day stands; another of the day corrects it by \`replaces\`.`,
          params: IdParams,
          body: NewEntryOf(kind),
          response: { 201: EntryOf(kind), ...problems(401, 403, 404, 409, 422) },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const team = teamOf(request);
        const timeZone = found(await load.timeZone(team, id), 'athlete', id);
        const { day, value, replaces = null } = request.body;
        checkDay(day, teamDayOf(Date.now(), timeZone));
        const entry = { kind, day, value, replaces, by: callerOf(request).name };
        return reply.code(201).send(found(await diary.enter(team, id, entry), 'athlete', id));
      },
    );
    if (kind === 'morning-hrv') return;
    app.get(
      url,
      {
        onRequest: app.requires(read, { self: true }),
        schema: {
          tags,
          security,
          operationId: `list${operation}`,
          summary: `Entries of an athlete: ${what}`,
          params: IdParams,
          querystring: DiaryQuery,
          response: { 200: EntriesOf(kind), ...problems(401, 403, 404, 422) },
        },
      },
      async (request) => {
        const { id } = request.params;
        const team = teamOf(request);
        const timeZone = found(await load.timeZone(team, id), 'athlete', id);
        const { from, to } = readDays(request.query, timeZone, Date.now());
        const entries = found(await diary.entries(team, id, kind, { from, to }), 'athlete', id);
        return { athleteId: id, from, to, hiddenBecause: entries.consented ? null : noConsent(kind), items: [...entries.items] };
      },
    );
  };

const morningRoutes: FastifyPluginAsyncTypebox<RestOptions> = async (app, { repositories: { diary, load } }) => {
  app.get(
    '/v1/athletes/:id/morning-hrv',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'getMorningHrv',
        summary: 'ln rMSSD of each morning, with the own baseline and the fall from it at the last day',
        description:
          'From entries, and from sessions that began before noon and recorded every beat at rest. Without a consent for morning-hrv there is no series.',
        params: IdParams,
        querystring: DiaryQuery,
        response: { 200: MorningSeries, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const team = teamOf(request);
      const timeZone = found(await load.timeZone(team, id), 'athlete', id);
      const { from, to } = readDays(request.query, timeZone, Date.now());
      const first = [from, shiftDay(to, 1 - TREND_DAYS)].toSorted()[0] as string;
      const days = teamDays(first, to, timeZone);
      return viewMornings({ athleteId: id, timeZone, from, to }, days, found(await diary.mornings(team, id, days), 'athlete', id));
    },
  );
};

const hideDetail = (illness: Illness): Illness => ({ ...illness, diagnosisCode: null, system: null, note: null });

const illnessRoutes: FastifyPluginAsyncTypebox<RestOptions> = async (app, { repositories: { diary, load } }) => {
  app.get(
    '/v1/athletes/:id/illnesses',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'listIllnesses',
        summary: 'Illnesses of an athlete, newest first',
        description: 'Days and availability; what it was only with the scope medical or the key of the athlete.',
        params: IdParams,
        response: { 200: Illnesses, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { consented, items } = found(await diary.illnesses(teamOf(request), id), 'athlete', id);
      const shown = mayReadMedical(request) ? items : items.map(hideDetail);
      return { athleteId: id, hiddenBecause: consented ? null : noConsent('illness'), items: [...shown] };
    },
  );

  app.post(
    '/v1/athletes/:id/illnesses',
    {
      onRequest: app.requires('medical', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'reportIllness',
        summary: 'Report an illness',
        description:
          'Needs a consent for illness. One that overlaps another of the athlete is refused. `returnedDay` records one that is over.',
        params: IdParams,
        body: NewIllness,
        response: { 201: Illness, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const team = teamOf(request);
      const { onsetDay, returnedDay = null } = request.body;
      checkStretch({ onsetDay, returnedDay }, teamDayOf(Date.now(), found(await load.timeZone(team, id), 'athlete', id)));
      const illness = { ...request.body, by: callerOf(request).name };
      const check = (others: readonly Illness[]): void => checkOverlap({ onsetDay, returnedDay }, others);
      return reply.code(201).send(found(await diary.reportIllness(team, id, illness, check), 'athlete', id));
    },
  );

  app.post(
    '/v1/illnesses/:id/close',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'closeIllness',
        summary: 'An athlete is fully available again after an illness',
        params: IdParams,
        body: IllnessClosed,
        response: { 200: Illness, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { returnedDay } = request.body;
      const note = { change: 'closed', by: callerOf(request).name, why: null } as const;
      const closed = await diary.changeIllness(teamOf(request), id, note, (illness, _others, timeZone) => {
        closeOnce(illness);
        checkStretch({ ...illness, returnedDay }, teamDayOf(Date.now(), timeZone));
        return { returnedDay };
      });
      return found(closed, 'illness', id);
    },
  );

  app.patch(
    '/v1/illnesses/:id',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'correctIllness',
        summary: 'Correct an illness: what was said before stays in the medical history',
        description: 'Null takes a field back; a returnedDay of null opens the illness again.',
        params: IdParams,
        body: IllnessCorrection,
        response: { 200: Illness, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { why, ...patch } = request.body;
      const note = { change: 'corrected', by: callerOf(request).name, why } as const;
      const corrected = await diary.changeIllness(teamOf(request), id, note, (illness, others, timeZone) =>
        correctIllness(illness, patch, others, teamDayOf(Date.now(), timeZone)),
      );
      return found(corrected, 'illness', id);
    },
  );
};

export const diary = resource('diary', async (app, options) => {
  await app.register(consentRoutes, options);
  for (const kind of Object.keys(DIARIES) as DiaryKind[]) await app.register(entryRoutes(kind), options);
  await app.register(morningRoutes, options);
  await app.register(illnessRoutes, options);
});
