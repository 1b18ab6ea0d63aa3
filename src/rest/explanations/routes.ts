import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import { drawSummary } from '../../score/explain/summary-svg.ts';
import { summariseExplanations } from '../../score/explain/summary.ts';
import { wordsOf } from '../../score/explain/sentence.ts';
import { allows, callerOf, teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import type { RestOptions } from '../ports.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, readRange } from '../schemas.ts';
import type { SummaryRange } from './ports.ts';
import { ExplanationSummary, GrainQuery, ScoreExplanation, SummaryQuery, WindowParams } from './schemas.ts';
import { shownTo, viewExplanation } from './view.ts';

const DAY_MS = 86_400_000;
/** Of a summary whose `from` is not given. */
const DEFAULT_DAYS = 28;
const SVG = 'image/svg+xml';

const mayReadMedical = (request: FastifyRequest): boolean => allows(callerOf(request).scopes, 'medical');
const keyOf = (params: Static<typeof WindowParams>, { grain = 'sensor' }: Static<typeof GrainQuery>) => ({
  athleteId: params.id,
  windowIndex: params.windowIndex,
  grain,
});

function rangeOf(query: Static<typeof SummaryQuery>, nowMs: number): SummaryRange {
  const { from, to } = readRange(query);
  const until = to ?? new Date(nowMs);
  return {
    from: from ?? new Date(until.getTime() - DEFAULT_DAYS * DAY_MS),
    to: until,
    grain: query.grain ?? 'sensor',
    modelVersion: query.modelVersion ?? null,
  };
}

/** Asked for by name, and not also the data. */
const wantsPicture = ({ headers: { accept = '' } }: FastifyRequest): boolean => accept.includes(SVG) && !accept.includes('json');

const dayOf = (time: Date): string => time.toISOString().slice(0, 10);

async function readSummary({ repositories }: RestOptions, request: FastifyRequest, teamId: string, query: Static<typeof SummaryQuery>) {
  const range = rangeOf(query, Date.now());
  const { teamName, explanations, truncated } = found(
    await repositories.explanations.ofTeam(teamOf(request), teamId, range),
    'team',
    teamId,
  );
  const medical = mayReadMedical(request);
  const summary = summariseExplanations(explanations.map((one) => shownTo(medical, one)));
  // It tells of every athlete of the team and names none: one entry that names the team.
  const caller = callerOf(request);
  const entry = { keyId: caller.keyId, caller: caller.name, teamId, statusCode: 200, athleteIds: [] };
  await repositories.audit.record({ ...entry, action: request.routeOptions.schema?.operationId ?? 'summariseExplanations' });
  return { range, teamName, summary, truncated };
}

function sendPicture(reply: FastifyReply, { teamName, range, summary }: Awaited<ReturnType<typeof readSummary>>): FastifyReply {
  return reply.type(SVG).send(drawSummary(summary, `${teamName}, ${dayOf(range.from)} to ${dayOf(range.to)}`));
}

const Picture = { description: 'Mean |contribution| of each part, and every single one', content: { [SVG]: { schema: Type.String() } } };

export const explanations = resource('explanations', async (app, options) => {
  const { repositories } = options;
  app.post(
    '/v1/athletes/:id/scores/:windowIndex/explanation',
    {
      onRequest: app.requires('write'),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'askForExplanation',
        summary: "Ask why a window's score is what it is",
        description:
          'Made in the background, in seconds: ask for it with GET. What is there or under way stays as it is; a refused one is tried again. Alerts of type ' +
          'risk and deviation are explained without asking. The window is built again from its raw frames, so it can be had for as long as those are kept.',
        params: WindowParams,
        querystring: GrainQuery,
        response: { 202: ScoreExplanation, ...problems(401, 403, 404, 409, 503) },
      },
    },
    async (request, reply) => {
      const key = keyOf(request.params, request.query);
      const asked = await repositories.explanations.ask(teamOf(request), key, callerOf(request).name);
      return reply.code(202).send(viewExplanation(found(asked, 'scored window', String(key.windowIndex)), mayReadMedical(request)));
    },
  );

  app.get(
    '/v1/athletes/:id/scores/:windowIndex/explanation',
    {
      onRequest: app.requires('read'),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'getExplanation',
        summary: "Why a window's score is what it is",
        description: 'Shapley values of the logit. They describe the model: they say what moved the score, not what caused it.',
        params: WindowParams,
        querystring: GrainQuery,
        response: { 200: ScoreExplanation, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const key = keyOf(request.params, request.query);
      const stored = await repositories.explanations.get(teamOf(request), key);
      return viewExplanation(found(stored, 'explanation of window', `${key.windowIndex}: ask for it with POST`), mayReadMedical(request));
    },
  );

  app.get(
    '/v1/teams/:id/explanations/summary',
    {
      onRequest: app.requires('read'),
      schema: {
        tags: ['teams'],
        security,
        operationId: 'summariseExplanations',
        summary: 'What moved the scores of a team in a period, as data or as a picture',
        description: `Over the explained windows that start in the period, the last ${DEFAULT_DAYS} days unless told. With \`Accept: ${SVG}\` the picture is sent.`,
        params: IdParams,
        querystring: SummaryQuery,
        response: {
          200: {
            description: 'OK',
            content: { 'application/json': { schema: ExplanationSummary }, ...Picture.content },
          },
          ...problems(401, 403, 404, 422),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const read = await readSummary(options, request, id, request.query);
      if (wantsPicture(request)) return sendPicture(reply, read);
      const { range, summary, truncated } = read;
      return reply.send({
        teamId: id,
        from: range.from.toISOString(),
        to: range.to.toISOString(),
        grain: range.grain,
        modelVersion: summary.modelVersion,
        windows: summary.windows,
        truncated,
        rows: summary.rows.map((row) => ({ ...row, label: wordsOf(row.name), points: row.points.map((point) => ({ ...point })) })),
      });
    },
  );

  app.get(
    '/v1/teams/:id/explanations/summary.svg',
    {
      onRequest: app.requires('read'),
      schema: {
        tags: ['teams'],
        security,
        operationId: 'drawExplanations',
        summary: 'The same as a picture, whatever the request accepts',
        params: IdParams,
        querystring: SummaryQuery,
        response: { 200: Picture, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => sendPicture(reply, await readSummary(options, request, request.params.id, request.query)),
  );
});
