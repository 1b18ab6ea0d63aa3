/** The OpenAPI document: made from the schemas the routes are checked against, so it is read here as a client would read it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

interface Media {
  readonly schema?: Record<string, unknown>;
}
interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly Record<string, unknown>[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: Record<string, unknown>;
  }[];
  readonly requestBody?: { readonly content: Record<string, Media> };
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, Media> }>;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown>; readonly securitySchemes: Record<string, unknown> };
}

let api: RestApp;
let document: Document;
let operations: readonly { readonly name: string; readonly path: string; readonly method: string; readonly operation: Operation }[];
beforeAll(async () => {
  api = await startRestApp();
  document = (await api.call(null, 'GET', '/openapi.json')).json();
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, method, operation })),
  );
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
  'GET /v1/athletes/{id}/scores',
  'GET /v1/athletes/{id}/metrics',
  'GET /v1/athletes/{id}/recommendations',
  'PATCH /v1/athletes/{id}/recommendations/{recommendationId}',
  'GET /v1/athletes/{id}/injuries',
  'POST /v1/athletes/{id}/injuries',
  'POST /v1/injuries/{id}/clear',
  'GET /v1/athletes/{id}/therapies',
  'POST /v1/athletes/{id}/therapies',
  'POST /v1/therapies/{id}/end',
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
  'GET /v1/webhooks',
  'POST /v1/webhooks',
  'GET /v1/webhooks/{id}',
  'PATCH /v1/webhooks/{id}',
  'DELETE /v1/webhooks/{id}',
  'POST /v1/webhooks/{id}/rotate-secret',
  'POST /v1/webhooks/{id}/test',
  'GET /v1/webhooks/{id}/deliveries',
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
    const tags = new Set(document.tags.map(({ name }) => name));
    for (const { name, operation } of operations) {
      expect(operation.summary, name).toMatch(/\S/);
      expect(operation.tags?.length, name).toBe(1);
      expect(tags.has(operation.tags?.[0] ?? ''), name).toBe(true);
    }
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(operations.length);
    expect(ids).not.toContain(undefined);
  });

  it('gives every operation a schema for its success and problem documents for its faults', () => {
    for (const { name, operation } of operations) {
      const statuses = Object.keys(operation.responses);
      const success = statuses.filter((status) => status.startsWith('2'));
      expect(success, name).toHaveLength(1);
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(response.description, `${name} ${status}`).not.toBe('Default Response');
        if (status === '204') expect(response.content, name).toBeUndefined();
        else if (status.startsWith('2') || name === 'get /readyz')
          expect(Object.values(response.content ?? {})[0]?.schema, `${name} ${status}`).toBeDefined();
        else
          expect(response.content, `${name} ${status}`).toEqual({
            'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
          });
      }
      expect(statuses, name).toContain('400');
      expect(statuses, name).toContain('500');
    }
    expect(document.components.schemas['Problem']).toMatchObject({ type: 'object', required: ['type', 'title', 'status', 'code'] });
  });

  it('asks for a credential under /v1, and says 401; 403 where scopes count; 404 where an id stands in the path', () => {
    for (const { name, path, operation } of operations) {
      if (!path.startsWith('/v1/')) {
        expect(operation.security, name).toBeUndefined();
        continue;
      }
      expect(operation.security, name).toHaveLength(1);
      const statuses = Object.keys(operation.responses);
      expect(statuses, name).toContain('401');
      if ('apiKey' in (operation.security?.[0] ?? {})) expect(statuses, name).toContain('403');
      if (path.includes('{')) expect(statuses, name).toContain('404');
    }
  });

  it('declares every parameter of a path as a required UUID', () => {
    for (const { name, path, operation } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(declared.map((parameter) => parameter.name).toSorted(), name).toEqual(inPath.toSorted());
      for (const parameter of declared)
        expect(parameter, name).toMatchObject({ required: true, schema: { type: 'string', format: 'uuid' } });
    }
  });

  it('closes every body against unknown members, and gives bodies that need one an example that fits', async () => {
    for (const { name, operation } of operations) {
      const media = operation.requestBody?.content['application/json'] as (Media & { example?: unknown }) | undefined;
      if (media === undefined) continue;
      expect(media.schema, name).toMatchObject({ type: 'object', additionalProperties: false });
    }
    const examples = operations.filter(({ operation }) => JSON.stringify(operation.requestBody ?? {}).includes('"example"'));
    expect(examples.length).toBeGreaterThan(8);
  });

  it('holds JSON Schema 2020-12 only: no nullable, every $ref resolves, required members exist', () => {
    let count = 0;
    for (const [place, schema] of schemasIn(document, '#')) {
      count += 1;
      const visit = (node: unknown, at: string): void => {
        if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
        const object = node as Record<string, unknown>;
        expect(object, at).not.toHaveProperty('nullable');
        if (typeof object['$ref'] === 'string') expect(object['$ref'], at).toBe('#/components/schemas/Problem');
        const properties = (object['properties'] ?? {}) as Record<string, unknown>;
        if (object['type'] === 'object' && Array.isArray(object['required'])) {
          for (const name of object['required'] as string[]) expect(Object.keys(properties), at).toContain(name);
        }
        for (const [name, property] of Object.entries(properties)) visit(property, `${at}/${name}`);
        visit(object['items'], `${at}/items`);
        visit(object['additionalProperties'], `${at}/*`);
        for (const entry of (object['anyOf'] ?? []) as unknown[]) visit(entry, `${at}/anyOf`);
      };
      visit(schema, place);
    }
    expect(count).toBeGreaterThan(100);
    expect(JSON.stringify(document)).not.toContain('"~');
  });

  it('is served with its pages at /docs', async () => {
    const page = await api.call(null, 'GET', '/docs/');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toContain('text/html');
  });
});
