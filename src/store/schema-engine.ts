/** Prisma's schema engine as WebAssembly: applies migrations and writes SQL diffs without the native binary that Prisma would download. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { SchemaEngine } from '@prisma/schema-engine-wasm';
import type pg from 'pg';

/** wasm-bindgen's glue has this and its type declarations leave it out. */
const SET_EXPORTS = '__wbg_set_wasm';
const START = '__wbindgen_start';

/** Neither the ES2023 library nor Node's types of this line declare it. */
declare const WebAssembly: {
  instantiate(
    code: Uint8Array,
    imports: Record<string, unknown>,
  ): Promise<{ readonly instance: { readonly exports: Record<string, unknown> } }>;
};

let loading: Promise<void> | undefined;

async function instantiate(): Promise<void> {
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const code = await readFile(join(dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(code, { './schema_engine_bg.js': bindings });
  (bindings as unknown as Record<string, (exports: unknown) => void>)[SET_EXPORTS]?.(instance.exports);
  (instance.exports[START] as () => void)();
}

/**
 * Prisma's adapter splits a script at every semicolon, which breaks function bodies and comments, and sends the pieces over several
 * connections. Sent whole, as Prisma's own binary does, PostgreSQL runs it as one transaction: a migration is applied or it is not.
 */
class WholeScripts extends PrismaPg {
  override async connect(): ReturnType<PrismaPg['connect']> {
    const adapter = await super.connect();
    adapter.executeScript = async (script) => {
      await adapter.underlyingDriver().query(script);
    };
    return adapter;
  }
}

/**
 * An engine that talks to the database through the given pool, which stays the caller's to end. free() the engine afterwards.
 */
export async function openSchemaEngine(pool: pg.Pool): Promise<SchemaEngine> {
  loading ??= instantiate();
  await loading;
  const adapter = bindMigrationAwareSqlAdapterFactory(new WholeScripts(pool));
  return bindings.SchemaEngine.new({ datamodels: undefined }, () => undefined, adapter);
}
