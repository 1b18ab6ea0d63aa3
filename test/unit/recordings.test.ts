import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAccompaniment, parseText, readRecording } from '../../src/recordings/read-recording.ts';
import { durationS, RecordingError } from '../../src/recordings/recording.ts';
import { recordingSession } from '../../src/recordings/session.ts';
import { toSegments } from '../../src/recordings/grid.ts';
import { splitCsv } from '../../src/recordings/text.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const SQUAT_HEADER = [
  'squat jump,,',
  'version=1',
  'nRows=3',
  'nColumns=7',
  'inDegrees=yes',
  'endheader',
  'time,ground_force1_vx,ground_force1_vy,ground_force1_vz,ground_force2_vx,ground_force2_vy,ground_force2_vz',
];
const squat = (rows: readonly string[]): Uint8Array => bytes([...SQUAT_HEADER, ...rows].join('\r\n'));
const VO2_HEADER = 'Time[s],Time[hh:mm:ss],HR[bpm],SmO2[%],SmO2 -  2[%],THb[THb],THb -  2[THb],RPM[rpm],Speed[km/h],RR[ms]';

const parseVo2 = (...rows: string[]) => parseText(bytes([VO2_HEADER, ...rows].join('\n')));

function outcomeOf(input: Uint8Array): string {
  try {
    return parseText(input) === null ? 'unknown' : 'parsed';
  } catch (error) {
    return error instanceof RecordingError ? error.code : String(error);
  }
}

describe('recordings by content', () => {
  test('cmj text at the rate told', () => {
    const recording = parseText(bytes(Array.from({ length: 240 }, (_, i) => `${580 + (i % 3)}.5`).join('\n')), 600);
    expect(recording).toMatchObject({ format: 'cmj', streams: [{ kind: 'force-plate', placement: 'single', rateHz: 600 }] });
    expect(recording === null ? 0 : durationS(recording)).toBeCloseTo(0.4);
  });

  test('an unreadable cmj file names the line', () => {
    const lines = Array.from({ length: 240 }, () => '580.5');
    lines[99] = 'lost';
    expect(() => parseText(bytes(lines.join('\n')))).toThrow(/^line 100: "lost"/);
    lines[99] = 'NaN';
    expect(() => parseText(bytes(lines.join('\n')))).toThrow(/^line 100: /);
  });

  test('squat jump: plate 1 is the right foot', () => {
    const recording = parseText(squat(['0,1,400,2,-1,390,-2', '0.001,1,401,2,-1,391,-2', '0.002,1,402,2,-1,392,-2']));
    expect(
      recording?.streams.map(({ placement, rateHz, segments }) => [placement, rateHz, [...(segments[0]?.samples ?? [])].slice(0, 3)]),
    ).toEqual([
      ['left', 1000, [390, -1, -2]],
      ['right', 1000, [400, 1, 2]],
    ]);
  });

  test.each([
    ['a field cut off', ['0,1,400,2,-1,390,-2', '0.001,1,401', '0.002,1,402,2,-1,392,-2'], /^line 9: 3 fields/],
    ['a word', ['0,1,400,2,-1,390,-2', '0.001,1,x,2,-1,391,-2', '0.002,1,402,2,-1,392,-2'], /^line 9: "x" in column ground_force1_vy/],
    ['a gap in time', ['0,1,400,2,-1,390,-2', '0.001,1,401,2,-1,391,-2', '0.002,1,402,2,-1,392,-2', '9,1,402,2,-1,392,-2'], /line/],
    ['rows that are missing', ['0,1,400,2,-1,390,-2', '0.001,1,401,2,-1,391,-2'], /the header says 3 rows and 2 are there/],
    ['no rows', [], /line 7: no samples/],
  ])('squat jump with %s names the line', (_, rows, message) => {
    expect(() => parseText(squat(rows))).toThrow(message);
  });

  test('VO2master: columns that never move are no sensor, zeros of one that does are gaps', () => {
    const rows = Array.from(
      { length: 12 },
      (_, i) =>
        `${i + 1},00:00:${i},13${i % 10},"0,00","4${i % 10},50","0,000","13,0${i % 10}0","0,00","0,00","${i === 5 ? '0,00' : '457,03'}"`,
    );
    const recording = parseText(bytes([VO2_HEADER, ...rows].join('\n')));
    expect(recording?.streams.map(({ placement, segments }) => [placement, segments.length])).toEqual([
      ['chest', 1],
      ['muscle-2', 1],
    ]);
    const muscle = recording?.streams[1];
    expect(muscle?.channels.map(({ name }) => name)).toEqual(['smo2', 'thb']);
    expect(muscle?.segments[0]?.samples[0]).toBeCloseTo(40.5);
  });

  test('VO2master: an open quote, a bad number, time going back and no sensor at all', () => {
    const good = '1,00:00:01,131,"0,00","40,50","0,00","13,00","0,00","0,00","457,03"';
    expect(() => parseVo2(good, '2,00:00:02,131,"0,00')).toThrow(/^line 3: a quote is opened/);
    expect(() => parseVo2(good, good.replace('131', '13l').replace('1,', '2,'))).toThrow(/^line 3: "13l"/);
    expect(() => parseVo2(good.replace('1,', '5,'), good)).toThrow(/^line 3: time goes back/);
    const none = '1,00:00:01,0,"0,00","0,00","0,00","0,00","0,00","0,00","0,00"';
    expect(() => parseVo2(none, none.replace('1,', '2,'))).toThrow(/no column holds a sensor/);
  });

  test('Moxy: over midnight without a year', () => {
    const text = [
      '',
      ' FW',
      'mm-dd,hh:mm:ss,SmO2 Live,SmO2 Averaged,THb,Lap,Session Ct',
      '06-Feb,23:59:58,56,56,13.01,7,719',
      '07-Feb,00:00:00,58,56,13.01,7,719',
      '07-Feb,00:00:02,60,56,13.01,7,719',
    ];
    const recording = parseText(bytes(text.join('\n')));
    expect(recording?.streams[0]?.segments.map(({ startS, samples }) => [startS, samples.length])).toEqual([[0, 6]]);
    expect(() => parseText(bytes([...text, '07-Feb,0:0:4,1,1,1,7,719'].join('\n')))).toThrow(/^line 7: "0:0:4" is not a time/);
  });

  test('whatever bytes come, they are parsed, refused by a sentence, or unknown', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          fc.string({ maxLength: 400 }).map(bytes),
          fc.string({ maxLength: 200 }).map((s) => bytes(`${VO2_HEADER}\n${s}`)),
        ),
        (input) => {
          expect(['parsed', 'unknown', 'unreadable-recording']).toContain(outcomeOf(input));
        },
      ),
    );
  });
});

describe('CSV fields', () => {
  test('quotes hold commas and doubled quotes', () => {
    expect(splitCsv('a,"b,c","d ""e""",', 1)).toEqual(['a', 'b,c', 'd "e"', '']);
  });
});

describe('irregular stamps on a grid', () => {
  test('regular rows come back as they are; a gap and a missing value end a segment only where they are long', () => {
    const times = [0, 1, 2, 3, 10, 11];
    const segments = toSegments(
      times,
      times.map((t) => [t, t === 2 ? Number.NaN : -t]),
      1,
    );
    expect(segments.map(({ startS, samples }) => [startS, [...samples]])).toEqual([
      [0, [0, -0, 1, -1, 2, -2, 3, -3]],
      [10, [10, -10, 11, -11]],
    ]);
  });
  test('a line stays a line, whatever the jitter', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.01, max: 0.25, noNaN: true }), { minLength: 2, maxLength: 60 }), (steps) => {
        let t = 0;
        const times = [0, ...steps.map((step) => (t += step))];
        for (const { startS, samples } of toSegments(
          times,
          times.map((at) => [2 * at]),
          10,
        )) {
          samples.forEach((value, i) => expect(value).toBeCloseTo(2 * (startS + i / 10), 4));
        }
      }),
    );
  });
});

describe('files', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kinewatch-recordings-'));
    const rows = Buffer.alloc(32 * 300);
    for (let i = 0; i < 300 * 16; i += 1) rows.writeInt16LE(i % 7, i * 2);
    await writeFile(
      join(folder, 'trials.csv'),
      'code,subject,samples,left_steps,right_steps\n1-1,1,300,"[[10,60]]","[]"\n1-2,1,300,[],[]\n1-3,1,300,[],[]\n1-4,1,9,[],[]\n',
    );
    await writeFile(join(folder, '1-1.i16.gz'), gzipSync(rows));
    await writeFile(join(folder, '1-2.i16.gz'), gzipSync(rows.subarray(0, 1000)));
    await writeFile(join(folder, '1-3.i16.gz'), gzipSync(rows).subarray(0, 60));
    await writeFile(join(folder, '1-4.i16.gz'), gzipSync(rows));
    await writeFile(join(folder, '9-9.i16.gz'), gzipSync(rows));
    await writeFile(join(folder, 'picture.png'), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2]));
    await writeFile(join(folder, 'empty.csv'), '');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const read = (name: string) => readRecording(join(folder, name));

  test('a gait trial is known by its rows and the list beside it; units come with its scale', async () => {
    const recording = await read('1-1.i16.gz');
    expect(recording).toMatchObject({ format: 'gait-imu', metadata: { subject: '1' } });
    const [left] = recordingSession(recording, 5e6);
    expect(left?.startUs).toBe(5e6);
    // Column LAX of the first row is 1 milli-g, LRX 5 tenths of a degree a second.
    expect([left?.samples[0], left?.samples[3]]).toEqual([Math.fround(0.001), 0.5]);
  });

  test.each([
    ['1-2.i16.gz', /row 32 is cut short: 1000 bytes/],
    ['1-3.i16.gz', /the gzip is damaged or cut short/],
    ['1-4.i16.gz', /300 rows, but trials.csv says 9 for 1-4/],
    ['9-9.i16.gz', /has no trial 9-9/],
    ['picture.png', /not a known recording: looked for .*32-byte rows.*squat-jump.*cmj.*VO2master.*Moxy.*Train\.Red/],
    ['empty.csv', /not a known recording/],
  ])('%s is refused', async (name, message) => {
    await expect(read(name)).rejects.toThrow(message);
  });

  test('the list of trials is no recording, but belongs to them', async () => {
    expect(await isAccompaniment(join(folder, 'trials.csv'))).toBe(true);
    expect(await isAccompaniment(join(folder, 'empty.csv'))).toBe(false);
  });
});
