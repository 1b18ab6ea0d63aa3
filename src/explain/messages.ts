/** What the explainer and its worker thread tell each other. */
import type { ExecutionProvider } from '../score/onnx/onnx-scorer.ts';

export interface ExplainerSettings {
  readonly connectionString: string;
  readonly executionProvider: ExecutionProvider;
}

/** The row to be explained, one at a time. */
export interface ToExplainerWorker {
  readonly id: string;
}

/** null: settled. */
export interface FromExplainerWorker {
  readonly id: string;
  readonly fault: string | null;
}
