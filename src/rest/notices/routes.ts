/** Who is told of alerts, what they were told, what was held back and why, and the alerts of a squad as a whole. */
import { teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, PageQuery } from '../schemas.ts';
import { Type } from 'typebox';
import { readQuietHours } from './quiet-hours.ts';
import {
  CommonCauseQuery,
  CommonCauseView,
  DEFAULT_DAILY_BUDGET,
  NewRecipient,
  Notice,
  NoticeQuery,
  Recipient,
  RecipientPatch,
} from './schemas.ts';

const tags = ['notices'];

export const notices = resource('notices', async (app, { repositories }) => {
  app.get(
    '/v1/teams/:id/recipients',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listRecipients',
        summary: 'Who of the staff is told of alerts',
        params: IdParams,
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: PageOf(Recipient), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const page = await repositories.notices.listRecipients(teamOf(request), id, pageRequest('recipients', request.query));
      return pageReply('recipients', found(page, 'team', id));
    },
  );

  app.post(
    '/v1/teams/:id/recipients',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'createRecipient',
        summary: 'Add someone who is told of alerts',
        description:
          'From the next alert on. A notice is a `notice.sent` event of the live stream and of webhooks that names the recipient; who carries it to the person is up to the receiver.',
        params: IdParams,
        body: NewRecipient,
        response: { 201: Recipient, ...problems(401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { name, minSeverity = 'amber', dailyBudget = DEFAULT_DAILY_BUDGET, quietHours = null } = request.body;
      const made = { name, minSeverity, dailyBudget, quietHours: readQuietHours(quietHours) };
      return reply.code(201).send(found(await repositories.notices.createRecipient(teamOf(request), id, made), 'team', id));
    },
  );

  app.patch(
    '/v1/recipients/:id',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'updateRecipient',
        summary: 'Change what someone is told of',
        description: 'Decides what is sent from now on; what is held back stays so until its time. active false drops it.',
        params: IdParams,
        body: RecipientPatch,
        response: { 200: Recipient, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { quietHours, ...rest } = request.body;
      const patch = { ...rest, ...(quietHours === undefined ? {} : { quietHours: readQuietHours(quietHours) }) };
      return found(await repositories.notices.updateRecipient(teamOf(request), id, patch), 'recipient', id);
    },
  );

  app.get(
    '/v1/teams/:id/notices',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listNotices',
        summary: 'Notices sent, held back and dropped, newest first',
        params: IdParams,
        querystring: NoticeQuery,
        response: { 200: PageOf(Notice), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { limit: _limit, cursor: _cursor, ...filter } = request.query;
      const page = await repositories.notices.list(teamOf(request), id, filter, pageRequest('notices', request.query));
      return pageReply('notices', found(page, 'team', id));
    },
  );

  app.get(
    '/v1/teams/:id/common-causes',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listCommonCauses',
        summary: 'Alerts of the squad as a whole, newest first',
        description:
          'Raised where many athletes have an alert of one type within minutes: it is told in the place of theirs, which stay listed beneath it.',
        params: IdParams,
        querystring: CommonCauseQuery,
        response: { 200: PageOf(CommonCauseView), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const page = await repositories.notices.listCommonCauses(teamOf(request), id, pageRequest('common-causes', request.query));
      return pageReply('common-causes', found(page, 'team', id));
    },
  );
});
