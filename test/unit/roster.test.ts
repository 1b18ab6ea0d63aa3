import { describe, expect, it } from 'vitest';
import { parseCsv, parseRoster } from '../../src/cli/admin/roster.ts';

const HEADER = 'external_id,name,team,sex,birth_date,height_m,mass_kg,device';
const faultsOf = (text: string): string[] => {
  try {
    parseRoster(text);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  throw new Error('the roster was accepted');
};

describe('parseCsv', () => {
  it('reads quotes, doubled quotes, line ends inside quotes, CRLF and a byte order mark, and numbers lines by the file', () => {
    const text = '\uFEFFa,b\r\n\r\n"x, ""y""",2\r\n"two\nlines",3\r\nlast,4';
    expect(parseCsv(text)).toEqual([
      { line: 1, fields: ['a', 'b'] },
      { line: 3, fields: ['x, "y"', '2'] },
      { line: 4, fields: ['two\nlines', '3'] },
      { line: 6, fields: ['last', '4'] },
    ]);
  });
  it('names the line of a quote that is not closed', () => {
    expect(() => parseCsv('a\n"b\nc\n')).toThrow('line 2: a quote is not closed');
  });
});

describe('parseRoster', () => {
  it('reads every column, and nothing where a field is empty', () => {
    const rows = parseRoster(`${HEADER}\n7,"Öberg, Åsa",First,F,2001-04-09,1.71,62.5,imu-1:imu;vest:wearable; pod\n8,Ben,First,,,,,\n`);
    expect(rows).toEqual([
      {
        line: 2,
        externalId: '7',
        name: 'Öberg, Åsa',
        team: 'First',
        sex: 'f',
        birthDate: '2001-04-09',
        heightM: 1.71,
        massKg: 62.5,
        devices: [
          { serial: 'imu-1', kind: 'imu' },
          { serial: 'vest', kind: 'wearable' },
          { serial: 'pod', kind: 'wearable' },
        ],
      },
      { line: 3, externalId: '8', name: 'Ben', team: 'First', sex: null, birthDate: null, heightM: null, massKg: null, devices: [] },
    ]);
  });
  it('takes columns in any order and leaves optional ones out', () => {
    expect(parseRoster('team,name,external_id\nA,B,C')).toMatchObject([{ team: 'A', name: 'B', externalId: 'C', devices: [] }]);
  });
  it('names every faulty line', () => {
    const text = [
      HEADER,
      ',Ann,A,,,,,',
      '2,Ben,A,x,2001-02-30,171,sixty,',
      '3,Cem,A,,,,,bad serial',
      '3,Dan,A,,,,,',
      '4,Eva,A,,,,,imu-1',
      '5,Fay,A,,,,,imu-1',
      '6,Gus,A,,,,,,,more',
    ].join('\n');
    expect(faultsOf(text)).toEqual([
      'line 2: external_id is empty',
      'line 3: sex "x" is neither f nor m',
      'line 3: birth_date "2001-02-30" is not a day like 2001-04-09',
      'line 3: height_m "171" is not a number from 0.5 to 2.8',
      'line 3: mass_kg "sixty" is not a number from 15 to 350',
      'line 4: device "bad serial" is not a serial number (letters, digits, . _ : -)',
      'line 5: athlete 3 of A stands in line 4 already',
      'line 7: device imu-1 of A stands in line 6 already',
      'line 8: 10 fields, the header has 8',
    ]);
  });
  it('says what a header lacks, and that a file is empty', () => {
    expect(faultsOf('')).toEqual(['the file is empty: it begins with a header line']);
    expect(faultsOf('external_id,name\n')).toEqual([`line 1: column team is missing; the columns are ${HEADER}`]);
    expect(faultsOf('external_id,name,team,weight\n')).toEqual([`line 1: unknown column weight; the columns are ${HEADER}`]);
    expect(faultsOf(`${HEADER}\n`)).toEqual(['the file has a header and no athletes']);
  });
  it('shows a value shortened, and its control characters as escapes', () => {
    expect(faultsOf(`${HEADER}\n1,Ann,A,\u001b[2J\u202e${'x'.repeat(500)},,,,`)).toEqual([
      `line 2: sex "\\u{1b}[2J\\u{202e}${'x'.repeat(35)}..." is neither f nor m`,
    ]);
    const [fault = ''] = faultsOf(`PK\u0003\u0004${'\u0000\u0007\u009b'.repeat(5_000)},${'b,'.repeat(50)}c\n1,2\n`);
    expect(fault).toMatch(/^line 1: unknown column pk\\u\{3\}\\u\{4\}\\u\{0\}/);
    expect(fault.length).toBeLessThan(500);
    // oxlint-disable-next-line no-control-regex
    expect(fault).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
  it('shows twenty faults and counts the rest', () => {
    const faults = faultsOf([HEADER, ...Array.from({ length: 30 }, (_, i) => `${i},,A,,,,,`)].join('\n'));
    expect(faults).toHaveLength(21);
    expect(faults.at(-1)).toBe('and 10 more');
  });
});
