import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CONFIG = resolve('.dependency-cruiser.cjs');
const CRUISE = resolve('node_modules/.bin/depcruise');

interface Report {
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly { readonly rule: { readonly name: string }; readonly from: string }[];
  };
}

function cruise(directory: string): Report {
  const done = spawnSync(CRUISE, ['--config', CONFIG, '--output-type', 'json', 'src'], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 2 ** 27,
  });
  return JSON.parse(done.stdout) as Report;
}

/** One planted file a rule; each must be found. */
const PLANTED: readonly (readonly [rule: string, file: string, source: string])[] = [
  ['pure-rooms-stay-pure', 'src/signal/reads-a-file.ts', `import { readFileSync } from 'node:fs';\nexport const a = readFileSync;\n`],
  ['pure-rooms-stay-pure', 'src/asms/asks-the-store.ts', `import { rows } from '../store/rows.ts';\nexport const b = rows;\n`],
  [
    'stages-do-not-import-each-other',
    'src/rest/calls-the-gateway.ts',
    `import { open } from '../gateway/open.ts';\nexport const c = open;\n`,
  ],
  ['contracts-stand-alone', 'src/contracts/knows-too-much.ts', `import { rows } from '../store/rows.ts';\nexport const d = rows;\n`],
  ['nobody-imports-main', 'src/store/imports-main.ts', `import { e } from '../main.ts';\nexport const f = e;\n`],
  ['no-cycles', 'src/cli/ping.ts', `import { pong } from './pong.ts';\nexport const ping = pong;\n`],
];
const SUPPORT: readonly (readonly [file: string, source: string])[] = [
  ['src/store/rows.ts', 'export const rows = 1;\n'],
  ['src/gateway/open.ts', 'export const open = 1;\n'],
  ['src/main.ts', 'export const e = 1;\n'],
  ['src/cli/pong.ts', `import { ping } from './ping.ts';\nexport const pong = () => ping;\n`],
];

describe('import boundaries', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kinewatch-boundaries-'));
    for (const [file, source] of [...PLANTED.map(([, file, source]) => [file, source] as const), ...SUPPORT]) {
      mkdirSync(dirname(join(directory, file)), { recursive: true });
      writeFileSync(join(directory, file), source);
    }
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('finds every planted violation', () => {
    const { violations } = cruise(directory).summary;
    const found = violations.map((violation) => `${violation.rule.name} ${violation.from}`);
    for (const [rule, file] of PLANTED) expect(found).toContain(`${rule} ${file}`);
  });

  it('cruises the whole house and finds none there', () => {
    const { summary } = cruise(resolve('.'));
    expect(summary.totalCruised).toBeGreaterThan(50);
    expect(summary.violations).toEqual([]);
  });
});
