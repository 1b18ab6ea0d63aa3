/** Names that do not resolve: whose fault, and what they leave to others. The resolver is a stand-in that answers when told. */
import type * as Dns from 'node:dns';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { deliverWebhook } from '../../src/alert/deliver.ts';
import { lookupFor } from '../../src/alert/private-addresses.ts';
import { newSecret } from '../../src/alert/sign.ts';

type Answer = (error: Error | null, addresses: Dns.LookupAddress[]) => void;
const asked: { readonly name: string; readonly answer: Answer }[] = [];
vi.mock('node:dns', async (original) => ({
  ...(await original<typeof Dns>()),
  lookup: (name: string, _options: unknown, answer: Answer) => asked.push({ name, answer }),
}));
beforeEach(() => {
  for (const { answer } of asked.splice(0)) answer(new Error('over'), []);
});

const deliver = (url: string, timeoutMs: number) =>
  deliverWebhook({ id: 'msg_1', url, body: '{}', secrets: [newSecret()] }, { timeoutMs, nowMs: () => Date.now(), allowPrivate: false });

describe('names', () => {
  it("that are not resolved within the time limit are our fault, not the receiver's", async () => {
    expect(await deliver('http://silent.example/', 20)).toMatchObject({
      ok: false,
      statusCode: null,
      fault: 'ours',
      error: 'silent.example was not resolved within 20 ms',
    });
  });

  it('that do not exist, or point to a private address, are our fault', async () => {
    const missing = deliver('http://missing.example/', 60_000);
    const inside = deliver('http://inside.example/', 60_000);
    await vi.waitUntil(() => asked.length === 2);
    for (const { name, answer } of asked) {
      if (name === 'missing.example')
        answer(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }), []);
      else
        answer(null, [
          { address: '93.184.216.34', family: 4 },
          { address: '10.0.0.1', family: 4 },
        ]);
    }
    expect(await missing).toMatchObject({ fault: 'ours', error: 'getaddrinfo ENOTFOUND' });
    expect(await inside).toMatchObject({ fault: 'ours', error: '10.0.0.1 is not a public address' });
  });

  it('are asked for once while the answer is awaited, and again after it', async () => {
    const lookup = (name: string): Promise<unknown> =>
      new Promise((resolve) => lookupFor(false, () => undefined)(name, { all: true }, (_error, addresses) => resolve(addresses)));
    const both = [lookup('slow.example'), lookup('slow.example')];
    const other = lookup('quick.example');
    expect(asked.map(({ name }) => name)).toEqual(['slow.example', 'quick.example']);
    const address = [{ address: '93.184.216.34', family: 4 }];
    asked[1]?.answer(null, address);
    expect(await other).toEqual(address);
    asked[0]?.answer(null, address);
    expect(await Promise.all(both)).toEqual([address, address]);
    const again = lookup('slow.example');
    expect(asked).toHaveLength(3);
    asked[2]?.answer(null, address);
    await again;
  });
});
