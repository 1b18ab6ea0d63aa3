/**
 * Gateway protocol v1: what crosses the WebSocket between a sensor gateway and the service.
 * docs/protocol.md describes the same thing in prose; this file is what the program checks against.
 */
import { Type, type Static } from 'typebox';

export const PROTOCOL_VERSION = 1;

/** Sensor families. A stream is one kind at one placement of one boot of one device. */
export const StreamKind = Type.Union([
  Type.Literal('imu'),
  Type.Literal('force-plate'),
  Type.Literal('wearable'),
  Type.Literal('emg'),
  Type.Literal('mocap'),
  Type.Literal('position'),
]);
export type StreamKind = Static<typeof StreamKind>;

const Identifier = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9._:-]+$' });

export const ChannelDeclaration = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 32, pattern: '^[A-Za-z0-9._-]+$' }),
    /** UCUM-like unit as sent: m/s2, g, mg, rad/s, deg/s, N, BW, bpm, ms, %, Cel, mV, m, m/s, W, 1/min. */
    unit: Type.String({ minLength: 1, maxLength: 16 }),
  },
  { additionalProperties: false },
);
export type ChannelDeclaration = Static<typeof ChannelDeclaration>;

export const StreamDeclaration = Type.Object(
  {
    /** Index of the stream on this connection, chosen by the gateway; data frames carry it. */
    stream: Type.Integer({ minimum: 0, maximum: 65_535 }),
    device: Identifier,
    /** Changes whenever the device's clock or its sequence starts anew. */
    boot: Identifier,
    /** May be left out: the device's assignment decides whose data it is. One that disagrees is refused. */
    athlete: Type.Optional(
      Type.Union([
        Type.Object({ id: Type.String({ format: 'uuid' }) }, { additionalProperties: false }),
        Type.Object({ externalId: Type.String({ minLength: 1, maxLength: 128 }) }, { additionalProperties: false }),
      ]),
    ),
    kind: StreamKind,
    /** foot-left, foot-right, trunk, left, right, single, chest, thigh-left, body ... */
    placement: Identifier,
    channels: Type.Array(ChannelDeclaration, { minItems: 1, maxItems: 64 }),
    gravity: Type.Optional(Type.Union([Type.Literal('included'), Type.Literal('removed')])),
    frame: Type.Optional(Type.Union([Type.Literal('sensor'), Type.Literal('earth')])),
    /** recorded: device time is Unix time in microseconds and is trusted. live: device time is any monotonic clock. */
    mode: Type.Union([Type.Literal('live'), Type.Literal('recorded')]),
    rateHz: Type.Number({ exclusiveMinimum: 0, maximum: 10_000 }),
    /** Of binary frames. JSON and SenML samples may be sent for any stream and are stored as float32. */
    encoding: Type.Union([Type.Literal('int16'), Type.Literal('float32')]),
    /** int16 only: value = raw * scale, one number a channel. */
    scale: Type.Optional(Type.Array(Type.Number(), { minItems: 1, maxItems: 64 })),
    /** Best of several four-stamp exchanges (least round trip): server time = device time + offsetUs. */
    clock: Type.Optional(
      Type.Object({ offsetUs: Type.Number(), roundTripUs: Type.Number({ minimum: 0 }) }, { additionalProperties: false }),
    ),
  },
  { additionalProperties: false },
);
export type StreamDeclaration = Static<typeof StreamDeclaration>;

// ---- gateway -> service, JSON text messages

export const Hello = Type.Object(
  {
    type: Type.Literal('hello'),
    protocol: Type.Integer(),
    streams: Type.Array(StreamDeclaration, { minItems: 1, maxItems: 1024 }),
  },
  { additionalProperties: false },
);
export type Hello = Static<typeof Hello>;

/** Four-stamp exchange, first half: t0 is the device's clock when this message left, microseconds. */
export const TimeRequest = Type.Object({ type: Type.Literal('time'), t0: Type.Number() }, { additionalProperties: false });

/** Low-rate samples in JSON: values[i] is one sample (one number a channel, null = missing) at time + i / rateHz. */
export const Samples = Type.Object(
  {
    type: Type.Literal('samples'),
    stream: Type.Integer({ minimum: 0, maximum: 65_535 }),
    sequence: Type.Integer({ minimum: 0 }),
    timeUs: Type.Number(),
    values: Type.Array(Type.Array(Type.Union([Type.Number(), Type.Null()])), { minItems: 1, maxItems: 1024 }),
  },
  { additionalProperties: false },
);
export type Samples = Static<typeof Samples>;

/** RFC 8428 records; names must resolve to declared channels of the stream, times are device time in seconds. */
export const SenmlMessage = Type.Object(
  {
    type: Type.Literal('senml'),
    stream: Type.Integer({ minimum: 0, maximum: 65_535 }),
    sequence: Type.Integer({ minimum: 0 }),
    pack: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1, maxItems: 4096 }),
  },
  { additionalProperties: false },
);
export type SenmlMessage = Static<typeof SenmlMessage>;

export const Bye = Type.Object({ type: Type.Literal('bye') }, { additionalProperties: false });

// ---- service -> gateway

export interface Limits {
  readonly maxFrameBytes: number;
  readonly maxMessageBytes: number;
  readonly maxSamplesPerFrame: number;
  readonly maxStreams: number;
  readonly commitIntervalMs: number;
}

export interface WelcomeStream {
  readonly stream: number;
  readonly athleteId: string;
  /** What the service expects next on this stream; everything below is stored. */
  readonly nextSequence: number;
  /** Channels that are stored but feed nothing, in words for people; absent where all are read. */
  readonly warnings?: readonly string[];
}

export type ServerMessage =
  | {
      readonly type: 'welcome';
      readonly protocol: number;
      readonly serverTimeUs: number;
      readonly streams: readonly WelcomeStream[];
      /** Bytes of frames that may be unacknowledged on this connection at any moment. */
      readonly creditBytes: number;
      readonly limits: Limits;
    }
  | { readonly type: 'time'; readonly t0: number; readonly t1: number; readonly t2: number }
  /** Cumulative: every frame of `stream` with a sequence below `next` is stored or settled. */
  | { readonly type: 'ack'; readonly acks: readonly (readonly [stream: number, next: number])[] }
  | { readonly type: 'credit'; readonly creditBytes: number }
  | {
      readonly type: 'error';
      readonly code: string;
      readonly detail: string;
      readonly retry: boolean;
      /** For `frame-refused`: one of FRAME_REFUSALS. */
      readonly reason?: string;
      readonly stream?: number;
      readonly sequence?: number;
      /** For a gap: the sequence the service expects. */
      readonly expected?: number;
    }
  | { readonly type: 'bye'; readonly reason: string };

// ---- binary data frame, little-endian, 24-byte header then count x channels values row by row

export const FRAME_MAGIC = 0x4b; // 'K'
export const FRAME_HEADER_BYTES = 24;
export const FrameOffset = {
  magic: 0, // u8
  version: 1, // u8 = 1
  flags: 2, // u8, see FrameFlag
  channels: 3, // u8
  stream: 4, // u16
  count: 6, // u16 samples
  sequence: 8, // u32
  reserved: 12, // u32 = 0
  deviceTimeUs: 16, // i64, time of the first sample
} as const;

export const FrameFlag = {
  /** Payload is float32; otherwise int16 with the declared scale. NaN in float32 is refused, except in frames made from JSON (flag below). */
  float32: 1,
  /** Sent before: the clock estimator skips it. */
  resent: 2,
  /** Made by the service from JSON or SenML: NaN marks a sample that was null. Refused when a gateway sets it. */
  fromJson: 4,
} as const;

export const DEFAULT_LIMITS: Limits = {
  maxFrameBytes: 65_536,
  maxMessageBytes: 1_048_576,
  maxSamplesPerFrame: 4_096,
  maxStreams: 1_024,
  commitIntervalMs: 25,
};
export const DEFAULT_CREDIT_BYTES = 4_194_304;
