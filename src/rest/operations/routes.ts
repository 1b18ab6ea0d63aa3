import { Type } from 'typebox';
import { problems } from '../problems.ts';
import { resource } from '../resource.ts';

const tags = ['operations'];
const Readiness = Type.Object(
  {
    ready: Type.Boolean(),
    checks: Type.Record(Type.String(), Type.Object({ ok: Type.Boolean(), detail: Type.Optional(Type.String()) }), {
      description:
        'By name: database, store, scoring (with the model), executionProvider (cuda or cpu, and why not cuda); a check that is not ok says why',
    }),
  },
  {
    title: 'Readiness',
    examples: [
      {
        ready: true,
        checks: {
          database: { ok: true },
          model: { ok: true, detail: 'model 0.2.2' },
          executionProvider: { ok: true, detail: 'cpu' },
        },
      },
    ],
  },
);

export const operations = resource('operations', async (app, { readiness, metricsText }) => {
  app.get(
    '/healthz',
    {
      schema: {
        tags,
        operationId: 'getHealth',
        summary: 'The process answers',
        response: { 200: Type.Object({ status: Type.Literal('ok') }, { examples: [{ status: 'ok' }] }), ...problems() },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        tags,
        operationId: 'getReadiness',
        summary: 'Ready to serve, with the execution provider and the model version',
        response: { 200: Readiness, 503: Readiness, ...problems() },
      },
    },
    async (_request, reply) => {
      const { ready, checks } = await readiness();
      return reply
        .code(ready ? 200 : 503)
        .header('cache-control', 'no-store')
        .send({ ready, checks: { ...checks } });
    },
  );

  app.get(
    '/metrics',
    {
      schema: {
        tags,
        operationId: 'getMetrics',
        summary: 'Metrics in the Prometheus text format',
        response: { 200: Type.String(), ...problems() },
        produces: ['text/plain'],
      },
    },
    async (_request, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metricsText()),
  );
});
