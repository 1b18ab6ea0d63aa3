/** A row of table `score` as the ScoredWindow it was written from. */
import type { ActivityClass } from '../contracts/model.ts';
import type { ScoredWindow, WindowStream } from '../contracts/score.ts';

/** Columns of a score but its vectors, for a select list. */
export const SCALAR_COLUMNS = `athlete_id, window_index, model_version, start_us, end_us, activity, state, state_logit, logit_sd, rehab, performance,
  residual_norm, observed_fraction, clipped, streams, closed_by_us, scored_at_us, provisional, shadow`;

/** All that the decoder needs. */
export const SCORE_COLUMNS = `${SCALAR_COLUMNS}, channel_summary, f_attn, attn_time, attn_tokens, phys, perf`;

/** As pg gives it: bigint as text, bytea as Buffer, json parsed. */
export interface ScoreRow {
  readonly athlete_id: string;
  readonly window_index: string;
  readonly model_version: string;
  readonly start_us: string;
  readonly end_us: string;
  readonly activity: string;
  readonly state: number | null;
  readonly state_logit: number | null;
  readonly logit_sd: number | null;
  readonly rehab: number | null;
  readonly performance: number | null;
  readonly residual_norm: number | null;
  readonly observed_fraction: number;
  readonly clipped: number;
  readonly streams: readonly WindowStream[];
  readonly channel_summary: Buffer;
  readonly f_attn: Buffer;
  readonly attn_time: Buffer;
  readonly attn_tokens: Buffer;
  readonly phys: Buffer;
  readonly perf: Buffer;
  readonly closed_by_us: string;
  readonly scored_at_us: string;
  readonly provisional: boolean;
  readonly shadow: boolean;
}

export type ScalarRow = Omit<ScoreRow, 'channel_summary' | 'f_attn' | 'attn_time' | 'attn_tokens' | 'phys' | 'perf'>;

/** Little-endian float32 bytes; copied, since a Buffer from the pool need not be aligned. */
export function decodeFloats(bytes: Uint8Array): Float32Array {
  const aligned = new Uint8Array(bytes.byteLength - (bytes.byteLength % 4));
  aligned.set(bytes.subarray(0, aligned.byteLength));
  return new Float32Array(aligned.buffer);
}

/** Microsecond counts stay below 2^53 until the year 2255. */
export function decodeScore(row: ScoreRow): ScoredWindow {
  return {
    athleteId: row.athlete_id,
    modelVersion: row.model_version,
    windowIndex: Number(row.window_index),
    startUs: Number(row.start_us),
    endUs: Number(row.end_us),
    activity: row.activity as ActivityClass,
    state: row.state,
    stateLogit: row.state_logit,
    logitSd: row.logit_sd,
    rehab: row.rehab,
    performance: row.performance,
    residualNorm: row.residual_norm,
    observedFraction: row.observed_fraction,
    clipped: row.clipped,
    streams: row.streams,
    channelSummary: decodeFloats(row.channel_summary),
    fAttn: decodeFloats(row.f_attn),
    attnTime: decodeFloats(row.attn_time),
    attnTokens: decodeFloats(row.attn_tokens),
    phys: decodeFloats(row.phys),
    perf: decodeFloats(row.perf),
    closedByUs: Number(row.closed_by_us),
    scoredAtUs: Number(row.scored_at_us),
    provisional: row.provisional,
  };
}
