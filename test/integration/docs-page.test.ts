/** The whole service in one process, and its documentation opened in a real browser. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { startService, type Service } from '../../src/service.ts';
import { haveTool } from '../support/tools.ts';

const directory = mkdtempSync(join(tmpdir(), 'kinewatch-docs-'));
const whereIs = (program: string): string => execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
const BROWSER_FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

describe('the running service', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService({
      ...readConfig({}),
      port: 0,
      directory: join(directory, 'data'),
      logLevel: 'silent',
      executionProvider: 'cpu',
    });
  });
  afterAll(async () => {
    await service.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('is healthy and ready, and says which provider scores', async () => {
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${service.url}/readyz`);
    expect(ready.status).toBe(200);
    expect(JSON.stringify(await ready.json())).toMatch(/"scoring":\{"ok":true,"detail":"cpu/);
    expect(await (await fetch(`${service.url}/metrics`)).text()).toContain('kinewatch_execution_provider{provider="cpu"} 1');
  });

  it('gives its admin key once, and the key opens the API', async () => {
    expect(service.adminKey).toMatch(/^kw_/);
    const answer = await fetch(`${service.url}/v1/teams`, { headers: { authorization: `Bearer ${service.adminKey}` } });
    expect(answer.status).toBe(200);
    expect((await fetch(`${service.url}/v1/teams`)).status).toBe(401);
  });

  it.skipIf(!haveTool('chromium', 'the documentation page is'))('shows its routes in a browser', { timeout: 240_000 }, async () => {
    const browser = await chromium.launch({ executablePath: whereIs('chromium'), chromiumSandbox: false, args: BROWSER_FLAGS });
    try {
      const page = await browser.newPage();
      await page.goto(`${service.url}/docs/`);
      // Tags are closed at first: all operations at once take a slow machine minutes to draw.
      for (const tag of ['athletes', 'alerts']) {
        const header = page.locator(`#operations-tag-${tag}`);
        await header.waitFor({ state: 'attached', timeout: 60_000 });
        await header.evaluate((element) => element.click());
        await page.locator(`[data-path="/v1/${tag}"]`).first().waitFor({ state: 'attached', timeout: 60_000 });
      }
      expect(await page.title()).not.toBe('');
    } finally {
      await browser.close();
    }
  });
});
