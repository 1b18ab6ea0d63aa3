/** The OpenAPI document: made from the schemas the routes are checked against, so it is read here as a client would read it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operationsOf, readDocument, type Document, type NamedOperation, type Operation, type Response } from '../support/openapi.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

let api: RestApp;
let document: Document;
let operations: readonly NamedOperation[];
beforeAll(async () => {
  api = await startRestApp();
  document = await readDocument(api);
  operations = operationsOf(document);
});
afterAll(() => api.close());

/** Every schema of the document with its place. */
function* schemasIn(value: unknown, place: string): Generator<readonly [place: string, schema: Record<string, unknown>]> {
  if (Array.isArray(value)) {
    for (const [index, entry] of value.entries()) yield* schemasIn(entry, `${place}/${index}`);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, entry] of Object.entries(value)) {
      if (key === 'example' || key === 'examples') continue;
      if (key === 'schema' && typeof entry === 'object' && entry !== null) yield [`${place}/schema`, entry as Record<string, unknown>];
      yield* schemasIn(entry, `${place}/${key}`);
    }
  }
}

function* subschemas(schema: unknown, name: string): Generator<{ readonly name: string; readonly schema: Record<string, unknown> }> {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return;
  const node = schema as Record<string, unknown>;
  yield { name, schema: node };
  for (const [key, property] of Object.entries(node['properties'] ?? {})) yield* subschemas(property, `${name}/${key}`);
  for (const key of ['items', 'additionalProperties']) yield* subschemas(node[key], `${name}/${key}`);
  for (const [index, entry] of ((node['anyOf'] ?? []) as unknown[]).entries()) yield* subschemas(entry, `${name}/anyOf/${index}`);
}

const namesOf = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name);
const successes = (operation: Operation): number => Object.keys(operation.responses).filter((status) => status.startsWith('2')).length;
const answers = (operation: Operation, status: string): boolean => status in operation.responses;

const ROUTES = [
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
  'GET /v1/teams',
  'POST /v1/teams',
  'GET /v1/athletes',
  'POST /v1/athletes',
  'GET /v1/athletes/{id}',
  'PATCH /v1/athletes/{id}',
  'DELETE /v1/athletes/{id}',
  'GET /v1/athletes/{id}/state',
  'GET /v1/athletes/{id}/audit',
  'GET /v1/athletes/{id}/scores',
  'POST /v1/athletes/{id}/scores/{windowIndex}/explanation',
  'GET /v1/athletes/{id}/scores/{windowIndex}/explanation',
  'GET /v1/teams/{id}/explanations/summary',
  'GET /v1/teams/{id}/explanations/summary.svg',
  'GET /v1/athletes/{id}/metrics',
  'GET /v1/athletes/{id}/metrics/change',
  'GET /v1/athletes/{id}/consents',
  'POST /v1/athletes/{id}/consents',
  'POST /v1/athletes/{id}/consents/withdraw',
  'POST /v1/athletes/{id}/consents/erase',
  'GET /v1/athletes/{id}/wellness',
  'POST /v1/athletes/{id}/wellness',
  'GET /v1/athletes/{id}/morning-hrv',
  'POST /v1/athletes/{id}/morning-hrv',
  'GET /v1/athletes/{id}/menstrual',
  'POST /v1/athletes/{id}/menstrual',
  'GET /v1/athletes/{id}/illnesses',
  'POST /v1/athletes/{id}/illnesses',
  'PATCH /v1/illnesses/{id}',
  'POST /v1/illnesses/{id}/close',
  'GET /v1/athletes/{id}/load',
  'GET /v1/athletes/{id}/load-ceilings',
  'POST /v1/athletes/{id}/load-ceilings',
  'POST /v1/load-ceilings/{id}/end',
  'GET /v1/teams/{id}/injury-figures',
  'PATCH /v1/sessions/{id}',
  'GET /v1/athletes/{id}/limits',
  'POST /v1/athletes/{id}/limits',
  'GET /v1/teams/{id}/limits',
  'POST /v1/teams/{id}/limits',
  'GET /v1/athletes/{id}/hazard',
  'GET /v1/athletes/{id}/feedback',
  'GET /v1/athletes/{id}/feedback/steps',
  'POST /v1/athletes/{id}/feedback/steps/{stepId}/undo',
  'POST /v1/athletes/{id}/outcomes/{outcomeId}/corrections',
  'GET /v1/teams/{id}/feedback',
  'GET /v1/teams/{id}/calibration',
  'GET /v1/teams/{id}/today',
  'GET /v1/teams/{id}/performance-metrics',
  'POST /v1/teams/{id}/performance-metrics',
  'GET /v1/athletes/{id}/recommendations',
  'PATCH /v1/athletes/{id}/recommendations/{recommendationId}',
  'GET /v1/catalogue',
  'PUT /v1/catalogue/{entryId}',
  'POST /v1/catalogue/{entryId}/retire',
  'GET /v1/athletes/{id}/plan-limits',
  'PUT /v1/athletes/{id}/plan-limits',
  'GET /v1/teams/{id}/plan-limits',
  'PUT /v1/teams/{id}/plan-limits',
  'GET /v1/athletes/{id}/plan-conditions',
  'PUT /v1/athletes/{id}/plan-conditions',
  'GET /v1/athletes/{id}/planned-load',
  'PUT /v1/athletes/{id}/planned-load',
  'GET /v1/teams/{id}/planned-load',
  'PUT /v1/teams/{id}/planned-load',
  'GET /v1/athletes/{id}/doses',
  'PUT /v1/athletes/{id}/doses',
  'GET /v1/athletes/{id}/plans',
  'POST /v1/athletes/{id}/plans',
  'POST /v1/athletes/{id}/plans/what-if',
  'GET /v1/athletes/{id}/plans/{planId}',
  'PATCH /v1/athletes/{id}/plans/{planId}',
  'GET /v1/athletes/{id}/injuries',
  'POST /v1/athletes/{id}/injuries',
  'PATCH /v1/injuries/{id}',
  'POST /v1/injuries/{id}/withdraw',
  'POST /v1/injuries/{id}/clear',
  'GET /v1/athletes/{id}/medical-history',
  'GET /v1/athletes/{id}/therapies',
  'POST /v1/athletes/{id}/therapies',
  'PATCH /v1/therapies/{id}',
  'POST /v1/therapies/{id}/end',
  'POST /v1/therapies/{id}/withdraw',
  'GET /v1/therapies/{id}/adherence',
  'POST /v1/therapies/{id}/adherence',
  'GET /v1/athletes/{id}/return-to-play',
  'POST /v1/athletes/{id}/return-to-play/{injuryId}/sign',
  'POST /v1/athletes/{id}/return-to-play/{injuryId}/advance',
  'POST /v1/athletes/{id}/return-to-play/{injuryId}/demote',
  'GET /v1/athletes/{id}/availability',
  'GET /v1/return-protocols',
  'POST /v1/return-protocols',
  'GET /v1/athletes/{id}/measurements',
  'POST /v1/athletes/{id}/measurements',
  'POST /v1/measurements/{id}/withdraw',
  'GET /v1/athletes/{id}/outcomes',
  'POST /v1/athletes/{id}/outcomes',
  'GET /v1/sessions',
  'POST /v1/sessions',
  'GET /v1/sessions/{id}',
  'POST /v1/sessions/{id}/close',
  'GET /v1/alerts',
  'GET /v1/alerts/{id}',
  'POST /v1/alerts/{id}/acknowledge',
  'POST /v1/alerts/{id}/snooze',
  'POST /v1/alerts/{id}/assign',
  'POST /v1/alerts/{id}/close',
  'POST /v1/alerts/{id}/outcome',
  'PUT /v1/alerts/{id}/rating',
  'GET /v1/teams/{id}/alarm-settings',
  'PUT /v1/teams/{id}/alarm-settings',
  'POST /v1/teams/{id}/alarm-settings/reset',
  'GET /v1/teams/{id}/alarm-settings/versions',
  'GET /v1/athletes/{id}/alarm-settings',
  'PUT /v1/athletes/{id}/alarm-settings',
  'POST /v1/athletes/{id}/alarm-settings/reset',
  'GET /v1/athletes/{id}/alarm-settings/versions',
  'GET /v1/teams/{id}/recipients',
  'POST /v1/teams/{id}/recipients',
  'PATCH /v1/recipients/{id}',
  'GET /v1/teams/{id}/notices',
  'GET /v1/teams/{id}/common-causes',
  'GET /v1/teams/{id}/alert-ratings',
  'GET /v1/teams/{id}/alert-figures',
  'GET /v1/webhooks',
  'POST /v1/webhooks',
  'GET /v1/webhooks/{id}',
  'PATCH /v1/webhooks/{id}',
  'DELETE /v1/webhooks/{id}',
  'POST /v1/webhooks/{id}/rotate-secret',
  'POST /v1/webhooks/{id}/test',
  'GET /v1/webhooks/{id}/deliveries',
  'GET /v1/webhooks/{id}/deliveries/{deliveryId}',
  'POST /v1/webhooks/{id}/deliveries/{deliveryId}/resend',
  'POST /v1/webhooks/{id}/replay',
  'GET /v1/gateways',
  'POST /v1/gateways',
  'POST /v1/gateways/{id}/revoke',
  'GET /v1/gateways/me/progress',
  'GET /v1/devices',
  'POST /v1/devices',
  'GET /v1/devices/{id}',
  'GET /v1/devices/{id}/assignments',
  'POST /v1/devices/{id}/assignments',
  'POST /v1/devices/{id}/unassign',
  'GET /v1/api-keys',
  'POST /v1/api-keys',
  'POST /v1/api-keys/{id}/revoke',
  'GET /v1/models',
  'POST /v1/models/{version}/activate',
  'POST /v1/models/{version}/shadow',
  'POST /v1/models/{version}/retire',
  'GET /v1/live',
];

describe('the OpenAPI document', () => {
  it('is OpenAPI 3.1 with title, version and the two kinds of credentials', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: 'Kinewatch', version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string });
    expect(Object.keys(document.components.securitySchemes)).toEqual(['apiKey', 'gatewayToken']);
  });

  it('describes exactly the routes of the API', () => {
    expect(operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`).toSorted()).toEqual(ROUTES.toSorted());
  });

  it('gives every operation a summary, a known tag and an id of its own', () => {
    const tags = document.tags.map(({ name }) => name);
    const faulty = operations.filter(({ operation }) => {
      const { summary = '', tags: own = [] } = operation;
      return summary.trim() === '' || own.length !== 1 || !tags.includes(own[0] ?? '');
    });
    expect(namesOf(faulty)).toEqual([]);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(operations.length);
    expect(ids).not.toContain(undefined);
  });

  it('gives every operation a schema for its success and problem documents for its faults', () => {
    const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
    /** What a response must hold, by its status; /readyz answers 503 with its checks. */
    const isFit = (name: string, status: string, { content }: Response): boolean => {
      if (status === '204') return content === undefined;
      if (status.startsWith('2') || name === 'get /readyz 503') return Object.values(content ?? {})[0]?.schema !== undefined;
      return JSON.stringify(content) === JSON.stringify(problem);
    };
    const responses = operations.flatMap(({ name, operation }) =>
      Object.entries(operation.responses).map(([status, response]) => ({ name: `${name} ${status}`, status, response })),
    );
    expect(namesOf(responses.filter(({ name, status, response }) => !isFit(name, status, response)))).toEqual([]);
    expect(namesOf(responses.filter(({ response }) => response.description === 'Default Response'))).toEqual([]);
    expect(namesOf(operations.filter(({ operation }) => successes(operation) !== 1))).toEqual([]);
    expect(namesOf(operations.filter(({ operation }) => !answers(operation, '400') || !answers(operation, '500')))).toEqual([]);
    const bodies = operations.filter(({ operation }) => operation.requestBody !== undefined);
    expect(bodies.length).toBeGreaterThan(10);
    expect(namesOf(bodies.filter(({ operation }) => !answers(operation, '413') || !answers(operation, '415')))).toEqual([]);
    expect(document.components.schemas['Problem']).toMatchObject({ type: 'object', required: ['type', 'title', 'status', 'code'] });
  });

  it('asks for a credential under /v1, and says 401; 403 where scopes count; 404 where an id stands in the path', () => {
    const inside = operations.filter(({ path }) => path.startsWith('/v1/'));
    const outside = operations.filter(({ path }) => !path.startsWith('/v1/'));
    expect(namesOf(outside)).toEqual(['get /healthz', 'get /readyz', 'get /metrics']);
    expect(namesOf(outside.filter(({ operation }) => operation.security !== undefined))).toEqual([]);
    expect(namesOf(inside.filter(({ operation }) => operation.security?.length !== 1 || !answers(operation, '401')))).toEqual([]);
    const byKey = inside.filter(({ operation }) => 'apiKey' in (operation.security?.[0] ?? {}));
    expect(namesOf(inside.filter((one) => !byKey.includes(one)))).toEqual(['get /v1/gateways/me/progress']);
    expect(namesOf(byKey.filter(({ operation }) => !answers(operation, '403')))).toEqual([]);
    expect(namesOf(inside.filter(({ path, operation }) => path.includes('{') && !answers(operation, '404')))).toEqual([]);
  });

  it('declares every parameter of a path as a required UUID, but for versions, indices of windows, and ids of deliveries and interventions', () => {
    const others: Readonly<Record<string, object>> = {
      version: { type: 'string', minLength: 1, maxLength: 64 },
      windowIndex: { type: 'integer', minimum: 0, maximum: 4_000_000_000 },
      deliveryId: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
      entryId: { type: 'string', pattern: '^[a-z0-9-]{1,64}$' },
    };
    const declared = operations.map(({ path, operation }) => ({
      path,
      parameters: (operation.parameters ?? []).filter((parameter) => parameter.in === 'path'),
    }));
    const named = declared.map(({ path, parameters }) => ({ path, names: parameters.map(({ name }) => `{${name}}`) }));
    expect(named).toEqual(named.map(({ path }) => ({ path, names: path.match(/\{\w+\}/g) ?? [] })));
    const parameters = declared.flatMap((one) => one.parameters);
    expect(parameters).toEqual(
      parameters.map(({ name }) =>
        expect.objectContaining({
          required: true,
          schema: others[name] ?? { type: 'string', format: 'uuid' },
        }),
      ),
    );
  });

  it('closes every body against unknown members', () => {
    const bodies = operations.flatMap(({ name, operation }) => {
      const media = operation.requestBody?.content['application/json'];
      return media === undefined ? [] : [{ name, schema: media.schema }];
    });
    expect(bodies.length).toBeGreaterThan(15);
    expect(namesOf(bodies.filter(({ schema }) => schema?.['type'] !== 'object' || schema['additionalProperties'] !== false))).toEqual([]);
  });

  it('holds JSON Schema 2020-12 only: no nullable, every $ref resolves, required members exist', () => {
    const schemas = [...schemasIn(document, '#')].flatMap(([place, schema]) => [...subschemas(schema, place)]);
    expect(schemas.length).toBeGreaterThan(500);
    const faulty = schemas.filter(({ schema }) => {
      const {
        nullable,
        $ref,
        required = [],
        properties = {},
      } = schema as Partial<Record<'nullable' | '$ref', unknown>> & {
        readonly required?: readonly string[];
        readonly properties?: object;
      };
      const dangles = $ref !== undefined && $ref !== '#/components/schemas/Problem';
      return nullable !== undefined || dangles || required.some((name) => !(name in properties));
    });
    expect(namesOf(faulty)).toEqual([]);
    // TypeBox keeps marks of its own under names that begin with a tilde: they are not JSON Schema.
    expect(JSON.stringify(document)).not.toContain('"~');
  });

  it('is served with its pages at /docs', async () => {
    const page = await api.call(null, 'GET', '/docs/');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toContain('text/html');
  });
});
