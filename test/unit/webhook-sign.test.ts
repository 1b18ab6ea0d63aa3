import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { newSecret, signWebhook } from '../../src/alert/sign.ts';

/** The vector of the specification's own libraries. */
const VECTOR = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampS: 1_614_265_330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const nowS = (): number => Math.floor(Date.now() / 1000);
const headersOf = (id: string, timestampS: number, signature: string) => ({
  'webhook-id': id,
  'webhook-timestamp': String(timestampS),
  'webhook-signature': signature,
});

describe('Standard Webhooks signatures', () => {
  it('match the vector of the specification', () => {
    expect(signWebhook(VECTOR.id, VECTOR.timestampS, VECTOR.body, [VECTOR.secret])).toBe(VECTOR.signature);
    expect(signWebhook(VECTOR.id, VECTOR.timestampS, VECTOR.body, [VECTOR.secret.slice('whsec_'.length)])).toBe(VECTOR.signature);
  });

  it('are verified by the reference library for any body', () => {
    fc.assert(
      fc.property(fc.json(), fc.uuid(), (body, id) => {
        const secret = newSecret();
        const timestampS = nowS();
        const headers = headersOf(id, timestampS, signWebhook(id, timestampS, body, [secret]));
        expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
        expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow('No matching signature found');
        expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow('No matching signature found');
      }),
    );
  });

  it('carry one signature for each secret during rotation, and either verifies', () => {
    const secrets = [newSecret(), newSecret()];
    const timestampS = nowS();
    const signature = signWebhook('msg_1', timestampS, '{}', secrets);
    expect(signature.split(' ')).toHaveLength(2);
    for (const secret of secrets) expect(new Webhook(secret).verify('{}', headersOf('msg_1', timestampS, signature))).toEqual({});
  });

  it('refuse what would make the signed content ambiguous, and malformed secrets', () => {
    expect(() => signWebhook('msg.1', 1, '{}', [newSecret()])).toThrow(RangeError);
    expect(() => signWebhook('msg_1', 1.5, '{}', [newSecret()])).toThrow(RangeError);
    expect(() => signWebhook('msg_1', 1, '{}', [])).toThrow(RangeError);
    for (const secret of ['whsec_', 'whsec_short', 'whsec_%%%%', `whsec_${'A'.repeat(120)}`])
      expect(() => signWebhook('m', 1, '{}', [secret])).toThrow(RangeError);
  });

  it('make a new secret of 32 random bytes', () => {
    expect(newSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/u);
    expect(newSecret()).not.toBe(newSecret());
  });
});
