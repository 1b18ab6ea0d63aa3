import { RecordingError } from './recording.ts';

/** Bytes of a text export as lines: UTF-8, byte-order mark dropped, any line ending. */
export function linesOf(bytes: Uint8Array): string[] {
  const text = new TextDecoder('utf-8').decode(bytes);
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/**
 * Fields of one CSV line, RFC 4180: quotes may hold commas and doubled quotes.
 * @throws RecordingError naming the line where a quote is not closed.
 */
export function splitCsv(line: string, lineNumber: number): string[] {
  if (!line.includes('"')) return line.split(',');
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < line.length; i += 1) {
    const character = line[i] as string;
    if (quoted && character === '"' && line[i + 1] === '"') {
      field += '"';
      i += 1;
    } else if (character === '"') quoted = !quoted;
    else if (character === ',' && !quoted) {
      fields.push(field);
      field = '';
    } else field += character;
  }
  if (quoted) throw new RecordingError('a quote is opened and not closed', lineNumber);
  return [...fields, field];
}

const NUMBER = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$/;

/**
 * A number with a decimal point or comma; empty or blank is NaN, a missing value.
 * @throws RecordingError naming line and column where it is anything else, infinities and "NaN" included.
 */
export function parseNumber(field: string | undefined, lineNumber: number, column: string): number {
  const text = (field ?? '').trim();
  if (text === '') return Number.NaN;
  if (!NUMBER.test(text)) throw new RecordingError(`"${text.slice(0, 40)}" in column ${column} is not a number`, lineNumber);
  return Number(text.replace(',', '.'));
}

/** As parseNumber, but a missing value is refused too. */
export function requireNumber(field: string | undefined, lineNumber: number, column: string): number {
  const value = parseNumber(field, lineNumber, column);
  if (!Number.isFinite(value)) throw new RecordingError(`column ${column} has no value`, lineNumber);
  return value;
}
