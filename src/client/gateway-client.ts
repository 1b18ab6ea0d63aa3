/**
 * Gateway client: pushes sensor frames to Kinewatch over protocol v1 (docs/protocol.md) and keeps every frame until the service says that it is
 * stored. It reconnects by itself, resumes where the welcome says, and sends again what was not acknowledged, so that nothing is lost or
 * doubled. Depends on the protocol's contracts and `ws` only.
 */
import { encodeFrame } from '../contracts/frame.ts';
import { FRAME_HEADER_BYTES, type Limits, type StreamDeclaration, type WelcomeStream } from '../contracts/protocol.ts';
import { backoffMs, DEFAULT_BACKOFF, type BackoffOptions } from './backoff.ts';
import { Connection, type Welcome } from './connection.ts';
import { clientError, type GatewayClientError } from './errors.ts';
import { SendBuffer } from './send-buffer.ts';

export interface GatewayClientOptions {
  /** ws:// or wss:// address of /v1/ingest. */
  readonly url: string;
  readonly token: string;
  readonly streams: readonly StreamDeclaration[];
  /**
   * The clock that stamps the device times of the live streams, microseconds. Where it is given, each connection measures its offset to the
   * service and declares it; leave it out where the device times come from elsewhere.
   */
  readonly deviceClockUs?: () => number;
  /** Bytes of frames kept, sent or not; `send` waits beyond it. */
  readonly maxBufferedBytes?: number;
  /** Calls of `send` that may wait at once; one more is rejected with too-many-waiting. */
  readonly maxWaiting?: number;
  readonly backoff?: Partial<BackoffOptions>;
  /** Number in [0, 1) for the jitter of the backoff. */
  readonly random?: () => number;
  readonly clockExchanges?: number;
  /** Bound of connectGateway as a whole. */
  readonly connectTimeoutMs?: number;
  readonly handshakeTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  /** Bound of `close`, flush included. */
  readonly closeTimeoutMs?: number;
  /** What the service refused, and lost connections. `error.retry` false and no reconnect: the client is at its end. */
  readonly onError?: (error: GatewayClientError) => void;
  readonly log?: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

export interface GatewayClientStats {
  /** Frames, each counted once. */
  readonly sent: number;
  readonly acked: number;
  /** Sendings beyond the first. */
  readonly resent: number;
  readonly reconnects: number;
  /** Frames the service settled without taking their samples. */
  readonly refused: number;
  readonly bufferedFrames: number;
  readonly bufferedBytes: number;
}

export interface GatewayClient {
  /** Streams of the newest welcome. */
  readonly welcome: readonly WelcomeStream[];
  /**
   * Sends rows of samples, splitting them into several frames where they do not fit one. Resolves when they are in the bounded buffer and waits
   * while it is full; do not change `samples` before that.
   *
   * @param stream index of the declaration
   * @param deviceTimeUs time of the first row
   * @param samples row-major, rows x channels, of the type the encoding says; empty is a no-op
   * @throws RangeError unknown stream or incomplete row; TypeError wrong array type; GatewayClientError closed, too-many-waiting,
   * sequence-exhausted, or the fault that ended the client
   */
  send(stream: number, deviceTimeUs: number, samples: Int16Array | Float32Array): Promise<void>;
  /** Resolves when everything sent so far and since is acknowledged. Rejects when the client ends before. */
  flush(): Promise<void>;
  /**
   * Flushes, says bye and ends. @throws GatewayClientError close-timeout where frames stayed unacknowledged; the client is closed all the same
   */
  close(): Promise<void>;
  /** Ends at once; what is not acknowledged is given up. */
  abort(): void;
  stats(): GatewayClientStats;
}

interface Waiting {
  readonly bytes: number;
  admit(): void;
  reject(error: unknown): void;
}

const MAX_SOCKET_BYTES = 1_048_576;

class Client implements GatewayClient {
  welcome: readonly WelcomeStream[] = [];
  readonly #options: GatewayClientOptions;
  readonly #declarations: ReadonlyMap<number, StreamDeclaration>;
  readonly #buffer = new SendBuffer();
  readonly #maxBufferedBytes: number;
  readonly #maxWaiting: number;
  #waiting: Waiting[] = [];
  #flushing: { resolve(): void; reject(error: unknown): void }[] = [];
  #connection: Connection | undefined;
  /** The connection may carry frames: between welcome and bye or close. */
  #ready: Connection | undefined;
  #creditBytes = 0;
  #limits: Limits | undefined;
  #attempt = 0;
  #welcomes = 0;
  #refused = 0;
  #end: GatewayClientError | undefined;
  #wakeFromBackoff: (() => void) | undefined;
  #onFirstWelcome: (() => void) | undefined;
  #onEnd: ((error: GatewayClientError) => void) | undefined;

  constructor(options: GatewayClientOptions) {
    this.#options = options;
    this.#declarations = new Map(options.streams.map((declaration) => [declaration.stream, declaration]));
    this.#maxBufferedBytes = options.maxBufferedBytes ?? 8_388_608;
    this.#maxWaiting = options.maxWaiting ?? 1024;
  }

  /** Resolves with the first welcome. */
  start(): Promise<void> {
    const { connectTimeoutMs = 60_000 } = this.#options;
    return new Promise((resolve, reject) => {
      let last = 'no answer yet';
      const timer = setTimeout(
        () => this.#stop(clientError('connect-timeout', `not connected within ${connectTimeoutMs} ms: ${last}`, { retry: true })),
        connectTimeoutMs,
      );
      this.#onFirstWelcome = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#onEnd = (error) => {
        clearTimeout(timer);
        reject(error);
      };
      this.#stayConnected((error) => (last = error.message)).catch((cause: unknown) => {
        // Thrown before a socket exists: an address or a token that cannot be sent.
        this.#stop(clientError('not-a-gateway-endpoint', cause instanceof Error ? cause.message : 'cannot connect', { cause }));
      });
    });
  }

  send(stream: number, deviceTimeUs: number, samples: Int16Array | Float32Array): Promise<void> {
    try {
      this.#check(stream, samples);
      if (this.#hasRoom(samples.byteLength) && this.#waiting.length === 0) {
        this.#accept(stream, deviceTimeUs, samples);
        return Promise.resolve();
      }
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      return Promise.reject(clientError('too-many-waiting', `${this.#waiting.length} calls of send wait; await them`, { retry: true }));
    }
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        this.#accept(stream, deviceTimeUs, samples);
        resolve();
      };
      this.#waiting.push({ bytes: samples.byteLength, admit, reject });
    });
  }

  flush(): Promise<void> {
    if (this.#isEmpty()) return Promise.resolve();
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => this.#flushing.push({ resolve, reject }));
  }

  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    const { closeTimeoutMs = 10_000 } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(
          clientError('close-timeout', `${this.#buffer.frames} frames stayed unacknowledged for ${closeTimeoutMs} ms`, { retry: true }),
        );
      }, closeTimeoutMs);
    });
    try {
      await Promise.race([this.flush(), bound]);
      const connection = this.#ready;
      this.#ready = undefined;
      this.#end = clientError('closed', 'the client is closed');
      connection?.bye();
      if (connection !== undefined) await Promise.race([connection.closed, bound.catch(() => undefined)]);
    } finally {
      clearTimeout(timer);
      this.abort();
    }
  }

  abort(): void {
    this.#stop(this.#end ?? clientError('closed', 'the client is closed'));
  }

  stats(): GatewayClientStats {
    const { sent, acked, resent, frames, bytes } = this.#buffer;
    return {
      sent,
      acked,
      resent,
      reconnects: Math.max(0, this.#welcomes - 1),
      refused: this.#refused,
      bufferedFrames: frames,
      bufferedBytes: bytes,
    };
  }

  #check(stream: number, samples: Int16Array | Float32Array): void {
    if (this.#end !== undefined) throw this.#end;
    const declaration = this.#declarations.get(stream);
    if (declaration === undefined) throw new RangeError(`stream ${stream} was not declared`);
    if ((declaration.encoding === 'float32') !== samples instanceof Float32Array) {
      throw new TypeError(`stream ${stream} is declared as ${declaration.encoding}`);
    }
    if (samples.length % declaration.channels.length !== 0) {
      throw new RangeError(`${samples.length} values do not form rows of ${declaration.channels.length} channels`);
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#buffer.frames === 0 || this.#buffer.bytes + bytes + FRAME_HEADER_BYTES <= this.#maxBufferedBytes;
  }

  #accept(stream: number, deviceTimeUs: number, samples: Int16Array | Float32Array): void {
    const declaration = this.#declarations.get(stream);
    const limits = this.#limits;
    if (declaration === undefined || limits === undefined) throw clientError('closed', 'not connected yet');
    const channels = declaration.channels.length;
    const fitting = Math.floor((limits.maxFrameBytes - FRAME_HEADER_BYTES) / (channels * samples.BYTES_PER_ELEMENT));
    const rows = Math.max(1, Math.min(limits.maxSamplesPerFrame, fitting));
    for (let row = 0; row * channels < samples.length; row += rows) {
      const header = {
        flags: 0,
        channels,
        stream,
        sequence: this.#buffer.nextSequence(stream),
        deviceTimeUs: deviceTimeUs + Math.round((row * 1e6) / declaration.rateHz),
      };
      this.#buffer.add(stream, encodeFrame(header, samples.subarray(row * channels, (row + rows) * channels)));
    }
    this.#pump();
  }

  /** Sends what credit and socket allow. Called whenever one of them may have grown. */
  #pump(): void {
    const connection = this.#ready;
    if (connection === undefined) return;
    const buffer = this.#buffer;
    for (let frame = buffer.peek(); frame !== undefined; frame = buffer.peek()) {
      // One frame may always be under way: a frame larger than the credit could never leave otherwise.
      if (buffer.wireBytes > 0 && buffer.wireBytes + frame.bytes.length > this.#creditBytes) return;
      if (connection.bufferedBytes > MAX_SOCKET_BYTES) return;
      buffer.markSent(frame);
      connection.sendFrame(frame.bytes);
    }
  }

  #isEmpty(): boolean {
    return this.#buffer.frames === 0 && this.#waiting.length === 0;
  }

  #onRoom(): void {
    let admitted = 0;
    for (const waiting of this.#waiting) {
      if (!this.#hasRoom(waiting.bytes)) break;
      admitted += 1;
      try {
        waiting.admit();
      } catch (error) {
        waiting.reject(error);
      }
    }
    if (admitted > 0) this.#waiting = this.#waiting.slice(admitted);
    if (!this.#isEmpty()) return;
    const flushing = this.#flushing;
    this.#flushing = [];
    for (const flush of flushing) flush.resolve();
  }

  #onWelcome(connection: Connection, welcome: Welcome): void {
    try {
      this.#buffer.resume(welcome.streams, this.#welcomes === 0);
    } catch (error) {
      this.#stop(error as GatewayClientError);
      return;
    }
    this.#welcomes += 1;
    this.welcome = welcome.streams;
    this.#creditBytes = welcome.creditBytes;
    this.#limits = welcome.limits;
    this.#ready = connection;
    this.#options.log?.info({ streams: welcome.streams.length, resumed: this.#welcomes > 1 }, 'connected');
    this.#onFirstWelcome?.();
    this.#onRoom();
    this.#pump();
  }

  #connect(): Connection {
    const { url, token, streams, deviceClockUs, clockExchanges = 5, handshakeTimeoutMs = 10_000, idleTimeoutMs = 45_000 } = this.#options;
    return new Connection({
      url,
      token,
      streams,
      deviceClockUs,
      clockExchanges,
      handshakeTimeoutMs,
      idleTimeoutMs,
      onWelcome: (connection, welcome) => this.#onWelcome(connection, welcome),
      onAck: (acks) => {
        this.#attempt = 0;
        for (const [stream, next] of acks) this.#buffer.ack(stream, next);
        this.#onRoom();
        this.#pump();
      },
      onCredit: (creditBytes) => {
        this.#creditBytes = creditBytes;
        this.#pump();
      },
      onFault: (error) => this.#onFault(error),
      onBye: () => (this.#ready = undefined),
      onWritten: () => this.#pump(),
    });
  }

  #onFault(error: GatewayClientError): void {
    if (error.code === 'frame-refused') this.#refused += 1;
    this.#options.onError?.(error);
    // The socket keeps order, so that a gap means the two sides disagree: a new welcome settles it.
    if (error.code === 'sequence-gap') this.#connection?.terminate();
  }

  async #stayConnected(onFailure: (error: GatewayClientError) => void): Promise<void> {
    while (this.#end === undefined) {
      this.#connection = this.#connect();
      // Connections follow one another.
      // oxlint-disable-next-line no-await-in-loop
      const reason = await this.#connection.closed;
      this.#ready = undefined;
      if (this.#end !== undefined) return;
      onFailure(reason);
      this.#options.log?.warn({ code: reason.code, detail: reason.message }, 'connection lost');
      if (!reason.retry) {
        this.#stop(reason);
        return;
      }
      this.#options.onError?.(reason);
      // oxlint-disable-next-line no-await-in-loop
      await this.#backOff();
    }
  }

  #backOff(): Promise<void> {
    const { backoff, random = Math.random } = this.#options;
    const delayMs = backoffMs(this.#attempt, { ...DEFAULT_BACKOFF, ...backoff }, random());
    this.#attempt += 1;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wakeFromBackoff = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #stop(error: GatewayClientError): void {
    const known = this.#end !== undefined;
    this.#end ??= error;
    this.#ready = undefined;
    this.#connection?.terminate();
    this.#wakeFromBackoff?.();
    const waiting = this.#waiting;
    const flushing = this.#flushing;
    this.#waiting = [];
    this.#flushing = [];
    for (const waiter of [...waiting, ...flushing]) waiter.reject(error);
    this.#onEnd?.(error);
    if (!known && error.code !== 'closed') this.#options.onError?.(error);
  }
}

/**
 * Connects and says hello; resolves with the welcome. Connection failures that may pass are tried again until `connectTimeoutMs`.
 *
 * @throws GatewayClientError unauthenticated, connect-timeout, or the code with which the service refused the hello
 */
export async function connectGateway(options: GatewayClientOptions): Promise<GatewayClient> {
  const client = new Client(options);
  await client.start();
  return client;
}
