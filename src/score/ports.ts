/** The Scorer port. Adapters: score/onnx (the real one); a fake in the tests. One contract suite runs against both. */

/** One window of one athlete, ready for the graph: row-major T x Cb values (z) and 0/1 mask, scalars likewise. */
export interface WindowInput {
  readonly bio: Float32Array;
  readonly bioMask: Float32Array;
  readonly phys: Float32Array;
  readonly physMask: Float32Array;
  readonly perf: Float32Array;
  readonly perfMask: Float32Array;
  readonly context: Float32Array;
  readonly contextMask: Float32Array;
  readonly elapsedHops: number;
  readonly state: ModelState;
}

export interface ModelState {
  readonly final: Float32Array;
  readonly a: Float32Array;
  readonly h: Float32Array;
}

export interface WindowOutput {
  readonly stateLogit: number;
  readonly logitSd: number;
  readonly rehab: number;
  readonly performance: number;
  readonly residualNorm: number;
  readonly fAttn: Float32Array;
  readonly attnTime: Float32Array;
  readonly attnTokens: Float32Array;
  readonly next: ModelState;
}

/** What a window's movement alone gives the network: of the scorer that made it, and good until its next `encode`. */
export interface Movement {
  readonly parts: readonly Float32Array[];
}

/**
 * A scorer in two steps, for many windows that share their movement: the movement is most of the work, and is encoded once. The same answers as the Scorer of
 * the same graph.
 */
export interface StagedScorer {
  readonly provider: string;
  readonly modelVersion: string;
  /** Movements of one `encode`, and windows of one `finish`. */
  readonly maxEncode: number;
  readonly maxFinish: number;
  encode(movements: readonly Pick<WindowInput, 'bio' | 'bioMask'>[]): Promise<readonly Movement[]>;
  finish(
    windows: readonly { readonly movement: Movement; readonly rest: Omit<WindowInput, 'bio' | 'bioMask'> }[],
  ): Promise<readonly Pick<WindowOutput, 'stateLogit' | 'attnTime' | 'attnTokens'>[]>;
  close(): Promise<void>;
}

export interface Scorer {
  /** cpu or cuda. */
  readonly provider: string;
  readonly modelVersion: string;
  readonly maxBatch: number;
  /** Scores 1 to maxBatch windows of different athletes. Outputs are the caller's own copies. NO-CROSSTALK. */
  score(windows: readonly WindowInput[]): Promise<readonly WindowOutput[]>;
  close(): Promise<void>;
}
