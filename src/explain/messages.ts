/** What the explainer and its worker thread tell each other. */
import type { ExecutionProvider } from '../score/onnx/onnx-scorer.ts';

export interface ExplainerSettings {
  readonly connectionString: string;
  readonly executionProvider: ExecutionProvider;
}

/** The row to be explained, one at a time; or an end after the batch in hand, and nothing after it. */
export type ToExplainerWorker = { readonly type: 'explain'; readonly id: string } | { readonly type: 'close' };

/** null: settled. */
export interface FromExplainerWorker {
  readonly id: string;
  readonly fault: string | null;
}
