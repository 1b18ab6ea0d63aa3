// Generates the Prisma client and compiles to dist/. Prisma wants a schema-engine binary it would download; generating needs none
// (it uses WASM), so any existing file satisfies the check.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, rmSync, statSync } from 'node:fs';

const bin = (name) => new URL(`../node_modules/.bin/${name}`, import.meta.url).pathname;
const run = (name, args, env = {}) => {
  const done = spawnSync(bin(name), args, { stdio: ['ignore', 2, 2], env: { ...process.env, ...env } });
  if (done.status !== 0) process.exit(done.status ?? 1);
};

const stale = (made, source) => !existsSync(made) || statSync(made).mtimeMs < statSync(source).mtimeMs;
if (stale('src/store/generated/client.ts', 'prisma/schema.prisma')) {
  rmSync('src/store/generated', { recursive: true, force: true });
  run('prisma', ['generate', '--no-hints'], {
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  });
}
run('tsc', ['--project', 'tsconfig.json']);
cpSync('prisma', 'dist/prisma', { recursive: true });
