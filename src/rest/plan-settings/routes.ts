import type { FastifyRequest } from 'fastify';
import { ALLOWED_SHARE, DEFAULT_LIMITS, LOAD_UNIT } from '../../asms/plan/assemble.ts';
import { limitNotes } from '../../asms/plan/limits-in-words.ts';
import { shiftDay, teamDayOf } from '../../asms/team-days.ts';
import { callerOf, teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, readTime } from '../schemas.ts';
import { requireLimits } from './check-limits.ts';
import type { PlanSubject, StoredPlannedLoad } from './ports.ts';
import {
  ConditionsBody,
  ConditionsView,
  DosesBody,
  DosesView,
  LimitsBody,
  PlanLimitsView,
  PlannedLoadBody,
  PlannedLoadQuery,
  PlannedLoadView,
  type DoseRow,
  type PlannedDays,
  type PlannedDayView,
} from './schemas.ts';

const tags = ['plans'];
/** (chosen) Days of planned load shown unless told, and at most; days ahead that can be planned. */
const SHOWN_DAYS = 14;
const MOST_DAYS = 92;
const DOSE_DAYS = 90;

/** @throws ProblemError `plan-range`, `validation-failed` (a day twice) */
function readPlannedDays(days: PlannedDays, today: string): StoredPlannedLoad[] {
  const seen = new Set<string>();
  return days.map(({ day, load, minimum = load * ALLOWED_SHARE.minimum, maximum = load * ALLOWED_SHARE.maximum, match = false }, i) => {
    readTime(day);
    if (day < today || day > shiftDay(today, MOST_DAYS))
      throw new ProblemError('time-out-of-range', `${day} cannot be planned: give days from ${today} to ${shiftDay(today, MOST_DAYS)}`);
    if (seen.has(day))
      throw new ProblemError('validation-failed', `${day} stands there twice`, [
        { in: 'body', path: `/days/${i}/day`, message: 'must be named once' },
      ]);
    seen.add(day);
    if (!(minimum <= load && load <= maximum))
      throw new ProblemError(
        'plan-range',
        `${day}: the load ${load} lies outside its allowed range ${minimum} to ${maximum}; change one of them`,
      );
    return { day, load, minimum, maximum, match };
  });
}

export const planSettings = resource('plan-settings', async (app, { repositories, planning }) => {
  const settings = repositories.planSettings;
  const ofAthlete = async (request: FastifyRequest, id: string): Promise<PlanSubject & { readonly athleteId: string }> => {
    const athlete = found(await repositories.athletes.get(teamOf(request), id), 'athlete', id);
    return { teamId: athlete.teamId, athleteId: athlete.id };
  };
  const ofTeam = async (request: FastifyRequest, id: string): Promise<PlanSubject> => {
    if (!(await settings.hasTeam(teamOf(request), id))) throw new ProblemError('not-found', `There is no team ${id}`);
    return { teamId: id, athleteId: null };
  };

  const viewLimits = async (subject: PlanSubject): Promise<PlanLimitsView> => {
    const history = await settings.limits(subject);
    const own = history[0]?.value ?? {};
    const team = subject.athleteId === null ? own : ((await settings.limits({ ...subject, athleteId: null }))[0]?.value ?? {});
    const places = [
      ...(subject.athleteId === null ? [] : [['athlete', own] as const]),
      ['team', team] as const,
      ['default', DEFAULT_LIMITS] as const,
    ];
    const last = ['default', DEFAULT_LIMITS] as const;
    const find = <K extends keyof LimitsBody>(name: K) => {
      const [source, limits] = places.find(([, one]) => one[name] !== undefined) ?? last;
      return { source, value: limits[name] as Exclude<LimitsBody[K], undefined> };
    };
    const inForce = {
      costBudget: find('costBudget'),
      dailyLoadLimit: find('dailyLoadLimit'),
      loadStep: find('loadStep'),
      weights: find('weights'),
    };
    return {
      ...subject,
      history: history.map(({ value, ...version }) => ({ ...version, limits: value })),
      inForce,
      notes: limitNotes({
        costBudget: inForce.costBudget.value,
        weights: inForce.weights.value,
      }),
    };
  };

  const viewPlannedLoad = async (subject: PlanSubject, query: { readonly from?: string; readonly to?: string }) => {
    const today = teamDayOf(Date.now(), await settings.timeZone(subject.teamId));
    const from = query.from ?? today;
    readTime(from);
    const to = query.to ?? shiftDay(from, SHOWN_DAYS - 1);
    readTime(to);
    if (from > to || to > shiftDay(from, MOST_DAYS - 1))
      throw new ProblemError('time-out-of-range', `Give a range of 1 to ${MOST_DAYS} days: ${from} to ${to} is none`);
    const own = await settings.plannedLoads(subject, { from, to });
    const team = subject.athleteId === null ? [] : await settings.plannedLoads({ ...subject, athleteId: null }, { from, to });
    const days: PlannedDayView[] = [];
    for (let day = from; day <= to; day = shiftDay(day, 1)) {
      const [source, one] =
        [
          ['athlete', own.find((row) => row.day === day && subject.athleteId !== null)] as const,
          ['team', (subject.athleteId === null ? own : team).find((row) => row.day === day)] as const,
        ].find(([, row]) => row !== undefined) ?? ([null, undefined] as const);
      days.push({
        day,
        load: one?.load ?? null,
        minimum: one?.minimum ?? null,
        maximum: one?.maximum ?? null,
        match: one?.match ?? null,
        source,
        by: one?.by ?? null,
        at: one?.at ?? null,
      });
    }
    return { ...subject, from, to, unit: LOAD_UNIT, days };
  };

  for (const [place, subjectOf, name] of [
    ['/v1/athletes/:id', ofAthlete, 'Athlete'],
    ['/v1/teams/:id', ofTeam, 'Team'],
  ] as const) {
    const whom = name === 'Athlete' ? 'an athlete' : 'every athlete of a team';
    app.get(
      `${place}/plan-limits`,
      {
        onRequest: app.requires('read'),
        schema: {
          tags,
          security,
          operationId: `get${name}PlanLimits`,
          summary: `Limits that plans for ${whom} keep to`,
          params: IdParams,
          response: { 200: PlanLimitsView, ...problems(401, 403, 404) },
        },
      },
      async (request) => viewLimits(await subjectOf(request, request.params.id)),
    );

    app.put(
      `${place}/plan-limits`,
      {
        onRequest: app.requires('write'),
        schema: {
          tags,
          security,
          operationId: `put${name}PlanLimits`,
          summary: `Set the limits that plans for ${whom} keep to, as a new version`,
          description:
            'A cost budget of 0 means that nothing that costs is planned. A daily load limit or a load step of 0 is refused, with what to do instead. Plans that were made are not changed.',
          params: IdParams,
          body: LimitsBody,
          response: { 200: PlanLimitsView, ...problems(401, 403, 404, 422) },
        },
      },
      async (request) => {
        const subject = await subjectOf(request, request.params.id);
        requireLimits(request.body);
        await settings.putLimits(subject, request.body, callerOf(request).name);
        return viewLimits(subject);
      },
    );

    app.get(
      `${place}/planned-load`,
      {
        onRequest: app.requires('read', { self: name === 'Athlete' }),
        schema: {
          tags,
          security,
          operationId: `get${name}PlannedLoad`,
          summary: `Training load planned for ${whom} a day`,
          params: IdParams,
          querystring: PlannedLoadQuery,
          response: { 200: PlannedLoadView, ...problems(401, 403, 404, 422) },
        },
      },
      async (request) => viewPlannedLoad(await subjectOf(request, request.params.id), request.query),
    );

    app.put(
      `${place}/planned-load`,
      {
        onRequest: app.requires('write'),
        schema: {
          tags,
          security,
          operationId: `put${name}PlannedLoad`,
          summary: `Plan the training load of ${whom} for some days`,
          description: 'The days named are set, others stay. What is planned for an athlete stands before what is planned for the team.',
          params: IdParams,
          body: PlannedLoadBody,
          response: { 200: PlannedLoadView, ...problems(401, 403, 404, 422) },
        },
      },
      async (request) => {
        const subject = await subjectOf(request, request.params.id);
        const today = teamDayOf(Date.now(), await settings.timeZone(subject.teamId));
        const days = readPlannedDays(request.body.days, today);
        await settings.putPlannedLoads(subject, days, callerOf(request).name);
        const named = days.map(({ day }) => day).toSorted();
        return viewPlannedLoad(subject, { from: named[0] ?? today, to: named.at(-1) ?? today });
      },
    );
  }

  const viewConditions = async ({ teamId, athleteId }: PlanSubject & { readonly athleteId: string }) => {
    const [newest] = await settings.conditions(athleteId);
    return {
      athleteId,
      conditions: [...(newest?.value ?? [])],
      version: newest?.version ?? 0,
      by: newest?.by ?? null,
      at: newest?.at ?? null,
      known: await knownConditions(teamId),
    };
  };
  const knownConditions = async (teamId: string): Promise<string[]> => {
    const inForce = await repositories.catalogue.list(teamId, { history: false });
    const named = inForce.flatMap(({ entry }) => entry['contraindications'] as readonly string[]);
    return [...new Set(named)].toSorted();
  };

  app.get(
    '/v1/athletes/:id/plan-conditions',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'getPlanConditions',
        summary: 'Conditions of an athlete that rule out interventions',
        params: IdParams,
        response: { 200: ConditionsView, ...problems(401, 403, 404) },
      },
    },
    async (request) => viewConditions(await ofAthlete(request, request.params.id)),
  );

  app.put(
    '/v1/athletes/:id/plan-conditions',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'putPlanConditions',
        summary: 'Record the conditions of an athlete that rule out interventions, as a new version',
        description: 'A name that no intervention in force has among its contraindications is refused: it would rule out nothing.',
        params: IdParams,
        body: ConditionsBody,
        response: { 200: ConditionsView, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const subject = await ofAthlete(request, request.params.id);
      const known = await knownConditions(subject.teamId);
      const unknown = request.body.conditions.find((condition) => !known.includes(condition));
      if (unknown !== undefined)
        throw new ProblemError(
          'unknown-reference',
          known.length === 0
            ? `No intervention in force has a contraindication, so there is nothing that ${unknown} would keep from being planned`
            : `No intervention in force has the contraindication ${unknown}: give some of ${known.join(', ')}`,
        );
      await settings.putConditions(subject, request.body.conditions, callerOf(request).name);
      return viewConditions(subject);
    },
  );

  const viewDoses = async (request: FastifyRequest, athleteId: string) => {
    const known = found(await planning.doses(teamOf(request), athleteId), 'athlete', athleteId);
    const rows = new Map<string, DoseRow>();
    for (const { day, interventionId, share } of known.planned)
      rows.set(`${day} ${interventionId}`, { day, interventionId, planned: share, done: null });
    for (const { day, interventionId, share } of known.done) {
      const key = `${day} ${interventionId}`;
      rows.set(key, { day, interventionId, planned: rows.get(key)?.planned ?? null, done: share });
    }
    const items = [...rows.values()].toSorted((a, b) =>
      a.day === b.day ? a.interventionId.localeCompare(b.interventionId) : a.day < b.day ? 1 : -1,
    );
    return { athleteId, items, adherence: known.adherence };
  };

  app.get(
    '/v1/athletes/:id/doses',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'listDoses',
        summary: 'What accepted plans asked for and what was done, with the adherence that plans reckon with',
        params: IdParams,
        response: { 200: DosesView, ...problems(401, 403, 404) },
      },
    },
    async (request) => viewDoses(request, (await ofAthlete(request, request.params.id)).athleteId),
  );

  app.put(
    '/v1/athletes/:id/doses',
    {
      onRequest: app.requires('write', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'putDoses',
        summary: 'Report what was done of an intervention on a day; said again, it is corrected',
        params: IdParams,
        body: DosesBody,
        response: { 200: DosesView, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { teamId, athleteId } = await ofAthlete(request, request.params.id);
      const { doses } = request.body;
      const today = teamDayOf(Date.now(), await settings.timeZone(teamId));
      const since = shiftDay(today, -DOSE_DAYS);
      const known = new Set((await repositories.catalogue.list(teamId, { history: true })).map(({ entryId }) => entryId));
      const seen = new Set<string>();
      doses.forEach(({ day, interventionId }, i) => {
        readTime(day);
        if (day > today || day < since)
          throw new ProblemError('time-out-of-range', `${day} cannot be reported: give days from ${since} to ${today}, when it is done`);
        if (!known.has(interventionId))
          throw new ProblemError('unknown-reference', `There is no intervention ${interventionId}: GET /v1/catalogue lists them`);
        if (seen.has(`${day} ${interventionId}`))
          throw new ProblemError('validation-failed', `${interventionId} on ${day} stands there twice`, [
            { in: 'body', path: `/doses/${i}`, message: 'must be named once' },
          ]);
        seen.add(`${day} ${interventionId}`);
      });
      await settings.putDoses(athleteId, doses, callerOf(request).name);
      return viewDoses(request, athleteId);
    },
  );
});
