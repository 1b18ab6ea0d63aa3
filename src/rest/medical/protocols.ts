import { DEFAULT_PROTOCOL, protocolFaults, type ReturnProtocol } from '../../asms/return-protocol.ts';
import { callerOf, teamFor, teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { resource } from '../resource.ts';
import type { StoredProtocol } from './ports.ts';
import { NewReturnProtocol, ReturnProtocols, ReturnProtocolView } from './return-schemas.ts';

const tags = ['medical'];
/** (chosen) a team reads all of its versions with every record. */
const MOST_VERSIONS = 50;

const bodyOf = (protocol: ReturnProtocol) => JSON.parse(JSON.stringify(protocol)) as Pick<ReturnProtocolView, 'stages' | 'demotion'>;

function viewProtocol({ protocol, ...row }: StoredProtocol, current: boolean): ReturnProtocolView {
  const { stages, demotion } = bodyOf(protocol as ReturnProtocol);
  return { ...row, current, stages, demotion };
}

function viewDefault(current: boolean): ReturnProtocolView {
  const { stages, demotion } = bodyOf(DEFAULT_PROTOCOL);
  return { teamId: null, version: DEFAULT_PROTOCOL.version, current, createdAt: null, createdBy: null, stages, demotion };
}

export const protocols = resource('return-protocols', async (app, { repositories: { medical } }) => {
  app.get(
    '/v1/return-protocols',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listReturnProtocols',
        summary: 'Stages of the return to play: the versions of the team, newest first, and the default',
        response: { 200: ReturnProtocols, ...problems(401, 403) },
      },
    },
    async (request) => {
      const team = teamOf(request);
      const own = await medical.listProtocols(team);
      const items = own.map((one) => viewProtocol(one, own.find(({ teamId }) => teamId === one.teamId) === one));
      return { items: [...items, viewDefault(team === null || own.length === 0)] };
    },
  );

  app.post(
    '/v1/return-protocols',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'createReturnProtocol',
        summary: "A new version of a team's own stages",
        description: 'New returns of the team begin under it; those under way go on under the version they began with.',
        body: NewReturnProtocol,
        response: { 201: ReturnProtocolView, ...problems(401, 403, 409, 422) },
      },
    },
    async (request, reply) => {
      const { teamId: named, ...protocol } = request.body;
      const teamId = teamFor(request, named);
      const faults = protocolFaults(protocol);
      if (faults.length > 0) throw new ProblemError('value-out-of-range', `The stages do not fit together: ${faults.join('; ')}.`);
      if (protocol.version === DEFAULT_PROTOCOL.version)
        throw new ProblemError('already-exists', `${protocol.version} is the default; give the team's own version a name of its own`);
      if ((await medical.listProtocols(teamId)).length >= MOST_VERSIONS)
        throw new ProblemError('not-allowed', `The team has ${MOST_VERSIONS} versions of its stages; ask the administrator`);
      const made = await medical.createProtocol({ teamId, version: protocol.version, protocol, createdBy: callerOf(request).name });
      return reply.code(201).send(viewProtocol(made, true));
    },
  );
});
