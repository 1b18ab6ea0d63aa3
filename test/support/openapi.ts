/** The OpenAPI document as a client reads it. */
import type { RestApp } from './rest-app.ts';

export interface Media {
  readonly schema?: Record<string, unknown>;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
export interface Response {
  readonly description: string;
  readonly content?: Record<string, Media>;
}
export interface Operation {
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
  readonly responses: Record<string, Response>;
}
export interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown>; readonly securitySchemes: Record<string, unknown> };
}
export interface NamedOperation {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

export const readDocument = async (api: RestApp): Promise<Document> => (await api.call(null, 'GET', '/openapi.json')).json<Document>();

export const operationsOf = (document: Document): readonly NamedOperation[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, method, operation })),
  );

/** Those beside the schema, or in it. */
export const examplesOf = ({ example, examples, schema }: Media): readonly unknown[] => {
  if (example !== undefined) return [example];
  if (examples !== undefined) return Object.values(examples).map(({ value }) => value);
  return (schema?.['examples'] ?? []) as readonly unknown[];
};
