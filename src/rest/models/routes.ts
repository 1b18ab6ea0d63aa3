import { callerOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { Model, Models, VersionParams } from './schemas.ts';

const tags = ['models'];

const CHANGES = [
  {
    path: 'activate',
    to: 'active',
    operationId: 'activateModel',
    summary: 'From the next window of each athlete on, the scores of this version count',
    description:
      'A shadow changes places with the active version and goes on from its own state; any other version replaces it, begins afresh and says provisional. Needs a key of every team.',
  },
  {
    path: 'shadow',
    to: 'shadow',
    operationId: 'shadowModel',
    summary: 'Score with this version beside the active one',
    description: 'Its scores are stored and shown only to who asks for this modelVersion. A shadow before it is retired. Needs a key of every team.',
  },
  {
    path: 'retire',
    to: 'retired',
    operationId: 'retireModel',
    summary: 'Stop scoring with this version',
    description: 'Its scores stay. The active version cannot be retired. Needs a key of every team.',
  },
] as const;

export const models = resource('models', async (app, { repositories }) => {
  app.get(
    '/v1/models',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listModels',
        summary: 'Versions of the model: digest, metrics, which is active, which scores beside it',
        response: { 200: Models, ...problems(401, 403) },
      },
    },
    async () => ({ items: await repositories.models.list() }),
  );

  for (const { path, to, operationId, summary, description } of CHANGES) {
    app.post(
      `/v1/models/:version/${path}`,
      {
        onRequest: app.requires('admin'),
        schema: {
          tags,
          security,
          operationId,
          summary,
          description,
          params: VersionParams,
          response: { 200: Model, ...problems(401, 403, 404, 409) },
        },
      },
      async (request) => {
        const caller = callerOf(request);
        if (caller.teamId !== null) throw new ProblemError('other-team', 'Only a key of every team changes which model scores');
        const { version } = request.params;
        return found(await repositories.models.setStatus(version, to, `API key ${caller.name}`), 'model', version);
      },
    );
  }
});
