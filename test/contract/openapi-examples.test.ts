/** The examples of the OpenAPI document: every JSON body and answer has one that fits its schema, and a fresh team takes each request as it stands there. */
import { randomUUID } from 'node:crypto';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examplesOf, operationsOf, readDocument, type Media, type NamedOperation } from '../support/openapi.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

let api: RestApp;
let operations: readonly NamedOperation[];
beforeAll(async () => {
  api = await startRestApp();
  operations = operationsOf(await readDocument(api));
});
afterAll(() => api.close());

interface Shown {
  readonly name: string;
  readonly schema: object;
  readonly examples: readonly unknown[];
}

const bodyOf = ({ operation }: NamedOperation): Media | undefined => operation.requestBody?.content['application/json'];

/** JSON bodies and answers of success, each with its examples. */
const shown = (): readonly Shown[] =>
  operations.flatMap((one) => {
    const answers = Object.entries(one.operation.responses)
      .filter(([status]) => status.startsWith('2'))
      .map(([status, { content }]) => [status, content?.['application/json']] as const);
    return [['body', bodyOf(one)] as const, ...answers].flatMap(([part, media]) =>
      media === undefined ? [] : [{ name: `${one.name} ${part}`, schema: media.schema ?? {}, examples: examplesOf(media) }],
    );
  });

const hasProperties = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && 'type' in value && 'properties' in value;

/** Answers may gain members; an example names none that there are not. */
const closed = (schema: object): TSchema =>
  JSON.parse(JSON.stringify(schema), (_key, value: unknown) =>
    hasProperties(value) ? { additionalProperties: false, ...value } : value,
  ) as TSchema;

function faultsOf({ name, schema, examples }: Shown): readonly string[] {
  if (examples.length === 0) return [`${name}: no example`];
  const validator = Compile(closed(schema));
  return examples.flatMap((example) => validator.Errors(example).map(({ instancePath, message }) => `${name}: ${instancePath} ${message}`));
}

/** Values of a member anywhere in a document. */
function valuesOf(document: unknown, member: string): readonly unknown[] {
  const values: unknown[] = [];
  JSON.stringify(document, (key, value: unknown) => {
    if (key === member) values.push(value);
    return value;
  });
  return values;
}

describe('the examples', () => {
  it('stand with every JSON body and answer of success, and fit their schemas', () => {
    expect(shown().length).toBeGreaterThan(200);
    expect(shown().flatMap(faultsOf)).toEqual([]);
  });

  it.each(['teamId', 'athleteId', 'timeZone'])('tell of one team and one athlete: %s', (member) => {
    const examples = shown().flatMap((one) => one.examples);
    expect(new Set(valuesOf(examples, member).filter((value) => value !== null)).size).toBe(1);
  });
});

/** Every operation with a body, in an order in which each finds what was made before it. */
const COURSE = [
  'post /v1/teams',
  'post /v1/athletes',
  'patch /v1/athletes/{id}',
  'post /v1/api-keys',
  'post /v1/gateways',
  'post /v1/devices',
  'post /v1/devices/{id}/assignments',
  'post /v1/sessions',
  'patch /v1/sessions/{id}',
  'post /v1/athletes/{id}/limits',
  'post /v1/teams/{id}/limits',
  'post /v1/athletes/{id}/load-ceilings',
  'put /v1/teams/{id}/alarm-settings',
  'post /v1/teams/{id}/alarm-settings/reset',
  'put /v1/athletes/{id}/alarm-settings',
  'post /v1/athletes/{id}/alarm-settings/reset',
  'post /v1/teams/{id}/recipients',
  'patch /v1/recipients/{id}',
  'post /v1/webhooks',
  'patch /v1/webhooks/{id}',
  'post /v1/webhooks/{id}/replay',
  'post /v1/athletes/{id}/consents',
  'post /v1/athletes/{id}/wellness',
  'post /v1/athletes/{id}/morning-hrv',
  'post /v1/athletes/{id}/menstrual',
  'post /v1/athletes/{id}/illnesses',
  'post /v1/illnesses/{id}/close',
  'patch /v1/illnesses/{id}',
  'post /v1/athletes/{id}/consents/withdraw',
  'post /v1/athletes/{id}/consents/erase',
  'post /v1/athletes/{id}/outcomes',
  'post /v1/athletes/{id}/outcomes/{outcomeId}/corrections',
  'post /v1/athletes/{id}/feedback/steps/{stepId}/undo',
  'post /v1/teams/{id}/performance-metrics',
  'post /v1/alerts/{id}/acknowledge',
  'post /v1/alerts/{id}/snooze',
  'post /v1/alerts/{id}/assign',
  'put /v1/alerts/{id}/rating',
  'post /v1/alerts/{id}/close',
  'post /v1/alerts/{id}/outcome',
  'patch /v1/athletes/{id}/recommendations/{recommendationId}',
  'put /v1/catalogue/{entryId}',
  'put /v1/athletes/{id}/plan-conditions',
  'put /v1/athletes/{id}/plan-limits',
  'put /v1/teams/{id}/plan-limits',
  'put /v1/athletes/{id}/planned-load',
  'put /v1/teams/{id}/planned-load',
  'put /v1/athletes/{id}/doses',
  'post /v1/athletes/{id}/plans',
  'post /v1/athletes/{id}/plans/what-if',
  'patch /v1/athletes/{id}/plans/{planId}',
  'post /v1/catalogue/{entryId}/retire',
  'post /v1/return-protocols',
  'post /v1/athletes/{id}/injuries',
  'patch /v1/injuries/{id}',
  'post /v1/athletes/{id}/therapies',
  'patch /v1/therapies/{id}',
  'post /v1/therapies/{id}/adherence',
  'post /v1/therapies/{id}/withdraw',
  'post /v1/athletes/{id}/measurements',
  'post /v1/measurements/{id}/withdraw',
  'post /v1/athletes/{id}/return-to-play/{injuryId}/advance',
  'post /v1/athletes/{id}/return-to-play/{injuryId}/demote',
  'post /v1/injuries/{id}/clear',
  'post /v1/injuries/{id}/withdraw',
];

/** What a fresh team cannot do yet, whatever the body says: no step was learned, and the injury is at its first stage. */
const TOO_EARLY: Readonly<Record<string, string>> = {
  'post /v1/athletes/{id}/feedback/steps/{stepId}/undo': 'not-found',
  'post /v1/athletes/{id}/return-to-play/{injuryId}/advance': 'not-cleared-yet',
  'post /v1/athletes/{id}/return-to-play/{injuryId}/demote': 'not-allowed',
  'post /v1/injuries/{id}/clear': 'not-cleared-yet',
};

/** What comes of sensors and of daily use: an alert with its recommendation, and load enough for a plan. */
async function useFor(teamId: string, athleteId: string): Promise<{ readonly alerts: string; readonly recommendations: string }> {
  const { pool } = api.database;
  const [alerts, recommendations] = [randomUUID(), randomUUID()];
  await pool.query(
    `INSERT INTO alert (id, team_id, athlete_id, type, severity, title, sentence, evidence, raised_window_index, raised_at, method_version)
     VALUES ($1, $2, $3, 'risk', 'red', 'Movement score above its threshold', 'Why', '{}', 1700000001, now(), 'asms-1')`,
    [alerts, teamId, athleteId],
  );
  await pool.query(
    `INSERT INTO recommendation (id, athlete_id, alert_id, kind, title, rationale, evidence, method_version)
     VALUES ($1, $2, $3, 'reduce-load', 'Lower the load', 'Why', '{}', 'asms-1')`,
    [recommendations, athleteId, alerts],
  );
  await pool.query(
    `INSERT INTO outcome (id, athlete_id, kind, at, value)
     SELECT gen_random_uuid(), $1, 'session-rpe', date_trunc('day', now()) - d * interval '1 day' + interval '9 hours', '{"rpe": 5, "minutes": 60}'
     FROM generate_series(1, 35) AS d`,
    [athleteId],
  );
  return { alerts, recommendations };
}

describe('a fresh team', () => {
  it('takes every request as its example has it', { timeout: 120_000 }, async () => {
    const withBody = operations.filter((one) => bodyOf(one) !== undefined);
    expect(COURSE.toSorted()).toEqual(withBody.map(({ name }) => name).toSorted());
    const key = await api.key(null, ['read', 'write', 'medical', 'admin']);
    /** The first of each collection. */
    const made: Record<string, string> = {};
    /** The path with ids in it: of what its collection holds, and where that has none, one that nothing has. */
    const fill = (path: string): string => {
      const named = { injuryId: 'injuries', outcomeId: 'outcomes', recommendationId: 'recommendations', planId: 'plans' };
      return path
        .replace(/([\w-]+)\/\{id\}/u, (_all, collection: string) => `${collection}/${made[collection] ?? randomUUID()}`)
        .replace('{entryId}', 'calf-raises')
        .replace(/\{(\w+)\}/u, (_all, name: string) => made[named[name as keyof typeof named]] ?? randomUUID());
    };
    /** The body with the ids of what was made. */
    const own = (example: unknown): unknown => {
      const ids: Record<string, string | undefined> = { teamId: made['teams'], athleteId: made['athletes'], injuryId: made['injuries'] };
      return JSON.parse(JSON.stringify(example), (member, value: unknown) => ids[member] ?? value);
    };
    const refused: string[] = [];
    for (const name of COURSE) {
      const one = operations.find((operation) => operation.name === name);
      for (const example of one === undefined ? [] : examplesOf(bodyOf(one) ?? {})) {
        const answer = await api.call(key, name.split(' ')[0]?.toUpperCase() ?? '', fill(one?.path ?? ''), own(example));
        const { id, code } = answer.json<{ readonly id?: string; readonly code?: string }>();
        if (code !== TOO_EARLY[name]) refused.push(`${name}: ${answer.body}`);
        if (answer.statusCode === 201) made[name.split('/').at(-1) ?? ''] ??= id ?? '';
      }
      if (name === 'post /v1/athletes') Object.assign(made, await useFor(made['teams'] ?? '', made['athletes'] ?? ''));
      if (name === 'post /v1/athletes/{id}/consents')
        for (const kind of ['morning-hrv', 'illness', 'menstrual'])
          await api.call(key, 'POST', `/v1/athletes/${made['athletes']}/consents`, { kind });
    }
    expect(refused).toEqual([]);
  });
});
