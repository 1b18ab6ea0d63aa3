/** PURE. The summary as a picture: a bar of the mean |contribution| and a beeswarm of every single one, a row a player. A plain string, readable on white. */
import { wordsOf } from './sentence.ts';
import type { ExplanationSummary, SummaryPoint, SummaryRow } from './summary.ts';

/** Rows drawn (chosen: what a page holds; the data has all). */
const MAX_ROWS = 12;
/** BOUNDED: points drawn a row, evenly spaced over the row's sorted contributions. */
const MAX_POINTS = 250;
const WIDTH = 860;
const ROW = 34;
const TOP = 64;
const BOTTOM = 58;
const BARS = { left: 250, right: 370 } as const;
const SWARM = { left: 400, right: 840 } as const;
const RADIUS = 2.6;
/** Low, middle and high reading (RdBu of ColorBrewer†, told apart with colour-blind eyes); grey without a reading. */
const COLOURS = { low: [33, 102, 172], middle: [146, 120, 150], high: [178, 24, 43], none: '#6b6b6b' } as const;

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const place = (value: number): string => value.toFixed(1);
const label = (x: number, y: number, text: string, rest = ''): string =>
  `<text x="${place(x)}" y="${place(y)}"${rest}>${escape(text)}</text>`;

function colourOf(level: number | null): string {
  if (level === null) return COLOURS.none;
  const [from, to, share] = level < 0.5 ? [COLOURS.low, COLOURS.middle, 2 * level] : [COLOURS.middle, COLOURS.high, 2 * level - 1];
  return `rgb(${from.map((part, i) => Math.round(part + share * ((to[i] ?? part) - part))).join(',')})`;
}

/** A step of 1, 2 or 5 times a power of ten that divides `range` into two to five. */
function tickStep(range: number): number {
  const power = 10 ** Math.floor(Math.log10(range / 2));
  return power * ([5, 2, 1].find((factor) => factor * power <= range / 2) ?? 1);
}

function ticks(limit: number): number[] {
  const step = tickStep(2 * limit);
  const count = Math.floor(limit / step);
  return Array.from({ length: 2 * count + 1 }, (_, i) => (i - count) * step);
}

function thinned(points: readonly SummaryPoint[]): readonly SummaryPoint[] {
  const sorted = points.toSorted((a, b) => a.logit - b.logit);
  if (sorted.length <= MAX_POINTS) return sorted;
  return Array.from({ length: MAX_POINTS }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / (MAX_POINTS - 1))] as SummaryPoint);
}

/** Points that would lie on each other are stacked around the row's middle, up and down in turn, no further than the row reaches. */
function swarm(points: readonly SummaryPoint[], y: number, xOf: (logit: number) => number): string {
  const stacked = new Map<number, number>();
  return thinned(points)
    .map(({ logit, level }) => {
      const x = xOf(logit);
      const bin = Math.round(x / (2 * RADIUS));
      const height = stacked.get(bin) ?? 0;
      stacked.set(bin, height + 1);
      const away = Math.min(Math.ceil(height / 2) * 2 * RADIUS, ROW / 2 - RADIUS - 1);
      return `<circle cx="${place(x)}" cy="${place(y + (height % 2 === 0 ? away : -away))}" r="${RADIUS}" fill="${colourOf(level)}"/>`;
    })
    .join('');
}

function rowOf(row: SummaryRow, y: number, longest: number, xOf: (logit: number) => number): string {
  const width = longest === 0 ? 0 : ((BARS.right - BARS.left) * row.meanAbsolute) / longest;
  const bar = `<rect x="${BARS.left}" y="${place(y - 8)}" width="${place(width)}" height="16" fill="#4d4d4d"/>`;
  const middle = `<line x1="${SWARM.left}" x2="${SWARM.right}" y1="${place(y)}" y2="${place(y)}" stroke="#d9d9d9"/>`;
  const name = label(BARS.left - 10, y + 1, wordsOf(row.name), ' text-anchor="end"');
  const amount = label(
    BARS.left - 10,
    y + 13,
    `${row.meanAbsolute.toFixed(2)} in ${row.windows}`,
    ' text-anchor="end" font-size="10" fill="#555555"',
  );
  return `<g>${name}${amount}${bar}${middle}${swarm(row.points, y, xOf)}</g>`;
}

function legend(y: number): string {
  const at = (i: number): number => SWARM.left + 130 + i * 16;
  const steps = [0, 0.25, 0.5, 0.75, 1]
    .map((level, i) => `<circle cx="${at(i)}" cy="${place(y - 4)}" r="5" fill="${colourOf(level)}"/>`)
    .join('');
  const none = `<circle cx="${at(11)}" cy="${place(y - 4)}" r="5" fill="${COLOURS.none}"/>`;
  return `<g>${label(SWARM.left, y, 'Measured: low')}${steps}${label(at(5) - 4, y, 'high')}${none}${label(at(11) + 9, y, 'no reading, or all the same')}</g>`;
}

/**
 * Draws the summary's largest rows. Read aloud by its title and description.
 * @param title e.g. team and period, without personal data
 */
export function drawSummary(summary: ExplanationSummary, title: string): string {
  const rows = summary.rows.slice(0, MAX_ROWS);
  const height = TOP + ROW * Math.max(1, rows.length) + BOTTOM;
  const limit = Math.max(0.01, ...rows.flatMap((row) => row.points.map(({ logit }) => Math.abs(logit))));
  const xOf = (logit: number): number => (SWARM.left + SWARM.right) / 2 + ((SWARM.right - SWARM.left) / 2 - 8) * (logit / limit);
  const floor = TOP + ROW * rows.length;
  const axis = ticks(limit)
    .map((tick) => {
      const x = place(xOf(tick));
      const line = `<line x1="${x}" x2="${x}" y1="${TOP}" y2="${floor}" stroke="${tick === 0 ? '#222222' : '#d9d9d9'}"/>`;
      return line + label(xOf(tick), floor + 14, Number(tick.toPrecision(6)).toString(), ' text-anchor="middle" font-size="10"');
    })
    .join('');
  const body =
    rows.length === 0
      ? label(20, TOP + 14, 'No explanation falls into this period.')
      : label(BARS.left, TOP - 12, 'mean |SHAP|, logit', ' font-size="10"') +
        label(SWARM.left, TOP - 12, 'moved the score down', ' font-size="10"') +
        label(SWARM.right, TOP - 12, 'moved the score up', ' font-size="10" text-anchor="end"') +
        axis +
        rows.map((row, i) => rowOf(row, TOP + ROW * (i + 0.5), rows[0]?.meanAbsolute ?? 0, xOf)).join('') +
        legend(floor + 40);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="shap-title shap-desc" ` +
    `font-family="system-ui, sans-serif" font-size="12" fill="#222222"><title id="shap-title">${escape(title)}</title>` +
    `<desc id="shap-desc">${escape(descriptionOf(summary, rows))}</desc><rect width="${WIDTH}" height="${height}" fill="#ffffff"/>` +
    `${label(20, 26, title, ' font-size="15" font-weight="600"')}${body}</svg>`
  );
}

function descriptionOf({ windows, modelVersion }: ExplanationSummary, rows: readonly SummaryRow[]): string {
  if (rows.length === 0) return 'No explanation falls into this period.';
  const list = rows.map((row) => `${wordsOf(row.name)} ${row.meanAbsolute.toFixed(2)} (mean ${row.mean.toFixed(2)})`).join(', ');
  return `How far each part of a window moved the score, in logit, over ${windows} explained windows of model ${modelVersion}, by mean size: ${list}.`;
}
