import { Type } from 'typebox';
import { teamFor, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, PageQuery, readTime } from '../schemas.ts';
import { Assignment, Device, DeviceQuery, NewAssignment, NewDevice } from './schemas.ts';

const tags = ['devices'];

export const devices = resource('devices', async (app, { repositories }) => {
  app.get(
    '/v1/devices',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listDevices',
        summary: 'Devices and whose data they carry now',
        querystring: DeviceQuery,
        response: { 200: PageOf(Device), ...problems(401, 403) },
      },
    },
    async (request) => {
      const { limit: _limit, cursor: _cursor, ...filter } = request.query;
      return pageReply('devices', await repositories.devices.list(teamOf(request), filter, pageRequest('devices', request.query)));
    },
  );

  app.post(
    '/v1/devices',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'createDevice',
        summary: 'Register a device',
        body: NewDevice,
        response: { 201: Device, ...problems(401, 403, 409, 422) },
      },
    },
    async (request, reply) => {
      const { teamId, ...device } = request.body;
      return reply.code(201).send(await repositories.devices.create(teamFor(request, teamId), device));
    },
  );

  app.get(
    '/v1/devices/:id',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'getDevice',
        summary: 'One device',
        params: IdParams,
        response: { 200: Device, ...problems(401, 403, 404) },
      },
    },
    async (request) => found(await repositories.devices.get(teamOf(request), request.params.id), 'device', request.params.id),
  );

  app.get(
    '/v1/devices/:id/assignments',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listAssignments',
        summary: 'Whose data the device carried when, newest first',
        params: IdParams,
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: PageOf(Assignment), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const team = teamOf(request);
      found(await repositories.devices.get(team, id), 'device', id);
      return pageReply('assignments', await repositories.devices.listAssignments(team, id, pageRequest('assignments', request.query)));
    },
  );

  app.post(
    '/v1/devices/:id/assignments',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'assignDevice',
        summary: 'Assign a device to an athlete, from now or from a stated time on',
        description: 'An open assignment that began before ends there.',
        params: IdParams,
        body: NewAssignment,
        response: { 201: Assignment, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { athleteId, validFrom, validTo } = request.body;
      const from = validFrom === undefined ? null : readTime(validFrom);
      const to = validTo === undefined ? null : readTime(validTo);
      if (to !== null && to <= (from ?? new Date())) {
        throw new ProblemError('validation-failed', 'An assignment ends after it begins', [
          { in: 'body', path: '/validTo', message: 'must be after validFrom' },
        ]);
      }
      return reply.code(201).send(found(await repositories.devices.assign(teamOf(request), id, athleteId, from, to), 'device', id));
    },
  );

  app.post(
    '/v1/devices/:id/unassign',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'unassignDevice',
        summary: "End the device's assignment now",
        params: IdParams,
        response: { 200: Assignment, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => found(await repositories.devices.unassign(teamOf(request), request.params.id), 'device', request.params.id),
  );
});
