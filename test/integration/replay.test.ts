/** The replay command against a real gateway, REST API and database; only the scoring behind them is stood in for. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultAlarmRules } from '../../src/asms/alarm-rules.ts';
import { runReplay } from '../../src/cli/replay/run.ts';
import { FRAME_HEADER_BYTES } from '../../src/contracts/protocol.ts';
import { gatewayPlugin } from '../../src/gateway/plugin.ts';
import { mintApiKey } from '../../src/rest/credentials.ts';
import { restPlugin, restServerOptions } from '../../src/rest/plugin.ts';
import { createPlanner } from '../../src/plan/planner.ts';
import { createPlanning } from '../../src/plan/planning.ts';
import { createPlanStore } from '../../src/store/plan-store.ts';
import { createFrameWriter } from '../../src/store/frame-writer.ts';
import { createGatewayDirectory } from '../../src/store/gateway-directory.ts';
import { openPrisma } from '../../src/store/prisma.ts';
import { createRepositories } from '../../src/store/repositories/index.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { haveRecordings, recordingPath } from '../support/recordings.ts';

interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function replay(...args: string[]): Promise<Run> {
  let stdout = '';
  let stderr = '';
  const status = await runReplay(args, { stdout: (text) => (stdout += text), log: (line) => (stderr += `${line}\n`) });
  return { status, stdout, stderr };
}

interface Report {
  readonly files: readonly {
    readonly file: string;
    readonly format: string;
    readonly athleteId: string;
    readonly streams: readonly { readonly kind: string; readonly placement: string; readonly rateHz: number }[];
    readonly samples: number;
    readonly frames: { readonly sent: number; readonly acked: number };
    readonly windowsScored: number;
    readonly metrics: Record<string, unknown>;
  }[];
}

const reportOf = ({ stdout }: Run): Report => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report;

describe('the replay command', () => {
  let folder = '';
  let database: TestDatabase;
  let fastify: FastifyInstance;
  let url = '';
  let apiKey = '';
  let token = '';
  const stop: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kinewatch-replay-test-'));
    // Standing, and nothing else: 3 s at 100 Hz.
    await writeFile(join(folder, 'standing.txt'), Array.from({ length: 300 }, (_, i) => (700 + (i % 3)).toFixed(1)).join('\n'));
    await writeFile(join(folder, 'README.md'), '# What this is\n');
    database = await startTestDatabase();
    const prisma = openPrisma(database.connectionString);
    const repositories = createRepositories(prisma, database.pool);
    const committed = new Map<number, number>();
    const athleteOf = new Map<number, string>();
    const sink = createFrameWriter({
      pool: database.pool,
      commitIntervalMs: 5,
      maxBufferedBytes: 8e6,
      log: () => {},
      onCommitted: (frames) => {
        for (const { streamId } of frames) committed.set(streamId, (committed.get(streamId) ?? 0) + 1);
      },
    });
    // Every committed frame counts as a window: due at once, scored at once.
    const windows = (athleteId: string): number =>
      [...committed].reduce((sum, [id, n]) => (athleteOf.get(id) === athleteId ? sum + n : sum), 0);
    fastify = Fastify(restServerOptions);
    await fastify.register(restPlugin, {
      repositories,
      live: { subscribe: () => () => {} },
      readiness: async () => ({ ready: true, checks: {} }),
      metricsText: async () => '',
      alarmRules: () => defaultAlarmRules({ high: 0.99, low: 0.7, k: 3, n: 5, source: 'test' }),
      progress: async (athleteIds) =>
        athleteIds.map((athleteId) => ({ athleteId, windowsDue: windows(athleteId), windowsScored: windows(athleteId) })),
      onGatewayRevoked: () => {},
      onSessionClosed: () => {},
      onDaysChanged: () => {},
      onWebhookTest: () => {},
      planning: createPlanning({ store: createPlanStore(database.pool), planner: createPlanner() }),
      onPlan: () => {},
      webhookAllowPrivate: false,
    });
    await fastify.register(gatewayPlugin, {
      directory: createGatewayDirectory(database.pool),
      sink,
      onOpened: (streams) => {
        for (const { streamId, athleteId } of streams) athleteOf.set(streamId, athleteId);
      },
    });
    await fastify.listen({ port: 0, host: '127.0.0.1' });
    url = `http://127.0.0.1:${(fastify.server.address() as AddressInfo).port}`;
    stop.push(
      () => fastify.close(),
      () => sink.close(),
      () => prisma.$disconnect(),
      () => database.stop(),
      () => rm(folder, { recursive: true, force: true }),
    );
    const minted = mintApiKey();
    await repositories.apiKeys.create({
      teamId: null,
      name: 'test',
      scopes: ['read', 'write', 'medical', 'admin'],
      prefix: minted.prefix,
      hash: minted.hash,
      expiresAt: null,
    });
    apiKey = minted.secret;
    const post = async <T>(path: string, body: object): Promise<T> => {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return (await response.json()) as T;
    };
    const { id: teamId } = await post<{ id: string }>('/v1/teams', { name: 'Replay' });
    ({ token } = await post<{ token: string }>('/v1/gateways', { teamId, name: 'replay' }));
  });
  afterAll(async () => {
    for (const end of stop) await end();
  });

  const into = (...args: string[]): Promise<Run> => replay(...args, '--url', url, '--token', token, '--api-key', apiKey, '--json');

  test('plays a folder, and what it sent is stored', async () => {
    const run = await into(folder, '--rate-hz', '100');
    expect(run.stderr).toContain('README.md: no recording, passed over');
    const [file, ...more] = reportOf(run).files;
    expect(more).toEqual([]);
    expect(file).toMatchObject({
      file: join(folder, 'standing.txt'),
      format: 'cmj',
      streams: [{ kind: 'force-plate', placement: 'single', rateHz: 100, channels: [{ name: 'fv', unit: 'N' }] }],
      samples: 300,
      frames: { sent: 6, acked: 6 },
      windowsScored: 6,
      metrics: { jumps: [] },
    });
    const { rows } = await database.pool.query<{ bytes: Buffer }>(
      'SELECT f.bytes FROM raw_frame f JOIN stream s ON s.id = f.stream_id WHERE s.athlete_id = $1 ORDER BY f.sequence',
      [file?.athleteId],
    );
    const stored = rows.reduce((sum, { bytes }) => sum + (bytes.length - FRAME_HEADER_BYTES) / 4, 0);
    expect(stored).toBe(300);
  });

  test('plays the same file again for a named athlete, as a new boot of the same device', async () => {
    const first = reportOf(await into(join(folder, 'standing.txt'), '--rate-hz', '100', '--athlete', 'Ann 7'));
    const second = reportOf(await into(join(folder, 'standing.txt'), '--rate-hz', '100', '--athlete', 'Ann 7', '--speed', '20'));
    expect(second.files[0]?.athleteId).toBe(first.files[0]?.athleteId);
    expect(second.files[0]?.frames).toEqual({ sent: 6, acked: 6 });
  });

  test('without an API key, devices and athletes must be there: what is missing is named', async () => {
    const alone = await replay(join(folder, 'standing.txt'), '--athlete', 'nobody', '--url', url, '--token', token);
    expect(alone.status).toBe(1);
    expect(alone.stderr).toContain('nobody');
    // Provisioned by the first test: the device's assignment says whose data it is.
    const known = await replay(
      join(folder, 'standing.txt'),
      '--rate-hz',
      '100',
      '--url',
      url.replace('http', 'ws'),
      '--token',
      token,
      '--json',
    );
    expect(reportOf(known).files[0]?.frames).toEqual({ sent: 6, acked: 6 });
  });

  test('help, wrong use, and a file that is no recording', async () => {
    expect(await replay('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage: npm run replay') as string });
    expect(await replay()).toMatchObject({ status: 2 });
    const refused = await replay(join(folder, 'README.md'));
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/README\.md: not a known recording: looked for/);
    const missing = join(folder, 'missing.csv');
    expect(await replay(missing)).toEqual({ status: 1, stdout: '', stderr: `${missing}: there is no such file or folder\n` });
  });

  test('plays what can be read among files that cannot, and accounts for each in order', async () => {
    const bad = join(folder, 'README.md');
    const standing = join(folder, 'standing.txt');
    const missing = [join(folder, 'a.csv'), join(folder, 'b.csv')];
    const run = await into(bad, missing[0] ?? '', standing, missing[1] ?? '', '--rate-hz', '100');
    expect(run.status).toBe(1);
    expect(reportOf(run)).toMatchObject({
      files: [
        { file: bad, error: expect.stringContaining('not a known recording') as string },
        { file: missing[0], error: 'there is no such file or folder' },
        { file: standing, frames: { sent: 6, acked: 6 } },
        { file: missing[1], error: 'there is no such file or folder' },
      ],
    });
    const lines = run.stderr.split('\n');
    expect(lines).toContain(`${missing[0]}: there is no such file or folder`);
    expect(lines).toContain(`${missing[1]}: the same as for ${missing[0]}`);
  });

  test('ends with the JSON object where a stream is refused, where nothing can be played, and where no service answers', async () => {
    const standing = join(folder, 'standing.txt');
    const refused = await replay(standing, '--athlete', 'nobody', '--url', url, '--token', token, '--json');
    const error = (reportOf(refused).files[0] as unknown as { error: string }).error;
    expect([refused.status, refused.stderr.split(error).length], refused.stderr).toEqual([1, 2]);
    expect(reportOf(await replay(join(folder, 'missing.csv'), '--json'))).toEqual({
      files: [{ file: join(folder, 'missing.csv'), error: 'there is no such file or folder' }],
    });
    const empty = await mkdtemp(join(folder, '.empty-'));
    expect(reportOf(await replay(empty, '--json'))).toEqual({ files: [], error: 'there is no recording in what was named' });
    const alone = await replay(standing, '--url', 'http://127.0.0.1:1', '--token', token, '--api-key', apiKey, '--json');
    expect([alone.status, reportOf(alone)]).toEqual([
      1,
      {
        files: [{ file: standing, error: 'not played: http://127.0.0.1:1 does not answer' }],
        error: 'http://127.0.0.1:1 does not answer',
      },
    ]);
  });

  test.skipIf(!haveRecordings)('real recordings of every kind, each with the metrics of its kind', async () => {
    const run = await into(
      recordingPath('gait-imu', 'trials', '3-1.i16.gz'),
      recordingPath('force-plate', 'squat-jump-010.csv.gz'),
      recordingPath('force-plate', 'cmj-1.force.txt'),
      recordingPath('wearable', 'vo2master.csv'),
      recordingPath('wearable', 'moxy_intervals.csv'),
    );
    expect(run.stderr).not.toMatch(/refused/);
    const { files } = reportOf(run);
    expect(files.map(({ format }) => format)).toEqual(['gait-imu', 'squat-jump', 'cmj', 'vo2master', 'moxy']);
    for (const { frames, windowsScored } of files) {
      expect(frames.acked).toBe(frames.sent);
      expect(windowsScored).toBe(frames.sent);
    }
    expect(files.map(({ metrics }) => Object.keys(metrics))).toEqual([
      ['steps', 'strideTimeS', 'footFlatTimeS', 'cadenceSpm', 'symmetryPct'],
      ['jumps'],
      ['jumps'],
      ['heartRateBpm', 'lnRmssd', 'smo2Pct'],
      ['heartRateBpm', 'lnRmssd', 'smo2Pct'],
    ]);
    expect(files[2]?.metrics).toMatchObject({ jumps: [{ asymmetryPct: null }] });
    expect(files[4]?.metrics).toMatchObject({ heartRateBpm: null, lnRmssd: null });
  });
});
