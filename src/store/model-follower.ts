/** What scores now, kept up to date in a process: by notices of the registry's changes, and a look now and then for those that were missed. */
import type pg from 'pg';
import type { ModelContract } from '../contracts/model.ts';
import { createModelRegistry, listenModels, type ModelsInUse } from './model-registry.ts';

export interface ModelFollowerOptions {
  readonly pool: pg.Pool;
  readonly connectionString: string;
  /** After every look, whether it found something new or not. */
  readonly onLook?: (models: ModelsInUse) => void;
  readonly onError: (error: unknown) => void;
  readonly lookEveryMs?: number;
}

export interface ModelFollower {
  readonly models: ModelsInUse;
  /** undefined: the version is not in the registry. */
  contractOf(version: string): ModelContract | undefined;
  close(): Promise<void>;
}

const LOOK_EVERY_MS = 15_000;

/** @throws the driver's error where the first look fails */
export async function followModels(options: ModelFollowerOptions): Promise<ModelFollower> {
  const { pool, connectionString, onLook, onError, lookEveryMs = LOOK_EVERY_MS } = options;
  const registry = createModelRegistry(pool);
  let models: ModelsInUse = { active: null, shadow: null };
  let contracts: ReadonlyMap<string, ModelContract> = new Map();
  let closed = false;
  let looking: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    if (closed) return;
    const found = await registry.inUse();
    const isKnown = [found.active, found.shadow].every((version) => version === null || contracts.has(version));
    if (!isKnown) contracts = await registry.contracts();
    models = found;
    onLook?.(models);
  }
  const lookAgain = (): void => {
    looking = looking.then(look).catch(onError);
  };

  // Listening begins before the first look: no change falls between.
  const listener = await listenModels(connectionString, lookAgain, { onError });
  await look();
  const timer = setInterval(lookAgain, lookEveryMs);
  timer.unref();
  return {
    get models() {
      return models;
    },
    contractOf: (version) => contracts.get(version),
    close: async () => {
      closed = true;
      clearInterval(timer);
      await listener.close();
      await looking;
    },
  };
}
