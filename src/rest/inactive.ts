/** A deactivated athlete takes no new records: the one place that refuses them. What is there can be read, corrected and brought to an end. */
import type { FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { teamOf } from './auth.ts';
import { Problem, ProblemError } from './problems.ts';
import type { Repositories } from './ports.ts';

/** What records nothing new: what corrects, takes back or brings to an end, and a question about what is there. */
const OPEN: ReadonlySet<unknown> = new Set([
  'withdrawConsent',
  'eraseEntries',
  'correctOutcome',
  'undoFeedbackStep',
  'signStage',
  'advanceStage',
  'demoteStage',
  'askForExplanation',
]);

const OF_ATHLETE = '/v1/athletes/:id/';
/** These name the athlete in their body. */
const NAMED_IN_BODY: readonly string[] = ['/v1/sessions', '/v1/devices/:id/assignments'];

const takesRecord = ({ method, url, schema }: RouteOptions): boolean =>
  (method === 'POST' || method === 'PUT') && (url.startsWith(OF_ATHLETE) || NAMED_IN_BODY.includes(url)) && !OPEN.has(schema?.operationId);

function athleteOf({ routeOptions, params, body }: FastifyRequest): string {
  const named = routeOptions.url?.startsWith(OF_ATHLETE) === true;
  return named ? (params as { readonly id: string }).id : (body as { readonly athleteId: string }).athleteId;
}

export const inactivePlugin = fp<{ readonly repositories: Pick<Repositories, 'athletes'> }>(
  async (app, { repositories }) => {
    /** An athlete that there is not is the route's to answer. @throws ProblemError `athlete-inactive` */
    const requireActive = async (request: FastifyRequest): Promise<void> => {
      const athlete = await repositories.athletes.get(teamOf(request), athleteOf(request));
      if (athlete?.active !== false) return;
      throw new ProblemError(
        'athlete-inactive',
        `${athlete.name} is not active and takes no new records. If the athlete is back, make them active first: PATCH /v1/athletes/${athlete.id} {"active": true}`,
      );
    };
    app.addHook('onRoute', (route) => {
      if (!takesRecord(route)) return;
      route.preHandler = [route.preHandler ?? [], requireActive].flat();
      route.schema = { ...route.schema, response: { 409: Problem, ...(route.schema?.response as object) } };
    });
  },
  { name: 'kinewatch-inactive', dependencies: ['kinewatch-problems'] },
);
