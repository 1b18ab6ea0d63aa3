/** PURE. The paired differences as a picture: for each world and arm the mean and its interval, left of 0 is better than no advice. Plain SVG on white. */
import type { Arm } from './arms.ts';
import type { Estimate } from './statistics.ts';
import type { ArmSummary, SeasonSummary } from './summary.ts';

const WIDTH = 860;
const PLOT = { left: 240, right: 830 } as const;
const TOP = 70;
const ROW = 18;
const GAP = 14;
/** Told apart with colour-blind eyes (Okabe and Ito 2008†). */
const COLOURS: Readonly<Record<Arm, string>> = {
  'no-advice': '#000000',
  random: '#999999',
  'ratio-rule': '#e69f00',
  planner: '#0072b2',
  oracle: '#009e73',
};

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const text = (x: number, y: number, what: string, rest = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${rest}>${escape(what)}</text>`;

interface Axis {
  readonly xOf: (value: number) => number;
  readonly ticks: readonly number[];
}

function axisFor(estimates: readonly Estimate[]): Axis {
  const reach = Math.max(0.1, ...estimates.flatMap(({ mean, lower, upper }) => [mean, lower ?? mean, upper ?? mean].map(Math.abs)));
  const power = 10 ** Math.floor(Math.log10(reach));
  const step = power * ([0.25, 0.5, 1, 2].find((factor) => reach / (factor * power) <= 4) ?? 5);
  const count = Math.ceil(reach / step);
  const limit = count * step;
  return {
    xOf: (value) => (PLOT.left + PLOT.right) / 2 + ((PLOT.right - PLOT.left) / 2) * (value / limit),
    ticks: Array.from({ length: 2 * count + 1 }, (_, i) => (i - count) * step),
  };
}

function mark({ mean, lower, upper }: Estimate, y: number, colour: string, { xOf }: Axis): string {
  const line =
    lower === null || upper === null
      ? ''
      : `<line x1="${xOf(lower).toFixed(1)}" x2="${xOf(upper).toFixed(1)}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="2"/>`;
  return `${line}<circle cx="${xOf(mean).toFixed(1)}" cy="${y}" r="4" fill="${colour}"/>`;
}

/**
 * Draws one difference for all worlds and arms but no advice. Read aloud by its title and description.
 * @param of the difference of an arm, below 0 where the arm is better
 */
export function drawDifferences(summary: SeasonSummary, title: string, of: (arm: ArmSummary) => Estimate): string {
  const shown = summary.worlds.map(({ world, arms }) => ({ world, arms: arms.filter(({ arm }) => arm !== 'no-advice') }));
  const axis = axisFor(shown.flatMap(({ arms }) => arms.map(of)));
  let y = TOP;
  const worlds = shown.map(({ world, arms }) => {
    const first = y;
    const rows = arms.map((one) => {
      y += ROW;
      return text(PLOT.left - 12, y + 4, one.arm, ' text-anchor="end"') + mark(of(one), y, COLOURS[one.arm], axis);
    });
    y += GAP;
    return text(20, first + ROW + 4, world, ' font-weight="600"') + rows.join('');
  });
  const floor = y;
  const grid = axis.ticks
    .map((tick) => {
      const x = axis.xOf(tick).toFixed(1);
      return `<line x1="${x}" x2="${x}" y1="${TOP}" y2="${floor}" stroke="${tick === 0 ? '#222222' : '#e2e2e2'}"/>${text(axis.xOf(tick), floor + 16, String(Number(tick.toPrecision(6))), ' text-anchor="middle" font-size="10"')}`;
    })
    .join('');
  const height = floor + 36;
  const description = shown
    .map(({ world, arms }) => `${world}: ${arms.map((one) => `${one.arm} ${of(one).mean.toFixed(2)}`).join(', ')}`)
    .join('; ');
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="season-title season-desc" ` +
    `font-family="system-ui, sans-serif" font-size="12" fill="#222222"><title id="season-title">${escape(title)}</title><desc id="season-desc">${escape(description)}</desc>` +
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>${text(20, 28, title, ' font-size="15" font-weight="600"')}` +
    `${text(20, 46, `${summary.seeds.length} seeds, mean with 95 % interval over seeds; left of 0 is better than no advice`, ' font-size="11"')}${grid}${worlds.join('')}</svg>`
  );
}
