/** The models a shard has open: taken from the registry, opened once, closed when nothing uses them any more. */
import type { ModelContract } from '../contracts/model.ts';
import { createOnnxScorer, type OnnxScorer } from '../score/onnx/onnx-scorer.ts';
import type { ModelVersions, WorkerSettings } from './messages.ts';
import type { ScoringModels } from './shard.ts';

export interface ShelfOptions {
  readonly registry: { load(version: string): Promise<{ readonly contract: ModelContract; readonly graph: Uint8Array }> };
  readonly executionProvider: WorkerSettings['executionProvider'];
  readonly maxBatch: number;
}

export interface ModelShelf {
  /** cpu or cuda, of the active model. */
  readonly provider: string;
  readonly note: string | null;
  readonly models: ScoringModels;
  readonly versions: ModelVersions;
  /** Why a model that was asked for is not in use; null where all are. */
  readonly fault: string | null;
  /**
   * Opens what is asked for and not open yet, lets `use` put it to work, and closes what is left over. Changes are made one after another.
   * A model that cannot be opened is left out, told in `fault`, and the active one of before goes on.
   */
  change(versions: ModelVersions, use: (models: ScoringModels) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

interface OpenModel {
  readonly contract: ModelContract;
  readonly scorer: OnnxScorer;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @throws KinewatchError `unknown-model`, `model-contract` or `cuda-unavailable` of the active model; a shadow's fault is only told */
export async function createModelShelf(first: ModelVersions, options: ShelfOptions): Promise<ModelShelf> {
  const { registry, executionProvider, maxBatch } = options;
  const openVersion = async (version: string): Promise<OpenModel> => {
    const { contract, graph } = await registry.load(version);
    const scorer = await createOnnxScorer({ modelPath: `model ${version}`, modelBytes: graph, contract, executionProvider, maxBatch });
    return { contract, scorer };
  };

  let fault: string | null = null;
  let active = await openVersion(first.active);
  let shadow: OpenModel | null = null;
  shadow = await tryOpen(first.shadow);
  let changing: Promise<void> = Promise.resolve();

  async function tryOpen(version: string | null): Promise<OpenModel | null> {
    if (version === null) return null;
    for (const open of [active, shadow]) if (open?.contract.version === version) return open;
    try {
      return await openVersion(version);
    } catch (error) {
      fault = `model ${version} cannot be used: ${messageOf(error)}`;
      return null;
    }
  }

  async function replace(versions: ModelVersions, use: (models: ScoringModels) => Promise<void>): Promise<void> {
    fault = null;
    const before = [active, shadow];
    const nextActive = (await tryOpen(versions.active)) ?? active;
    const wanted = await tryOpen(versions.shadow);
    // A version never scores beside itself.
    const nextShadow = wanted === nextActive ? null : wanted;
    const isSame = nextActive === active && nextShadow === shadow;
    active = nextActive;
    shadow = nextShadow;
    if (isSame) return;
    await use({ active, shadow });
    for (const model of before) if (model !== null && model !== active && model !== shadow) await model.scorer.close();
  }

  return {
    get provider() {
      return active.scorer.provider;
    },
    get note() {
      return active.scorer.providerNote;
    },
    get models() {
      return { active, shadow };
    },
    get versions() {
      return { active: active.contract.version, shadow: shadow?.contract.version ?? null };
    },
    get fault() {
      return fault;
    },
    change: (versions, use) => (changing = changing.then(() => replace(versions, use))),
    close: async () => {
      await changing;
      await active.scorer.close();
      await shadow?.scorer.close();
    },
  };
}
