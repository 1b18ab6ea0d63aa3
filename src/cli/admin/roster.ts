/** A roster file: RFC 4180 CSV with a header line. Every fault is found before anything is written, and names its line. */
import { StreamKind } from '../../contracts/protocol.ts';
import { KinewatchError } from '../../contracts/errors.ts';
import type { RosterRow } from '../../rest/ports.ts';

const COLUMNS = ['external_id', 'name', 'team', 'sex', 'birth_date', 'height_m', 'mass_kg', 'device'] as const;
type Column = (typeof COLUMNS)[number];
const REQUIRED: readonly Column[] = ['external_id', 'name', 'team'];
const KINDS: readonly string[] = StreamKind.anyOf.map((kind) => kind.const);
const DEFAULT_KIND = 'wearable';
const SERIAL = /^[A-Za-z0-9._:-]{1,64}$/;
const FAULTS_SHOWN = 20;

interface Line {
  readonly line: number;
  readonly fields: readonly string[];
}

const SHOWN_CHARACTERS = 40;
/** C0 and C1 control characters, what turns the direction of a line, line ends of Unicode, and halves of a surrogate pair. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu;

const escaped = (char: string): string => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;

/** A value of the file as a message shows it: short, and with nothing in it that a terminal obeys. */
function shown(text: string): string {
  const characters = Array.from(text.slice(0, 2 * SHOWN_CHARACTERS + 2));
  const short = characters.length > SHOWN_CHARACTERS ? `${characters.slice(0, SHOWN_CHARACTERS).join('')}...` : text;
  return short.replaceAll(UNPRINTABLE, escaped);
}

/** A message about rows, line by line, with nothing in it that a terminal obeys. */
export const printable = (message: string): string =>
  message
    .split('\n')
    .map((line) => line.replaceAll(UNPRINTABLE, escaped))
    .join('\n');

const listed = (names: readonly string[]): string => {
  const first = names.slice(0, COLUMNS.length).map(shown).join(', ');
  return names.length > COLUMNS.length ? `${first} and ${names.length - COLUMNS.length} more` : first;
};

const refuse = (message: string): never => {
  throw new KinewatchError('roster-refused', message);
};

/** Fields in double quotes may hold commas, line ends and doubled quotes. Empty lines are left out. @throws KinewatchError for an open quote */
export function parseCsv(text: string): readonly Line[] {
  const lines: Line[] = [];
  const source = text.replace(/^\uFEFF/, '');
  const at = { line: 1, begun: 1 };
  let fields: string[] = [];
  let field = '';
  let quoted = false;
  const endField = (): void => {
    fields.push(field.trim());
    field = '';
  };
  const endLine = (): void => {
    endField();
    if (fields.some((value) => value !== '')) lines.push({ line: at.begun, fields });
    fields = [];
    at.begun = at.line + 1;
  };
  for (let i = 0; i < source.length; i += 1) {
    const char = source[i] ?? '';
    if (quoted && char === '"' && source[i + 1] === '"') {
      field += '"';
      i += 1;
    } else if (char === '"' && (quoted || field.trim() === '')) {
      quoted = !quoted;
    } else if (char === ',' && !quoted) {
      endField();
    } else if (char === '\n' && !quoted) {
      endLine();
    } else if (char !== '\r' || quoted) {
      field += char;
    }
    if (char === '\n') at.line += 1;
  }
  if (quoted) refuse(`line ${at.begun}: a quote is not closed`);
  endLine();
  return lines;
}

function headerOf(first: Line | undefined): ReadonlyMap<string, number> {
  if (first === undefined) return refuse('the file is empty: it begins with a header line');
  const header = new Map(first.fields.map((name, index) => [name.toLowerCase(), index]));
  const unknown = [...header.keys()].filter((name) => !(COLUMNS as readonly string[]).includes(name));
  if (unknown.length > 0) refuse(`line ${first.line}: unknown column ${listed(unknown)}; the columns are ${COLUMNS.join(',')}`);
  const missing = REQUIRED.filter((name) => !header.has(name));
  if (missing.length > 0) refuse(`line ${first.line}: column ${missing.join(', ')} is missing; the columns are ${COLUMNS.join(',')}`);
  return header;
}

type Fault = (why: string) => void;

function readNumber(text: string, name: Column, low: number, high: number, fault: Fault): number | null {
  if (text === '') return null;
  const value = Number(text);
  if (!(value >= low && value <= high)) fault(`${name} "${shown(text)}" is not a number from ${low} to ${high}`);
  return value;
}

function readText(text: string, name: Column, maxLength: number, fault: Fault): string {
  if (text === '') fault(`${name} is empty`);
  if (text.length > maxLength) fault(`${name} is longer than ${maxLength} characters`);
  if (text.includes('\0')) fault(`${name} holds NUL`);
  return text;
}

function readBirthDate(text: string, fault: Fault): string | null {
  if (text === '') return null;
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  const isDay = Number.isFinite(ms) && new Date(ms).toISOString().startsWith(text);
  if (!isDay || ms < Date.UTC(1900, 0, 1) || ms > Date.now()) fault(`birth_date "${shown(text)}" is not a day like 2001-04-09`);
  return text;
}

/** "serial" or "serial:kind", several with a semicolon between. */
function readDevices(text: string, fault: Fault): RosterRow['devices'] {
  return text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const colon = part.lastIndexOf(':');
      const kind = part.slice(colon + 1);
      const device = colon > 0 && KINDS.includes(kind) ? { serial: part.slice(0, colon), kind } : { serial: part, kind: DEFAULT_KIND };
      if (!SERIAL.test(device.serial)) fault(`device "${shown(device.serial)}" is not a serial number (letters, digits, . _ : -)`);
      return device;
    });
}

function readSex(text: string, fault: Fault): 'f' | 'm' | null {
  const sex = text.toLowerCase();
  if (sex === '' || sex === 'f' || sex === 'm') return sex === '' ? null : sex;
  fault(`sex "${shown(text)}" is neither f nor m`);
  return null;
}

/**
 * The rows of a roster.
 * @throws KinewatchError `roster-refused` that names every faulty line, 20 at most
 */
export function parseRoster(text: string): readonly RosterRow[] {
  const [first, ...lines] = parseCsv(text);
  const header = headerOf(first);
  const faults: string[] = [];
  const seen = new Map<string, number>();
  const rows = lines.map(({ line, fields }): RosterRow => {
    const fault = (why: string): void => void faults.push(`line ${line}: ${why}`);
    const get = (name: Column): string => fields[header.get(name) ?? -1] ?? '';
    if (fields.length > header.size) fault(`${fields.length} fields, the header has ${header.size}`);
    const row: RosterRow = {
      line,
      externalId: readText(get('external_id'), 'external_id', 128, fault),
      name: readText(get('name'), 'name', 200, fault),
      team: readText(get('team'), 'team', 120, fault),
      sex: readSex(get('sex'), fault),
      birthDate: readBirthDate(get('birth_date'), fault),
      heightM: readNumber(get('height_m'), 'height_m', 0.5, 2.8, fault),
      massKg: readNumber(get('mass_kg'), 'mass_kg', 15, 350, fault),
      devices: readDevices(get('device'), fault),
    };
    const claims = [`athlete ${row.externalId}`, ...row.devices.map(({ serial }) => `device ${serial}`)];
    for (const claim of claims) {
      const key = `${row.team}\0${claim}`;
      const before = seen.get(key);
      if (before !== undefined) fault(`${shown(claim)} of ${shown(row.team)} stands in line ${before} already`);
      seen.set(key, line);
    }
    return row;
  });
  if (rows.length === 0) faults.push('the file has a header and no athletes');
  if (faults.length > 0) {
    const more = faults.length > FAULTS_SHOWN ? [`and ${faults.length - FAULTS_SHOWN} more`] : [];
    refuse([...faults.slice(0, FAULTS_SHOWN), ...more].join('\n'));
  }
  return rows;
}
