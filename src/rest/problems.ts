/** RFC 9457 problem details: the catalogue of codes a REST client can meet, and the one place where an error becomes a response. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Type, type Static } from 'typebox';
import { KinewatchError } from '../contracts/errors.ts';

/** Stable codes with status and title. Stores throw KinewatchError with one of the codes below 500. */
export const PROBLEMS = {
  'validation-failed': [400, 'The request does not match its schema'],
  'malformed-json': [400, 'The body is not valid JSON'],
  'invalid-cursor': [400, 'The cursor was not issued by this collection'],
  'bad-request': [400, 'The request cannot be understood'],
  'missing-credentials': [401, 'No bearer token was sent'],
  'invalid-credentials': [401, 'The bearer token is unknown, expired or revoked'],
  'insufficient-scope': [403, 'The API key lacks the scope this needs'],
  'other-team': [403, 'The API key belongs to another team'],
  'not-found': [404, 'There is no such resource'],
  'route-not-found': [404, 'There is no such route'],
  'already-exists': [409, 'The resource exists already'],
  'athlete-inactive': [409, 'The athlete is not active'],
  'session-open': [409, 'The athlete has an open session'],
  'consent-missing': [409, 'The athlete has not consented to this'],
  'consent-given': [409, 'The consent is in force'],
  'session-overlap': [409, 'The athlete has a session at that time'],
  'illness-overlap': [409, 'The athlete has an illness at that time'],
  'already-closed': [409, 'It was closed before'],
  'already-recorded': [409, 'It is recorded already'],
  'already-ended': [409, 'It ended before'],
  'contradicts-open-injury': [409, 'It contradicts what is recorded'],
  'injury-closed': [409, 'The injury is closed'],
  'not-cleared-yet': [409, 'Something is open before the stage can be left'],
  'not-allowed': [409, 'The decision is not one to take here'],
  'changed-meanwhile': [409, 'It was changed since it was read'],
  'already-cleared': [409, 'It is over'],
  'not-closed': [409, 'It is not closed yet'],
  'already-decided': [409, 'The recommendation was decided before'],
  'decide-the-plan': [409, 'The recommendation is a plan, which is decided itself'],
  'plan-over': [409, 'The days of the plan are over'],
  'already-undone': [409, 'The step was undone before'],
  'assignment-overlap': [409, 'The device is assigned in that time'],
  'model-active': [409, 'The model is the active one'],
  'window-not-scored': [409, 'The window has too little data for a score'],
  'webhook-disabled': [409, 'The webhook endpoint is disabled'],
  'body-too-large': [413, 'The body is too large'],
  'uri-too-long': [414, 'The address is too long'],
  'unsupported-media-type': [415, 'The body is not application/json'],
  'unknown-reference': [422, 'The request names something that does not exist'],
  'unknown-injury': [422, 'The athlete has no such injury'],
  'unknown-therapy': [422, 'The athlete has no such therapy'],
  'in-the-future': [422, 'It lies in the future'],
  'before-onset': [422, 'It lies before the onset of the injury'],
  'value-out-of-range': [422, 'A value is out of range'],
  'code-contradicts-region': [422, 'The diagnosis code is of another region'],
  'outcome-refused': [422, 'The outcome cannot stand'],
  'alarm-settings-refused': [422, 'The settings cannot be used'],
  'webhook-url-refused': [422, 'The webhook URL is not allowed'],
  'limits-contradict': [422, 'The limits contradict each other'],
  'limit-refused': [422, 'The limit cannot be what it is'],
  'plan-no-data': [422, 'There is too little data for a plan'],
  'plan-horizon': [422, 'The horizon cannot be planned'],
  'plan-number': [422, 'A number of the plan is out of its range'],
  'plan-range': [422, 'A planned load lies outside its allowed range'],
  'plan-catalogue': [422, 'The intervention cannot be as it is'],
  'plan-regions': [422, 'The regions do not fit the plan'],
  'plan-choice': [422, 'The plan has no such day or intervention'],
  'plan-infeasible': [422, 'No plan keeps all limits'],
  'time-out-of-range': [422, 'The time is out of range'],
  'planner-busy': [503, 'Too many plans are waiting'],
  'planner-died': [503, 'The planner was interrupted'],
  'planner-timeout': [503, 'The planner did not answer in time'],
  'planner-closed': [503, 'The planner is stopping'],
  'plan-no-answer': [503, 'Time was up before a plan was found'],
  'explain-busy': [503, 'Too many explanations wait to be made'],
  'too-many-clients': [503, 'The live stream has no room for another client'],
  internal: [500, 'The service failed'],
} as const satisfies Record<string, readonly [status: number, title: string]>;
export type ProblemCode = keyof typeof PROBLEMS;

const FieldError = Type.Object({
  in: Type.String({ description: 'body, querystring, params or headers' }),
  path: Type.String({ description: 'JSON pointer to the value' }),
  message: Type.String(),
});

export const PROBLEM_DESCRIPTION = 'RFC 9457 problem details';

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'urn:kinewatch:problem: and the code' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.Enum(Object.keys(PROBLEMS) as ProblemCode[], { description: 'Stable: branch on this' }),
    detail: Type.Optional(Type.String()),
    instance: Type.Optional(Type.String({ description: 'The path that was asked for' })),
    requestId: Type.Optional(Type.String()),
    errors: Type.Optional(Type.Array(FieldError, { description: 'validation-failed: one entry a fault' })),
  },
  {
    title: 'Problem',
    description: PROBLEM_DESCRIPTION,
    examples: [
      {
        type: 'urn:kinewatch:problem:not-found',
        title: 'There is no such resource',
        status: 404,
        code: 'not-found',
        detail: 'There is no athlete 3f0c4f3e-6a0d-4c42-9c5e-0a1b2c3d4e5f',
        instance: '/v1/athletes/3f0c4f3e-6a0d-4c42-9c5e-0a1b2c3d4e5f',
        requestId: 'req-7',
      },
    ],
  },
);
export type Problem = Static<typeof Problem>;
type FieldError = Static<typeof FieldError>;

/** An error that knows its place in the catalogue. */
export class ProblemError extends KinewatchError {
  declare readonly code: ProblemCode;
  readonly errors: readonly FieldError[];
  constructor(code: ProblemCode, detail: string, errors: readonly FieldError[] = []) {
    super(code, detail, { retry: PROBLEMS[code][0] >= 500 });
    this.name = 'ProblemError';
    this.errors = errors;
  }
}

type ProblemStatus = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 500 | 503;

/** The problem responses of a route's schema: what every route can answer, and the statuses named. */
export function problems<const S extends ProblemStatus = never>(...statuses: readonly S[]): Record<S | 400 | 500, typeof Problem> {
  const all: readonly (S | 400 | 500)[] = [400, 500, ...statuses];
  return Object.fromEntries(all.map((status) => [status, Problem])) as unknown as Record<S | 400 | 500, typeof Problem>;
}

const FASTIFY_CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed-json',
  FST_ERR_MAX_PARAM_LENGTH: 'uri-too-long',
};

const UNFIT: Readonly<Record<string, string>> = {
  body: 'The body does not match its schema',
  querystring: 'The query parameters do not match their schema',
  params: 'The path parameters do not match their schema',
  headers: 'The headers do not match their schema',
};

const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(PROBLEMS, code);

/** Where a validator keeps the names that its message leaves out. */
const NAMING: Readonly<Record<string, string>> = { additionalProperties: 'additionalProperties', enum: 'allowedValues' };

/** Validators report a forbidden property twice, at the property and at its owner; the first names it. */
function fieldErrors(error: FastifyError): FieldError[] {
  return (error.validation ?? [])
    .filter((fault) => fault.keyword !== 'boolean')
    .slice(0, 20)
    .map((fault) => {
      const listed: unknown = fault.params[NAMING[fault.keyword] ?? ''];
      const names = Array.isArray(listed) ? `: ${listed.join(', ')}` : '';
      return {
        in: error.validationContext ?? 'body',
        path: fault.instancePath,
        message: `${fault.message ?? fault.keyword}${names}`,
      };
    });
}

function asProblem(error: FastifyError | KinewatchError): { code: ProblemCode; detail: string | undefined; errors: readonly FieldError[] } {
  if (error instanceof ProblemError) return { code: error.code, detail: error.message, errors: error.errors };
  if (error instanceof KinewatchError && isProblemCode(error.code)) return { code: error.code, detail: error.message, errors: [] };
  if ('validation' in error && error.validation) {
    return {
      code: 'validation-failed',
      detail: UNFIT[error.validationContext ?? ''] ?? 'The request does not match its schema',
      errors: fieldErrors(error),
    };
  }
  const known = FASTIFY_CODES[error.code];
  if (known !== undefined) return { code: known, detail: error.message, errors: [] };
  if (error instanceof SyntaxError) return { code: 'malformed-json', detail: error.message, errors: [] };
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
  if (status === 413) return { code: 'body-too-large', detail: error.message, errors: [] };
  if (status === 415) return { code: 'unsupported-media-type', detail: error.message, errors: [] };
  if (status >= 400 && status < 500) return { code: 'bad-request', detail: error.message, errors: [] };
  // The cause may hold personal data or SQL: it goes to the log, never to the client.
  return { code: 'internal', detail: undefined, errors: [] };
}

/** (chosen) A plan takes about a tenth of a second, and 64 may wait. */
const RETRY_AFTER_S = 5;

/** Sends an error as application/problem+json; what is our own fault is logged with its cause. */
export function sendProblem(error: FastifyError | KinewatchError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { code, detail, errors } = asProblem(error);
  const [status, title] = PROBLEMS[code];
  if (status >= 500) request.log.error({ err: error, code }, 'request failed');
  if (status === 503) void reply.header('retry-after', RETRY_AFTER_S);
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="kinewatch"');
  const body: Problem = {
    type: `urn:kinewatch:problem:${code}`,
    title,
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
    instance: request.url.split('?', 1)[0] ?? request.url,
    requestId: request.id,
    ...(errors.length === 0 ? {} : { errors: [...errors] }),
  };
  // Serialised here: the error may arise on a route without a response schema for this status.
  return reply.code(status).type('application/problem+json').serializer(JSON.stringify).send(body);
}

/** Every error of the application becomes a problem document; unknown routes too. */
export const problemsPlugin = fp(
  async (app) => {
    app.setErrorHandler<FastifyError>(sendProblem);
    app.setNotFoundHandler((request, reply) =>
      sendProblem(
        new ProblemError('route-not-found', `There is no ${request.method} ${request.url.split('?', 1)[0] ?? ''}`),
        request,
        reply,
      ),
    );
  },
  { name: 'kinewatch-problems' },
);
