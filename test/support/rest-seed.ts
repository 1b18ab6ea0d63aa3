/** A team with one row of everything the API can show. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { DEFAULT_PROTOCOL } from '../../src/asms/return-protocol.ts';
import { hashSecret, mintGatewayToken, mintWebhookSecret } from '../../src/rest/credentials.ts';
import { evaluate, noPlan } from '../../src/asms/plan/evaluate.ts';
import { emptyProblem } from './plan-problem.ts';
import type { RestApp } from './rest-app.ts';
import { insertOutcome } from './stored-outcomes.ts';

export interface SeededTeam {
  readonly teamId: string;
  readonly athleteId: string;
  readonly sessionId: string;
  readonly alertId: string;
  readonly recipientId: string;
  readonly recommendationId: string;
  readonly planId: string;
  readonly injuryId: string;
  readonly therapyId: string;
  readonly loadCeilingId: string;
  readonly measurementId: string;
  readonly deviceId: string;
  readonly gatewayId: string;
  readonly gatewayToken: string;
  readonly webhookId: string;
  readonly deliveryId: string;
  /** Every scope. */
  readonly key: string;
  /** Every id and name above and some more: none may be seen by another team. */
  readonly marks: readonly string[];
}

const floats = (...values: number[]): Buffer => Buffer.from(new Float32Array(values).buffer);

export async function insertScore(
  pool: pg.Pool,
  athleteId: string,
  windowIndex: number,
  { state = 0.25, modelVersion = 'binn-test', shadow = false }: { state?: number | null; modelVersion?: string; shadow?: boolean } = {},
): Promise<void> {
  const startUs = windowIndex * 1_000_000 + 1_234;
  await pool.query(
    `INSERT INTO score (athlete_id, window_index, model_version, start_us, end_us, activity, state, state_logit, logit_sd, rehab, performance,
       residual_norm, observed_fraction, clipped, streams, channel_summary, f_attn, attn_time, attn_tokens, phys, perf, closed_by_us, scored_at_us, provisional, shadow)
     VALUES ($1, $2, $3, $4, $5, 'run', $6, $7, 0.1, 0.9, 0.4, 1.5, 0.5, 3, $8, $9, $9, $9, $9, $10, $10, $5, $5, false, $11)`,
    [
      athleteId,
      windowIndex,
      modelVersion,
      startUs,
      startUs + 2_000_000,
      state,
      state === null ? null : Math.log(state / (1 - state)),
      JSON.stringify([{ streamId: 1, firstSequence: 0, lastSequence: 4, offsetUs: 12.5, driftPpm: -3 }]),
      floats(0.5, 0.25),
      floats(Number.NaN, 61),
      shadow,
    ],
  );
}

/** A plan of seven days without anything, accepted. */
export async function insertPlan(pool: pg.Pool, athleteId: string, recommendationId: string): Promise<string> {
  const planId = randomUUID();
  const problem = emptyProblem(7);
  const outlook = evaluate(problem, noPlan(problem));
  const report = {
    gap: 0,
    bound: 0,
    tangentError: 0,
    tangentErrorBound: 0,
    rounds: 1,
    elapsedS: 0,
    isWithinGap: true,
    columns: 1,
    rows: 1,
  };
  const sources = {
    method: 'plan-test',
    firstDay: '2026-01-05',
    loadUnit: 'AU',
    days: problem.days.map(() => 'usual'),
    hazard: { source: 'population', modelVersion: null, day: null },
    limits: { costBudget: 'default' },
    catalogue: {},
    adherence: { share: 0.8, plannedDoses: 0, reportedDoses: 0 },
    missing: [],
  };
  await pool.query(
    `INSERT INTO plan (id, athlete_id, recommendation_id, first_day, last_day, problem, sources, outcome, status, method_version, trigger)
     VALUES ($1, $2, $3, '2026-01-05', '2026-01-11', $4, $5, $6, 'accepted', 'plan-test', 'staff')`,
    [planId, athleteId, recommendationId, problem, sources, { decision: noPlan(problem), with: outlook, without: outlook, report }],
  );
  return planId;
}

export async function seedTeam(api: RestApp, name: string): Promise<SeededTeam> {
  const { pool } = api.database;
  const { repositories } = api;
  const teamId = await api.team(name);
  const athlete = await repositories.athletes.create(teamId, { externalId: `${name}-10`, name: `Runner of ${name}` });
  const athleteId = athlete.id;
  for (const windowIndex of [1_700_000_000, 1_700_000_001]) await insertScore(pool, athleteId, windowIndex);
  const session = await repositories.sessions.open(teamId, { athleteId, type: 'match' });
  const sessionId = session?.id ?? '';
  await pool.query(
    `INSERT INTO session_metric (id, session_id, athlete_id, name, value, unit, method, at) VALUES ($1, $2, $3, 'cadence', 168.5, '1/min', 'gait-1', now())`,
    [randomUUID(), sessionId, athleteId],
  );
  const [alertId, recommendationId] = [randomUUID(), randomUUID()];
  await pool.query(
    `INSERT INTO alert (id, team_id, athlete_id, type, severity, title, sentence, evidence, raised_window_index, raised_at, method_version)
     VALUES ($1, $2, $3, 'risk', 'red', 'Movement score above its threshold', $4, '{"state": 0.9}', 1700000001, now(), 'asms-1')`,
    [alertId, teamId, athleteId, `A sentence of ${name}`],
  );
  await pool.query(`INSERT INTO alert_event (id, alert_id, at, change, by) VALUES ($1, $2, now(), 'raised', 'asms')`, [
    randomUUID(),
    alertId,
  ]);
  await pool.query(
    `INSERT INTO recommendation (id, athlete_id, alert_id, kind, title, rationale, evidence, method_version)
     VALUES ($1, $2, $3, 'reduce-load', 'Lower the load', $4, '{}', 'asms-1')`,
    [recommendationId, athleteId, alertId, `Because of ${name}`],
  );
  await pool.query(
    `INSERT INTO catalogue_entry (id, team_id, entry_id, version, entry, by) SELECT $1, $2, 'physiotherapy', 1, entry, $3 FROM catalogue_entry
     WHERE team_id IS NULL AND entry_id = 'physiotherapy'`,
    [randomUUID(), teamId, `Physio of ${name}`],
  );
  const planId = await insertPlan(pool, athleteId, recommendationId);
  const recipient = await repositories.notices.createRecipient(teamId, teamId, {
    name: `Physio of ${name}`,
    minSeverity: 'amber',
    dailyBudget: 3,
    quietHours: null,
  });
  const recipientId = recipient?.id ?? '';
  const causeId = randomUUID();
  await pool.query(
    `INSERT INTO common_cause (id, team_id, type, severity, sentence, athletes, share, from_at, to_at, raised_at)
     VALUES ($1, $2, 'risk', 'red', $3, 4, 0.5, now(), now(), now())`,
    [causeId, teamId, `A common cause of ${name}`],
  );
  await pool.query(
    `INSERT INTO notice (id, team_id, recipient_id, alert_id, severity, created_at, sent_at) VALUES ($1, $2, $3, $4, 'red', now(), now())`,
    [randomUUID(), teamId, recipientId, alertId],
  );
  for (const [kind, id] of [
    ['team', teamId],
    ['athlete', athleteId],
  ] as const)
    await repositories.alarmSettings.set(
      teamId,
      { kind, id },
      { settings: { risk: { k: 4 } }, basedOnVersion: 0, by: 'coach', why: `Settings of ${name}` },
      () => undefined,
    );
  await pool.query(
    `INSERT INTO explanation (id, athlete_id, window_index, model_version, grain, start_us, status, method, enumerated, evaluations, base_logit, logit,
       contributions, attention, background, took_ms, finished_at)
     VALUES ($1, $2, 1700000001, 'binn-test', 'sensor', 1700000001001234, 'done', 'exact', 2, 4, -2, 1, $3, $4, '{"own": 2, "squad": 1, "windows": []}', 900, now())`,
    [
      randomUUID(),
      athleteId,
      JSON.stringify([
        { name: 'foot-left', kind: 'bio', logit: 2.5, reading: { value: 1.9, normal: 1, unit: 'SD' } },
        { name: 'daysSinceInjury', kind: 'context', logit: 0.75, reading: { value: 41, normal: 300, unit: 'd' } },
        { name: 'pastInjuries', kind: 'context', logit: -0.25, reading: { value: 3, normal: 1, unit: '1' } },
      ]),
      JSON.stringify({ time: [0.5, 0.5], modality: [{ name: 'movement', weight: 1 }] }),
    ],
  );
  const onset = new Date('2026-10-01T10:00:00Z');
  const key = await api.key(teamId, ['read', 'write', 'medical', 'admin']);
  const post = async (path: string, body: object): Promise<string> => {
    const answer = await api.call(key, 'POST', path, body);
    if (answer.statusCode !== 201) throw new Error(`${path} answered ${answer.body}`);
    return answer.json<{ id: string }>().id;
  };
  const athletePath = `/v1/athletes/${athleteId}`;
  const injuryId = await post(`${athletePath}/injuries`, {
    diagnosisCode: 'TMHXX',
    region: 'thigh',
    onsetAt: onset.toISOString(),
    timeLossDays: 18,
  });
  const therapyId = await post(`${athletePath}/therapies`, {
    injuryId,
    kind: 'eccentric-loading',
    dosePerDay: 1,
    startsAt: onset.toISOString(),
  });
  await post(`/v1/therapies/${therapyId}/adherence`, { day: '2026-10-02', share: 0.5 });
  const measurementId = await post(`${athletePath}/measurements`, { name: 'pain', value: 2, unit: '0 to 10', at: '2026-10-02T10:00:00Z' });
  const { stages, demotion } = DEFAULT_PROTOCOL;
  await post('/v1/return-protocols', { version: `${name}-1`, stages, demotion });
  const rating = { rpe: 5, minutes: 60, note: `Outcome of ${name}` };
  await insertOutcome(pool, athleteId, 'session-rpe', onset, rating);
  const ceiling = await repositories.loadCeilings.set(teamId, athleteId, {
    series: 'session-rpe',
    ceiling: 400,
    from: '2026-10-01',
    to: null,
    reason: `Ceiling of ${name}`,
    by: 'coach',
  });
  const device = await repositories.devices.create(teamId, { serial: `imu-${name}`, kind: 'imu' });
  await repositories.devices.assign(teamId, device.id, athleteId, null, null);
  const token = mintGatewayToken();
  const gateway = await repositories.gateways.create(teamId, {
    name: `Gateway of ${name}`,
    prefix: token.prefix,
    hash: hashSecret(token.secret),
  });
  const stream = await pool.query<{ id: string }>(
    `INSERT INTO stream (device_id, boot, kind, placement, athlete_id, next_sequence) VALUES ($1, 'b1', 'imu', 'trunk', $2, 17) RETURNING id`,
    [device.id, athleteId],
  );
  await pool.query(
    `INSERT INTO stream_hello (stream_id, received_us, from_sequence, gateway_id, declaration) VALUES ($1, 1, 0, $2, '{}')`,
    [stream.rows[0]?.id, gateway.id],
  );
  const secret = mintWebhookSecret();
  const webhook = await repositories.webhooks.create(teamId, {
    url: `https://${name}.example.org/hook`,
    eventTypes: ['alert.raised'],
    secret,
  });
  const delivery = await repositories.webhooks.createTest(teamId, webhook.id);
  await pool.query(`INSERT INTO webhook_attempt (id, delivery_id, at, status_code, duration_ms) VALUES ($1, $2, now(), 500, 12.5)`, [
    randomUUID(),
    delivery?.id,
  ]);
  const ids = {
    teamId,
    athleteId,
    sessionId,
    alertId,
    recipientId,
    recommendationId,
    planId,
    injuryId,
    loadCeilingId: ceiling?.id ?? '',
    therapyId,
    measurementId,
    deviceId: device.id,
    gatewayId: gateway.id,
    webhookId: webhook.id,
    deliveryId: delivery?.id ?? '',
  };
  return { ...ids, gatewayToken: token.secret, key, marks: [...Object.values(ids), name, secret, token.secret] };
}
