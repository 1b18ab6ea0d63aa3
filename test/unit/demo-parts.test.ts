import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { startReceiver, verifyWebhook } from '../../src/cli/demo/receiver.ts';
import { createSquad } from '../../src/cli/demo/squad.ts';
import { createBoard, formatTable } from '../../src/cli/demo/table.ts';
import { readMetrics } from '../../src/cli/demo/tally.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const sign = (secret: string, id: string, timestampS: number, body: string): string =>
  new Webhook(secret).sign(id, new Date(timestampS * 1e3), body);

describe('webhook verification', () => {
  const body = '{"type":"alert.raised"}';
  const [id, timestampS] = ['msg_1', 1_800_000_000];
  const headers = { id, timestamp: String(timestampS), signature: sign(SECRET, id, timestampS, body) };
  const verify = (change: Partial<typeof headers>, text = body, nowS = timestampS + 5): boolean =>
    verifyWebhook({ ...headers, ...change }, Buffer.from(text), SECRET, nowS);

  it('accepts what the reference library signs, alone or among others', () => {
    expect(verify({})).toBe(true);
    expect(verify({ signature: `${sign(OTHER, id, timestampS, body)} ${headers.signature}` })).toBe(true);
  });

  it('refuses another body, id, time, secret or version', () => {
    expect(verify({}, `${body} `)).toBe(false);
    expect(verify({ id: 'msg_2' })).toBe(false);
    expect(verify({ timestamp: String(timestampS + 1) })).toBe(false);
    expect(verify({ signature: sign(OTHER, id, timestampS, body) })).toBe(false);
    expect(verify({ signature: headers.signature.replace('v1,', 'v2,') })).toBe(false);
  });

  it('refuses old, future and malformed headers', () => {
    expect(verify({}, body, timestampS + 301)).toBe(false);
    expect(verify({}, body, timestampS - 301)).toBe(false);
    for (const signature of ['', 'v1', 'v1,', 'v1,!!!', ' ']) expect(verify({ signature })).toBe(false);
    for (const timestamp of ['', 'now', '1e9', '-5']) expect(verify({ timestamp })).toBe(false);
  });
});

describe('the receiver', () => {
  it('counts distinct messages, answers 400 to what does not verify', async () => {
    const receiver = await startReceiver(() => undefined);
    receiver.expect(SECRET);
    const nowS = Math.floor(Date.now() / 1e3);
    const post = async (id: string, secret: string): Promise<number> => {
      const body = '{"type":"alert.raised"}';
      const headers = { 'webhook-id': id, 'webhook-timestamp': String(nowS), 'webhook-signature': sign(secret, id, nowS, body) };
      return (await fetch(receiver.url, { method: 'POST', headers, body })).status;
    };
    try {
      expect(await post('a', SECRET)).toBe(204);
      expect(await post('a', SECRET)).toBe(204);
      expect(await post('b', OTHER)).toBe(400);
      expect(receiver.counts()).toEqual({ delivered: 2, verified: 1 });
      expect(await post('b', SECRET)).toBe(204);
      expect(receiver.counts()).toEqual({ delivered: 2, verified: 2 });
    } finally {
      await receiver.close();
    }
  });
});

describe('the squad', () => {
  it.each([1, 2, 12, 45])('of %i has one athlete who drifts, and healthy others with names and devices of their own', (athletes) => {
    const squad = createSquad(athletes, 7, 'boot-x');
    expect(squad).toHaveLength(athletes);
    expect(squad.filter((member) => member.drifts)).toHaveLength(1);
    expect(new Set(squad.map((member) => member.name)).size).toBe(athletes);
    const devices = squad.flatMap((member) => member.simulated.streams.map((stream) => stream.declaration.device));
    expect(new Set(devices).size).toBe(devices.length);
    for (const member of squad) expect(member.simulated.labels(40).altered).toBe(member.drifts ? 1 : 0);
    for (const member of squad) expect(member.simulated.labels(5).altered).toBe(0);
  });
});

describe('the table', () => {
  const board = createBoard(
    [
      { id: '1', name: 'A. Moretti' },
      { id: '2', name: 'B. Okafor' },
    ],
    () => '12 s',
  );
  const base = { athleteId: '1', teamId: 't' } as const;

  it('shows the newest figures and alert of each athlete, a dash where there is none', () => {
    board.apply({ ...base, type: 'athlete.state', windowIndex: 1, endUs: 1, state: 0.834, roughness: 12.345, drift: null, recovery: 1 });
    const line = board.apply({
      ...base,
      type: 'alert.raised',
      alertId: 'x',
      alertType: 'risk',
      severity: 'red',
      at: '2026-01-01T00:00:00Z',
    });
    expect(line).toBe('12 s A. Moretti: red alert (risk) raised');
    const [, , first, second] = formatTable(board, 120);
    expect(first).toMatch(/^A\. Moretti +0\.83 █{8}░{2} +12\.35 +- +1\.00 +red risk raised 12 s$/);
    expect(second).toMatch(/^B\. Okafor +- ░{10} +- +- +- +$/);
    expect(
      board.apply({
        ...base,
        athleteId: 'unknown',
        type: 'athlete.state',
        windowIndex: 1,
        endUs: 1,
        state: 1,
        roughness: null,
        drift: null,
        recovery: 1,
      }),
    ).toBeNull();
  });

  it('fits a narrow terminal', () => {
    for (const line of formatTable(board, 40)) expect(line.length).toBeLessThanOrEqual(40);
  });
});

describe('metrics of the service', () => {
  it('give quantiles by interpolation, and null where nothing was scored', () => {
    const text = [
      'kinewatch_score_latency_seconds_bucket{le="0.01"} 50',
      'kinewatch_score_latency_seconds_bucket{le="0.1"} 100',
      'kinewatch_score_latency_seconds_bucket{le="+Inf"} 100',
      'kinewatch_gateway_frames_duplicate_total 3',
    ].join('\n');
    expect(readMetrics(text)).toEqual({ duplicates: 3, latencyMs: { p50: 10, p99: 98.2 } });
    expect(readMetrics('')).toEqual({ duplicates: 0, latencyMs: { p50: null, p99: null } });
  });
});
