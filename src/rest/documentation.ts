/** /openapi.json (3.1) and /docs, made from the schemas the routes are checked against. */
import { STATUS_CODES } from 'node:http';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fp from 'fastify-plugin';
import { PROBLEM_DESCRIPTION, Problem } from './problems.ts';

const TAGS = [
  { name: 'teams', description: 'Teams and their time zone' },
  { name: 'athletes', description: 'Athletes, their current state, scores, metrics and recommendations' },
  { name: 'sessions', description: 'Sessions open with the first frame or by staff, and close by staff or after silence' },
  { name: 'alerts', description: 'Alerts: active or cleared, acknowledged or not' },
  { name: 'medical', description: 'Injuries, therapies, returns to play, measurements, outcomes; diagnoses only with the scope medical' },
  { name: 'notices', description: 'Who is told of which alerts, what was held back, and alerts of a squad as a whole' },
  { name: 'medical', description: 'Injuries, therapies and outcomes; diagnoses only with the scope medical' },
  { name: 'plans', description: 'Interventions, the limits plans keep to, planned loads, plans, and what was done of them' },
  {
    name: 'diary',
    description: 'Consents, and what athletes enter under them: wellness, morning heart-rate variability, illness, menstrual entries',
  },
  { name: 'feedback', description: 'What outcomes teach: steps, the guard over the squad, corrections, calibration' },
  { name: 'devices', description: 'Devices and whose data they carry at what time' },
  { name: 'gateways', description: 'Sensor gateways and their tokens' },
  { name: 'webhooks', description: 'Standard Webhooks 1.0 endpoints and their deliveries' },
  { name: 'api-keys', description: 'API keys, their roles and scopes' },
  { name: 'models', description: 'Versions of the model: which is active, which scores beside it' },
  { name: 'live', description: 'Server-sent events' },
  { name: 'operations', description: 'Health, readiness and metrics' },
];

interface Operation {
  readonly requestBody?: unknown;
  responses?: Record<string, { description: string; content?: unknown } | undefined>;
}

const PROBLEM_CONTENT = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };

/** What every route with a body can answer before the body is read; said here once, no route could do otherwise. */
const BODY_PROBLEMS = {
  413: { description: STATUS_CODES[413] ?? '413', content: PROBLEM_CONTENT },
  415: { description: STATUS_CODES[415] ?? '415', content: PROBLEM_CONTENT },
};

/** Problem responses share one component, under the media type they are sent with; every response says in a word what it is. */
function shareProblem(document: Record<string, unknown>): Record<string, unknown> {
  const paths = (document['paths'] ?? {}) as Record<string, Record<string, Operation>>;
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
    if (operation.requestBody !== undefined) operation.responses = { ...operation.responses, ...BODY_PROBLEMS };
    for (const [status, response] of Object.entries(operation.responses ?? {})) {
      if (response === undefined) continue;
      if (response.description === 'Default Response' || response.description === PROBLEM_DESCRIPTION) {
        response.description = STATUS_CODES[status] ?? status;
      }
      // /readyz answers 503 with its checks, not with a problem.
      if (!isProblemSchema(response.content)) continue;
      response.content = PROBLEM_CONTENT;
    }
  }
  const components = (document['components'] ?? {}) as { schemas?: Record<string, unknown> };
  return {
    ...document,
    components: { ...components, schemas: { ...components.schemas, Problem: JSON.parse(JSON.stringify(Problem)) as unknown } },
  };
}

function isProblemSchema(content: unknown): boolean {
  const media = Object.values((content ?? {}) as Record<string, { schema?: { title?: string } }>);
  return media.some(({ schema }) => schema?.title === 'Problem');
}

export const documentationPlugin = fp<{ readonly version?: string }>(
  async (app, { version = '0.1.0' }) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Kinewatch',
          version,
          summary: "The coaches' API",
          description:
            'Real-time athlete monitoring. Errors are RFC 9457 problem documents: branch on `code`. Collections come in pages: pass `nextCursor` back as `cursor`. Times are RFC 3339, stamps in `...Us` are microseconds since 1970.',
          license: { name: 'MIT', identifier: 'MIT' },
        },
        servers: [{ url: '/' }],
        tags: TAGS,
        components: {
          securitySchemes: {
            apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, kw_...' },
            gatewayToken: { type: 'http', scheme: 'bearer', description: "A gateway's token, kwg_..." },
          },
        },
      },
      convertConstToEnum: false,
      transformObject: (documents) =>
        'openapiObject' in documents ? shareProblem(documents.openapiObject as Record<string, unknown>) : documents.swaggerObject,
    });
    await app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { persistAuthorization: false, docExpansion: 'none' } });
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  },
  { name: 'kinewatch-documentation' },
);

export const API_KEY_SECURITY = [{ apiKey: [] }];
export const GATEWAY_SECURITY = [{ gatewayToken: [] }];
