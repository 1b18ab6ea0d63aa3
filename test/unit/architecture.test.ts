/** ARCHITECTURE.md names lines for the method's equations: they move, so they are held to the names that stand there. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const EQUATIONS = ['6', '7', ...Array.from({ length: 12 }, (_, i) => String(25 + i))];

describe('the table of equations', () => {
  const rows = readFileSync('ARCHITECTURE.md', 'utf8')
    .split('\n')
    .flatMap(
      (line) =>
        /^\| (\d+) +\|/u
          .exec(line)
          ?.slice(1)
          .map((equation) => ({ equation, line })) ?? [],
    );

  it('has a row for each equation of the adaptive strategy', () => {
    expect(rows.map(({ equation }) => equation)).toEqual(EQUATIONS);
  });

  it.each(rows)('points at the lines of equation $equation', ({ line }) => {
    const links = [...line.matchAll(/\[`(\w+)`\]\(([\w./-]+)#L(\d+)\)/gu)];
    expect(links.length).toBeGreaterThan(0);
    for (const [, name, path, number] of links)
      expect(readFileSync(path ?? '', 'utf8').split('\n')[Number(number) - 1]).toMatch(new RegExp(`(function|const) ${name}\\b`, 'u'));
  });
});
