/** The live view: one row an athlete, redrawn in place on a terminal, plain lines elsewhere. */
import type { LiveEvent } from '../../contracts/events.ts';

export interface RowState {
  readonly name: string;
  state: number | null;
  roughness: number | null;
  drift: number | null;
  recovery: number | null;
  alert: string;
  windows: number;
}

export interface Board {
  readonly rows: ReadonlyMap<string, RowState>;
  /** Takes an event of the live stream; returns a line to log where it is news. */
  apply(event: LiveEvent): string | null;
}

/** `elapsed` gives the time of the demo as text, for the newest alert. */
export function createBoard(athletes: readonly { readonly id: string; readonly name: string }[], elapsed: () => string): Board {
  const rows = new Map<string, RowState>(
    athletes.map(({ id, name }) => [id, { name, state: null, roughness: null, drift: null, recovery: null, alert: '', windows: 0 }]),
  );
  return {
    rows,
    apply: (event) => {
      const row = event.athleteId === null ? undefined : rows.get(event.athleteId);
      if (row === undefined) return null;
      switch (event.type) {
        case 'athlete.state':
          row.state = event.state;
          row.roughness = event.roughness;
          row.drift = event.drift;
          row.recovery = event.recovery;
          row.windows += 1;
          return null;
        case 'recommendation.created':
          return `${elapsed()} ${row.name}: a recommendation was made`;
        case 'alert.raised':
        case 'alert.cleared':
        case 'alert.acknowledged':
        case 'alert.snoozed':
        case 'alert.assigned':
        case 'alert.closed':
        case 'alert.outcome-corrected': {
          const change = event.type.slice('alert.'.length);
          row.alert = `${event.severity} ${event.alertType} ${change} ${elapsed()}`;
          return `${elapsed()} ${row.name}: ${event.severity} alert (${event.alertType}) ${change}`;
        }
        case 'common-cause.raised':
        case 'notice.sent':
          break;
      }
      return null;
    },
  };
}

const figure = (value: number | null, digits: number, width: number): string =>
  (value === null ? '-' : value.toFixed(digits)).padStart(width);

const BAR = 10;
function bar(value: number | null): string {
  const full = value === null ? 0 : Math.round(BAR * Math.min(1, Math.max(0, value)));
  return '█'.repeat(full) + '░'.repeat(BAR - full);
}

/** The table as lines of at most `width` columns. Roughness in SD2, drift in SD (eq. 26). */
export function formatTable(board: Board, width: number): string[] {
  const nameWidth = Math.max(7, ...[...board.rows.values()].map((row) => row.name.length));
  const head = `${'athlete'.padEnd(nameWidth)}  state             roughness    drift  recovery  newest alert`;
  const lines = [...board.rows.values()].map(
    (row) =>
      `${row.name.padEnd(nameWidth)}  ${figure(row.state, 2, 4)} ${bar(row.state)}  ${figure(row.roughness, 2, 9)}  ${figure(row.drift, 2, 7)}  ${figure(row.recovery, 2, 8)}  ${row.alert}`,
  );
  return [head, '─'.repeat(Math.min(width, head.length + 18)), ...lines].map((line) => line.slice(0, width));
}

/** Draws blocks of lines over each other. */
export function createScreen(stream: NodeJS.WriteStream): { draw(lines: readonly string[]): void; close(): void } {
  let drawn = 0;
  return {
    draw: (lines) => {
      const up = drawn === 0 ? '\u001B[?25l' : `\u001B[${drawn}A`;
      stream.write(`${up}${lines.map((line) => `\u001B[2K${line}\n`).join('')}\u001B[0J`);
      drawn = lines.length;
    },
    close: () => void stream.write('\u001B[?25h'),
  };
}
