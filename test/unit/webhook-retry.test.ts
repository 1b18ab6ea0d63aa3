import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultOf, parseRetryAfter } from '../../src/alert/deliver.ts';
import { PrivateAddressError, isPrivateAddress } from '../../src/alert/private-addresses.ts';
import {
  JITTER_SHARE,
  OWN_ATTEMPTS,
  RETRY_DELAYS_MS,
  askedPauseMs,
  nextDelayMs,
  nextOwnDelayMs,
  pauseMs,
} from '../../src/alert/retry-schedule.ts';

describe('retry schedule', () => {
  it('is the one of the specification: ten attempts over 75 hours', () => {
    expect(RETRY_DELAYS_MS.map((ms) => ms / 1000)).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    expect(nextDelayMs(1, 0)).toBe(5_000);
    expect(nextDelayMs(9, 0)).toBe(86_400_000);
    expect(nextDelayMs(10, 0)).toBeNull();
  });

  it('adds jitter within its share and never shortens a delay', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (attempt, random) => {
        const base = RETRY_DELAYS_MS[attempt - 1] ?? 0;
        const delay = nextDelayMs(attempt, random) ?? 0;
        expect(delay).toBeGreaterThanOrEqual(base);
        expect(delay).toBeLessThanOrEqual(base * (1 + JITTER_SHARE) + 1);
      }),
    );
  });

  it('follows Retry-After when it asks for longer, up to a day', () => {
    expect(nextDelayMs(1, 0, 60_000)).toBe(60_000);
    expect(nextDelayMs(2, 0, 1_000)).toBe(300_000);
    expect(nextDelayMs(1, 0, 1e12)).toBe(86_400_000);
    expect(parseRetryAfter('120', 0)).toBe(120_000);
    expect(parseRetryAfter('Thu, 01 Jan 1970 00:01:00 GMT', 0)).toBe(60_000);
    for (const value of [null, '', 'soon', '-1', 'Thu, 01 Jan 1970 00:00:00 GMT']) expect(parseRetryAfter(value, 1)).toBeNull();
  });
});

describe('our own budget and the pause of an endpoint', () => {
  it('is 80 attempts over about three days: 5 s doubling to an hour', () => {
    const delays = Array.from({ length: OWN_ATTEMPTS - 1 }, (_, n) => nextOwnDelayMs(n + 1, 0) ?? 0);
    expect(delays.slice(0, 3)).toEqual([5_000, 10_000, 20_000]);
    expect(delays.at(-1)).toBe(3_600_000);
    const days = delays.reduce((sum, ms) => sum + ms, 0) / 86_400_000;
    expect(days).toBeGreaterThan(2.8);
    expect(days).toBeLessThan(3.2);
    expect(nextOwnDelayMs(OWN_ATTEMPTS, 0)).toBeNull();
  });

  it('adds jitter within its share', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: OWN_ATTEMPTS - 1 }), fc.integer({ min: 0, max: 999 }), (faults, thousandths) => {
        const base = nextOwnDelayMs(faults, 0) ?? 0;
        const delay = nextOwnDelayMs(faults, thousandths / 1_000) ?? 0;
        expect(delay).toBeGreaterThanOrEqual(base);
        expect(delay).toBeLessThanOrEqual(base * (1 + JITTER_SHARE) + 1);
      }),
    );
  });

  it('pauses longer with every silence, a minute at most, and an hour at most on request', () => {
    expect([1, 2, 3, 4, 5, 1_000].map(pauseMs)).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    expect([askedPauseMs(1_000), askedPauseMs(1e12)]).toEqual([1_000, 3_600_000]);
  });
});

describe('whose fault a failed attempt is', () => {
  const fault = (fields: object): Error => Object.assign(new Error('x'), fields);
  const ours = [
    fault({ code: 'ENOTFOUND', syscall: 'getaddrinfo' }),
    fault({ code: 'EAI_AGAIN', syscall: 'getaddrinfo' }),
    fault({ code: 'ENETUNREACH', syscall: 'connect' }),
    fault({ code: 'EMFILE' }),
    new PrivateAddressError('10.0.0.1'),
    new TypeError('Invalid URL'),
    new RangeError('a webhook secret is ...'),
  ];
  const theirs = [
    fault({ code: 'ECONNREFUSED', syscall: 'connect' }),
    fault({ code: 'ECONNRESET' }),
    fault({ code: 'EHOSTUNREACH' }),
    fault({ code: 'CERT_HAS_EXPIRED' }),
    new DOMException('late', 'TimeoutError'),
    'no error at all',
  ];

  it("is ours for what we cannot resolve, refuse or lack, and the receiver's for the rest", () => {
    expect(ours.map(faultOf)).toEqual(ours.map(() => 'ours'));
    expect(theirs.map(faultOf)).toEqual(theirs.map(() => 'receiver'));
  });

  it('is ours for a host with several addresses only where every one of them is', () => {
    const [none, refused] = [fault({ code: 'ENETUNREACH' }), fault({ code: 'ECONNREFUSED' })];
    expect(faultOf(new AggregateError([none, none]))).toBe('ours');
    expect(faultOf(new AggregateError([none, refused]))).toBe('receiver');
    expect(faultOf(new AggregateError([]))).toBe('receiver');
  });
});

describe('private addresses', () => {
  it('are told from public ones', () => {
    const inside = [
      '127.0.0.1',
      '10.1.2.3',
      '172.16.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '0.0.0.0',
      '100.64.0.1',
      '::1',
      '::',
      'fe80::1',
      'fd00::1',
    ];
    const mapped = ['::ffff:127.0.0.1', '::ffff:10.0.0.1'];
    for (const address of [...inside, ...mapped, 'not an address']) expect([address, isPrivateAddress(address)]).toEqual([address, true]);
    for (const address of ['1.1.1.1', '93.184.216.34', '172.32.0.1', '2606:4700::1111'])
      expect([address, isPrivateAddress(address)]).toEqual([address, false]);
  });
});
