/** How a resource's routes become a plugin: named, with its dependencies, typed by its schemas. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyPluginAsync } from 'fastify';
import fp from 'fastify-plugin';
import { ProblemError } from './problems.ts';
import type { RestOptions } from './ports.ts';

/** A plugin of one resource. It relies on `app.requires` and on the problem documents. */
export function resource(name: string, routes: FastifyPluginAsyncTypebox<RestOptions>): FastifyPluginAsync<RestOptions> {
  return fp(routes, {
    name: `kinewatch-rest-${name}`,
    dependencies: ['kinewatch-problems', 'kinewatch-auth'],
  });
}

/**
 * The row, or 404. A row of another team is not found either: an id tells nothing.
 * @throws ProblemError `not-found`
 */
export function found<T>(row: T | null, kind: string, id: string): T {
  if (row === null) throw new ProblemError('not-found', `There is no ${kind} ${id}`);
  return row;
}
