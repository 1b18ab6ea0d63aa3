/** The coaches' API: one plugin that registers the resources, their documentation and the problem documents. */
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifyError, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import fp from 'fastify-plugin';
import { alarmSettings } from './alarm-settings/routes.ts';
import { alertFigures } from './alert-figures/routes.ts';
import { alerts } from './alerts/routes.ts';
import { apiKeys } from './api-keys/routes.ts';
import { athletes } from './athletes/routes.ts';
import { audit } from './audit/routes.ts';
import { auditPlugin } from './audit/record.ts';
import { authPlugin } from './auth.ts';
import { catalogue } from './catalogue/routes.ts';
import { devices } from './devices/routes.ts';
import { diary } from './diary/routes.ts';
import { documentationPlugin } from './documentation.ts';
import { feedback } from './feedback/routes.ts';
import { explanations } from './explanations/routes.ts';
import { gateways } from './gateways/routes.ts';
import { inactivePlugin } from './inactive.ts';
import { injuryFiguresOfTeam } from './injury-figures/routes.ts';
import { limits } from './limits/routes.ts';
import { hazard } from './hazard/routes.ts';
import { live } from './live/routes.ts';
import { load } from './load/routes.ts';
import { loadCeilings } from './load-ceilings/routes.ts';
import { medicalResources } from './medical/routes.ts';
import { metrics } from './metrics/routes.ts';
import { models } from './models/routes.ts';
import { operations } from './operations/routes.ts';
import { plans } from './plans/routes.ts';
import { planSettings } from './plan-settings/routes.ts';
import { notices } from './notices/routes.ts';
import type { RestOptions } from './ports.ts';
import { ProblemError, problemsPlugin, sendProblem } from './problems.ts';
import { recommendations } from './recommendations/routes.ts';
import { scores } from './scores/routes.ts';
import { sessions } from './sessions/routes.ts';
import { state } from './state/routes.ts';
import { teams } from './teams/routes.ts';
import { today } from './today/routes.ts';
import { webhooks } from './webhooks/routes.ts';

/** The largest body any route needs is a few kilobytes. */
const BODY_LIMIT_BYTES = 65_536;

/** Options of the Fastify instance that serves the API, so that faults met before routing are problem documents too. */
export const restServerOptions = {
  bodyLimit: BODY_LIMIT_BYTES,
  frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    void sendProblem(error, request, reply);
  },
} satisfies FastifyServerOptions;

/** No body of the API nests deeper than 4; validators and serialisers recurse, and a body of brackets would exhaust the stack. */
const MAX_DEPTH = 16;
/** NUL, and halves of a surrogate pair: JSON can write them, PostgreSQL can keep neither. */
const UNKEEPABLE = /[\0\p{Surrogate}]/u;

interface Fault {
  readonly path: string;
  readonly message: string;
}

/** The first value that no route can take, whatever its schema. */
function findFault(value: unknown, path = '', depth = 0): Fault | null {
  if (typeof value === 'string')
    return UNKEEPABLE.test(value) ? { path, message: 'must hold neither NUL nor half a surrogate pair' } : null;
  if (typeof value !== 'object' || value === null) return null;
  if (depth === MAX_DEPTH) return { path, message: `must not nest deeper than ${MAX_DEPTH} levels` };
  for (const [key, entry] of Object.entries(value)) {
    const fault = UNKEEPABLE.test(key) ? { path, message: 'has a name no text can hold' } : findFault(entry, `${path}/${key}`, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}

const PARTS = { body: 'The body holds', querystring: 'The query string holds', params: 'The path holds' } as const;

async function refuseUnfit(request: FastifyRequest): Promise<void> {
  for (const [where, part] of [
    ['body', request.body],
    ['querystring', request.query],
    ['params', request.params],
  ] as const) {
    const fault = findFault(part);
    if (fault !== null)
      throw new ProblemError('validation-failed', `${PARTS[where]} a value that no route accepts`, [{ in: where, ...fault }]);
  }
}

/** Answers hold personal data: no cache keeps them. */
async function forbidCaching(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
}

/**
 * Serves /v1, /healthz, /readyz, /metrics, /openapi.json and /docs. Problem documents answer the errors of the whole instance; hooks and the
 * validator stay with the routes of this plugin.
 */
export const restPlugin = fp<RestOptions>(
  async (app, options) => {
    await app.register(problemsPlugin);
    await app.register(async (api) => {
      api.setValidatorCompiler(TypeBoxValidatorCompiler);
      api.addHook('onRoute', (route) => {
        route.bodyLimit ??= BODY_LIMIT_BYTES;
      });
      api.addHook('preValidation', refuseUnfit);
      api.addHook('onSend', forbidCaching);
      const resources = options.resources !== false;
      if (resources) {
        await api.register(inactivePlugin, options);
        await api.register(documentationPlugin);
      }
      await api.register(authPlugin, options);
      await api.register(operations, options);
      if (!resources) return;
      await api.register(auditPlugin, options);
      for (const plugin of [
        teams,
        athletes,
        state,
        scores,
        explanations,
        metrics,
        load,
        loadCeilings,
        limits,
        injuryFiguresOfTeam,
        diary,
        hazard,
        feedback,
        today,
        recommendations,
        catalogue,
        planSettings,
        plans,
        ...medicalResources,
        sessions,
        alerts,
        alarmSettings,
        alertFigures,
        notices,
        webhooks,
        gateways,
        devices,
        apiKeys,
        models,
        audit,
        live,
      ]) {
        await api.register(plugin, options);
      }
    });
  },
  { name: 'kinewatch-rest', fastify: '5.x' },
);
