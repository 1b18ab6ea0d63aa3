/** models/binn.json: the contract between training and serving. The service refuses a graph that does not fit it. */

export type ActivityClass = 'rest' | 'walk' | 'run' | 'jump';
export const ACTIVITY_CLASSES: readonly ActivityClass[] = ['rest', 'walk', 'run', 'jump'];

export interface LocationScale {
  readonly location: number;
  readonly scale: number;
}

export interface BioChannel {
  /** e.g. "foot-left.ax" */
  readonly name: string;
  readonly unit: string;
  readonly kind: string;
  readonly placement: string;
  readonly channel: string;
  /** Population location and scale for each activity class, in the channel's unit. */
  readonly prior: Readonly<Record<ActivityClass, LocationScale>>;
}

export interface ScalarChannel {
  readonly name: string;
  readonly unit: string;
  readonly prior: LocationScale;
}

export interface ModelContract {
  readonly format: 1;
  readonly name: 'binn';
  readonly version: string;
  /** SHA-256 of the ONNX file, hex. */
  readonly sha256: string;
  readonly window: { readonly lengthS: 2; readonly hopS: 1; readonly rateHz: 100 };
  readonly bio: readonly BioChannel[];
  readonly phys: readonly ScalarChannel[];
  readonly perf: readonly ScalarChannel[];
  readonly context: readonly ScalarChannel[];
  /** z is clipped to +-zClip and the clipping counted. */
  readonly zClip: number;
  /** Widths of the tensors below. */
  readonly sizes: {
    readonly hidden: number;
    readonly attn: number;
    readonly final: number;
    readonly tokens: number;
    readonly timeSteps: number;
  };
  /** Below this a window's row says "not enough data" (state null). */
  readonly minimum: { readonly bioChannels: number; readonly observedFraction: number };
  /** From a false-alert budget on validation; `source` says how. */
  readonly thresholds: { readonly high: number; readonly low: number; readonly k: number; readonly n: number; readonly source: string };
  readonly trainedOn: Readonly<Record<string, unknown>>;
}

/** A model as it comes in a folder: what the registry keeps of it. */
export interface ModelPackage {
  readonly contract: ModelContract;
  /** binn.json as it was read. */
  readonly contractText: string;
  readonly graph: Uint8Array;
  /** What its evaluation measured (evaluation.json, where it is of this version), or null. */
  readonly metrics: unknown;
  /** hazard.json as it was read, or null where there is none. Whether it is this graph's is said where a hazard is asked for (src/asms/hazard-file.ts). */
  readonly hazardText: string | null;
  /** Files of the folder that were left out, in sentences; none where all belong to the model. */
  readonly leftOut: readonly string[];
}

/*
 * Graph inputs (float32, B = dynamic batch, T = 200):
 *   bio [B,T,Cb]  bio_mask [B,T,Cb]  phys [B,Cp]  phys_mask  perf [B,Cf]  perf_mask  context [B,Cc]  context_mask
 *   state_final [B,sizes.final]   eq. 17, carried across windows (zeros at the start)
 *   state_a     [B,sizes.hidden]  eq. 12, cumulative vector
 *   state_h     [B,2*sizes.hidden] the last two window means H (eq. 11 compares windows that do not overlap: H(k) - H(k-2))
 *   elapsed     [B,1]             hops since the last scored window (1 = the next one; 0 = no earlier window)
 * Graph outputs:
 *   state_logit [B,1]  rehab [B,1]  performance [B,1]  f_attn [B,sizes.attn]  attn_time [B,sizes.timeSteps]
 *   attn_tokens [B,sizes.tokens]  residual_norm [B,1]  logit_sd [B,1]
 *   next_final  next_a  next_h    same shapes as the states in
 */
