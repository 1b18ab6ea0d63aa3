import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LiveEvent } from '../../src/contracts/events.ts';
import { createClientBuffer } from '../../src/rest/live/client-buffer.ts';
import { percentileOf } from '../../src/rest/state/view.ts';
import { checkWebhookUrl } from '../../src/rest/webhooks/url.ts';

const event = (type: LiveEvent['type'], id: number): LiveEvent => ({ type, at: String(id) }) as unknown as LiveEvent;

describe('createClientBuffer', () => {
  it('keeps its bound, every alert in order, and counts what it drops', () => {
    const kinds = fc.constantFrom<LiveEvent['type']>('athlete.state', 'alert.raised', 'recommendation.created');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(kinds, { maxLength: 40 }), (capacity, types) => {
        const buffer = createClientBuffer(capacity);
        const pushed = types.map((type, id) => event(type, id));
        const others = pushed.filter(({ type }) => type !== 'athlete.state');
        const kept = pushed.map((one) => buffer.push(one));
        // It gives up only where events that may not be dropped exceed the bound.
        expect(kept.includes(false)).toBe(others.length > capacity);
        if (kept.includes(false)) return;
        const out: LiveEvent[] = [];
        for (let next = buffer.shift(); next !== undefined; next = buffer.shift()) out.push(next);
        expect(out.length).toBeLessThanOrEqual(capacity);
        expect(out.filter(({ type }) => type !== 'athlete.state')).toEqual(others);
        expect(out).toEqual(pushed.filter((one) => out.includes(one)));
        expect(buffer.takeDropped()).toBe(pushed.length - out.length);
        expect(buffer.takeDropped()).toBe(0);
      }),
    );
  });
});

describe('percentileOf', () => {
  const sketch = { count: 11, heights: [0, 1, 2, 3, 4, 5, 6], ranks: [1, 2, 4, 6, 8, 10, 11] };
  it('interpolates between markers, and is 0 and 100 outside', () => {
    expect(percentileOf(sketch, -1)).toBe(0);
    expect(percentileOf(sketch, 0)).toBe(0);
    expect(percentileOf(sketch, 3)).toBeCloseTo(50);
    expect(percentileOf(sketch, 3.5)).toBeCloseTo(60);
    expect(percentileOf(sketch, 6)).toBe(100);
    expect(percentileOf(sketch, 99)).toBe(100);
  });
  it('is null below seven observations and for NaN', () => {
    expect(percentileOf({ count: 2, heights: [1, 2], ranks: [1, 2] }, 1)).toBeNull();
    expect(percentileOf({ count: 0, heights: [], ranks: [] }, 1)).toBeNull();
    expect(percentileOf(sketch, Number.NaN)).toBeNull();
  });
  it('grows with the value and stays within 0 and 100, also where markers coincide', () => {
    const markers = fc
      .array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 7, maxLength: 7 })
      .map((heights) => heights.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(
        markers,
        fc.double({ noNaN: true, min: -10, max: 1e7 }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (heights, value, step) => {
          const of = (at: number): number => percentileOf({ ...sketch, heights }, at) ?? Number.NaN;
          expect(of(value)).toBeGreaterThanOrEqual(0);
          expect(of(value)).toBeLessThanOrEqual(100);
          expect(of(value + step)).toBeGreaterThanOrEqual(of(value) - 1e-9);
        },
      ),
    );
  });
});

describe('checkWebhookUrl', () => {
  it('takes public http and https addresses, in normal form', () => {
    expect(checkWebhookUrl('HTTPS://Example.org:443/a b?c=1', false)).toBe('https://example.org/a%20b?c=1');
    expect(checkWebhookUrl('http://93.184.216.34/x', false)).toBe('http://93.184.216.34/x');
    expect(checkWebhookUrl('http://[2606:2800:220:1::1]/', false)).toBe('http://[2606:2800:220:1::1]/');
  });
  it('takes private addresses where that is allowed, but never credentials, fragments or other schemes', () => {
    expect(checkWebhookUrl('http://127.0.0.1:9000/hook', true)).toBe('http://127.0.0.1:9000/hook');
    expect(() => checkWebhookUrl('http://127.0.0.1:9000/hook', false)).toThrow('private');
    for (const url of ['http://a:b@example.org/', 'http://example.org/#x', 'file:///etc/passwd', 'javascript:alert(1)', '', 'http://']) {
      expect(() => checkWebhookUrl(url, true), url).toThrow(expect.objectContaining({ code: 'webhook-url-refused' }) as Error);
    }
  });
  it('refuses whatever way 127.0.0.1 is written', () => {
    for (const host of [
      '127.1',
      '0x7f000001',
      '2130706433',
      '017700000001',
      '[::ffff:127.0.0.1]',
      '127.0.0.1.',
      '[::]',
      '0.0.0.0',
      'LOCALHOST',
      'a.localhost',
    ]) {
      expect(() => checkWebhookUrl(`http://${host}/`, false), host).toThrow('private');
    }
  });
});
