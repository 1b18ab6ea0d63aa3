/** docs/protocol.md must stay true: its examples, tables and bytes are checked against the contracts. */
import { readFileSync } from 'node:fs';
import { Compile } from 'typebox/compile';
import { describe, expect, test } from 'vitest';
import { FRAME_REFUSALS, PROTOCOL_ERRORS } from '../../src/contracts/errors.ts';
import { decodeFrameHeader, encodeFrame } from '../../src/contracts/frame.ts';
import {
  Bye,
  DEFAULT_CREDIT_BYTES,
  DEFAULT_LIMITS,
  FRAME_HEADER_BYTES,
  FrameOffset,
  Hello,
  Samples,
  SenmlMessage,
  TimeRequest,
  type ServerMessage,
} from '../../src/contracts/protocol.ts';

const document = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const blocks = [...document.matchAll(/^```(json|hex) (\S+)\n([^]*?)^```$/gm)].map(([, language = '', title = '', body = '']) => ({
  language,
  title,
  body,
}));
const rows = [...document.matchAll(/^\| `?([A-Za-z0-9-]+)`? +\|(.*)\|$/gm)].map(([, name = '', rest = '']) => ({
  name,
  cells: rest.split('|').map((cell) => cell.trim()),
}));
const bytesOf = (title: string): Buffer =>
  Buffer.from(blocks.find((block) => block.language === 'hex' && block.title === title)?.body.replaceAll(/\s/g, '') ?? '', 'hex');

const SCHEMAS = { hello: Hello, time: TimeRequest, samples: Samples, senml: SenmlMessage, bye: Bye };
/** Fields of each message of the service, required ones first. */
const SERVER_FIELDS: Record<ServerMessage['type'], readonly [required: readonly string[], optional: readonly string[]]> = {
  welcome: [['type', 'protocol', 'serverTimeUs', 'streams', 'creditBytes', 'limits'], []],
  time: [['type', 't0', 't1', 't2'], []],
  ack: [['type', 'acks'], []],
  credit: [['type', 'creditBytes'], []],
  error: [
    ['type', 'code', 'detail', 'retry'],
    ['reason', 'stream', 'sequence', 'expected'],
  ],
  bye: [['type', 'reason'], []],
};

describe('messages of the gateway', () => {
  test.each(Object.entries(SCHEMAS))('every %s example fits its schema', (title, schema) => {
    const examples = blocks.filter((block) => block.language === 'json' && block.title === title);
    expect(examples.length).toBeGreaterThan(0);
    const validator = Compile(schema);
    for (const { body } of examples) expect(validator.Errors(JSON.parse(body))).toEqual([]);
  });
  test('every property of a declaration is in the table', () => {
    const declared = Object.keys(Hello.properties.streams.items.properties);
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(declared));
  });
});

test.each(Object.entries(SERVER_FIELDS))('the %s example of the service has its fields', (type, [required, optional]) => {
  const examples = blocks.filter(({ title }) => title === `server:${type}`);
  expect(examples.length).toBeGreaterThan(0);
  for (const { body } of examples) {
    const message = JSON.parse(body) as Record<string, unknown>;
    expect(message['type']).toBe(type);
    expect(Object.keys(message)).toEqual(expect.arrayContaining([...required]));
    expect([...required, ...optional]).toEqual(expect.arrayContaining(Object.keys(message)));
  }
});

describe('tables', () => {
  test.each(Object.entries(PROTOCOL_ERRORS))('%s stands there with its close code', (code, closeCode) => {
    const row = rows.find(({ name, cells }) => name === code && cells.length === 3);
    expect(row?.cells[0]).toBe(closeCode === null ? '' : String(closeCode));
  });
  test.each(FRAME_REFUSALS)('reason %s stands there', (reason) => {
    expect(rows.some(({ name, cells }) => name === reason && cells.length === 1)).toBe(true);
  });
  test.each(Object.entries({ ...DEFAULT_LIMITS, creditBytes: DEFAULT_CREDIT_BYTES }))('limit %s has its default', (name, value) => {
    expect(rows.some((row) => row.name === name && row.cells[0] === String(value))).toBe(true);
  });
  test('the offsets of the header are the ones of the codec', () => {
    const offsets = [...document.matchAll(/^\| (\d+) +\| [ui]\d+ +\| (\w+) /gm)].map(([, at, name]) => [name, Number(at)]);
    expect(Object.fromEntries(offsets)).toEqual(FrameOffset);
    expect(document).toContain(`| ${FRAME_HEADER_BYTES}     |      | samples`);
  });
});

describe('worked bytes', () => {
  test('int16', () => {
    const header = { flags: 2, channels: 3, stream: 258, sequence: 70_000, deviceTimeUs: 1_763_841_600_000_250 };
    expect(bytesOf('int16').equals(encodeFrame(header, Int16Array.from([1, -1, 981, 2, -2, 980])))).toBe(true);
    expect(decodeFrameHeader(bytesOf('int16'))).toEqual({ ...header, count: 2 });
  });
  test('float32', () => {
    const header = { flags: 0, channels: 1, stream: 1, sequence: 3, deviceTimeUs: -250_000 };
    expect(bytesOf('float32').equals(encodeFrame(header, Float32Array.from([61.5, 62])))).toBe(true);
    expect(decodeFrameHeader(bytesOf('float32'))).toMatchObject({ flags: 1, count: 2, deviceTimeUs: -250_000 });
  });
});
