import type { FastifyRequest } from 'fastify';
import { availabilityAt } from '../../asms/availability.ts';
import { teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, isoOf, isoOrNull } from '../schemas.ts';
import { decidingNow, requireInjury, seesDiagnoses, signingRole } from './caller.ts';
import { moveStage, returnOf, signStage, type Decided } from './decide.ts';
import type { MedicalFile } from './ports.ts';
import { AvailabilityView, ReturnList, ReturnParams, ReturnView } from './return-schemas.ts';
import { loadRangeOf, viewReturn, type ReturnReading } from './return-view.ts';
import { AdvanceBody, DemoteBody } from './schemas.ts';

const tags = ['medical'];
const NO_LOAD = { ratings: [], sessions: [] };

export const returns = resource('returns', async (app, { repositories: { athletes, load, medical } }) => {
  /** What a view of the athlete's returns is made of. */
  async function read(request: FastifyRequest, file: MedicalFile): Promise<ReturnReading> {
    const team = teamOf(request);
    const nowUs = Date.now() * 1_000;
    const range = loadRangeOf(file, nowUs);
    return {
      file,
      load: range === null ? NO_LOAD : await load.read(team, file.athleteId, range),
      recoveryFalls: await medical.recoveryFalls(team, file.athleteId),
      nowUs,
      withDiagnoses: seesDiagnoses(request),
    };
  }

  const viewsOf = (reading: ReturnReading): ReturnView[] =>
    reading.file.injuries
      .toSorted((a, b) => b.onsetUs - a.onsetUs)
      .flatMap((injury) => {
        const state = returnOf(reading.file, injury);
        return state === null ? [] : [viewReturn(reading, injury, state)];
      })
      .filter(({ phase }) => phase === 'stages' || phase === 'monitored');

  interface InjuryRequest extends FastifyRequest {
    readonly params: { id: string; injuryId: string };
  }

  /** A decision on one return, answered with the return as it is now. */
  async function decide(
    request: FastifyRequest,
    decision: (file: MedicalFile, injuryId: string) => Decided<MedicalFile>,
  ): Promise<ReturnView> {
    const { id, injuryId: named } = request.params as InjuryRequest['params'];
    const injuryId = named.toLowerCase();
    const changed = await medical.change(teamOf(request), { athleteId: id }, (file) => {
      requireInjury(file, injuryId);
      return decision(file, injuryId);
    });
    const reading = await read(request, found(changed, 'athlete', id));
    const view = viewsOf(reading).find((one) => one.injuryId === injuryId);
    return found(view ?? null, 'return to play of injury', injuryId);
  }

  app.get(
    '/v1/athletes/:id/return-to-play',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'listReturns',
        summary: 'Returns to play that go on or are monitored, newest injury first',
        description:
          'Stage, load ceiling, allowed work and what is open. Criteria with the measured value beside the own one from before the injury, reasons to go back ' +
          'and the history only with the scope medical.',
        params: IdParams,
        response: { 200: ReturnList, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const file = found(await medical.read(teamOf(request), { athleteId: id }), 'athlete', id);
      return { items: viewsOf(await read(request, file)) };
    },
  );

  app.post(
    '/v1/athletes/:id/return-to-play/:injuryId/sign',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'signStage',
        summary: 'Sign that the athlete may leave the stage, as the role of the key',
        params: ReturnParams,
        response: { 200: ReturnView, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const role = signingRole(request);
      return decide(request, (file, injuryId) => signStage(file, injuryId, role, decidingNow(request)));
    },
  );

  for (const [action, to, body, summary] of [
    ['advance', 'next', AdvanceBody, 'On to the next stage: every criterion met, every signature there'],
    ['demote', 'earlier', DemoteBody, 'Back one stage'],
  ] as const)
    app.post(
      `/v1/athletes/:id/return-to-play/:injuryId/${action}`,
      {
        onRequest: app.requires('medical'),
        schema: {
          tags,
          security,
          operationId: `${action}Stage`,
          summary,
          description:
            'By medical staff. A refusal names all that is open. Clearance after the last stage is POST /v1/injuries/{id}/clear.',
          params: ReturnParams,
          body,
          response: { 200: ReturnView, ...problems(401, 403, 404, 409, 422) },
        },
      },
      async (request) => decide(request, (file, injuryId) => moveStage(file, injuryId, to, request.body.why, decidingNow(request))),
    );

  app.get(
    '/v1/athletes/:id/availability',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags,
        security,
        operationId: 'getAvailability',
        summary: 'Full, modified or out, since when; why only with the scope medical',
        params: IdParams,
        response: { 200: AvailabilityView, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const team = teamOf(request);
      found(await athletes.get(team, id), 'athlete', id);
      const [stored] = await medical.availability(team, [id]);
      const { athleteId, problems: all } = found(stored ?? null, 'athlete', id);
      const nowUs = Date.now() * 1_000;
      const { availability, sinceUs, because } = availabilityAt(all, nowUs);
      const why = all
        .filter((one) => because.includes(one.id))
        .map(({ kind, id: problemId, diagnosisCode, region, side, onsetUs }) => ({
          kind,
          id: problemId,
          diagnosisCode,
          region,
          side,
          onsetAt: isoOf(onsetUs),
        }));
      const answer = { athleteId, availability, since: isoOrNull(sinceUs), at: isoOf(nowUs) };
      return seesDiagnoses(request) ? { ...answer, why } : answer;
    },
  );
});
