/** One WebSocket from its opening to its end: clock exchange, hello, welcome, then messages to the client. It never reconnects. */
import { WebSocket } from 'ws';
import { PROTOCOL_VERSION, type ServerMessage, type StreamDeclaration } from '../contracts/protocol.ts';
import { clientError, GatewayClientError } from './errors.ts';
import { bestOffset, offsetOf, type ClockOffset } from './time-sync.ts';

export type Welcome = Extract<ServerMessage, { type: 'welcome' }>;
type ErrorMessage = Extract<ServerMessage, { type: 'error' }>;

export interface ConnectionOptions {
  readonly url: string;
  readonly token: string;
  readonly streams: readonly StreamDeclaration[];
  readonly deviceClockUs: (() => number) | undefined;
  readonly clockExchanges: number;
  readonly handshakeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  onWelcome(connection: Connection, welcome: Welcome): void;
  onAck(acks: readonly (readonly [stream: number, next: number])[]): void;
  onCredit(creditBytes: number): void;
  onFault(error: GatewayClientError): void;
  onBye(): void;
  onWritten(): void;
}

/** Close codes after which the same hello would meet the same answer. */
const isFinalCloseCode = (code: number): boolean => (code >= 4400 && code < 4500 && code !== 4429) || code === 1009;
const FINAL_STATUS: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 426]);

const toError = (message: ErrorMessage): GatewayClientError =>
  new GatewayClientError(message.code, message.reason === undefined ? message.detail : `${message.reason}: ${message.detail}`, {
    retry: message.retry,
    stream: message.stream,
    sequence: message.sequence,
  });

/** Undefined where the text is no JSON: something stands between us that is not Kinewatch. */
function parse(text: string): ServerMessage | undefined {
  try {
    return JSON.parse(text) as ServerMessage;
  } catch {
    return undefined;
  }
}

export class Connection {
  /** Resolves when the socket is gone, with the reason; never rejects. */
  readonly closed: Promise<GatewayClientError>;
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  #lastFault: GatewayClientError | undefined;
  #timeReply: ((t1: number, t2: number) => void) | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #welcomed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#socket = new WebSocket(options.url, {
      headers: { authorization: `Bearer ${options.token}` },
      perMessageDeflate: false,
      handshakeTimeout: options.handshakeTimeoutMs,
      maxPayload: 1_048_576,
    });
    this.closed = this.#listen();
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  sendFrame(bytes: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes, () => this.#options.onWritten());
  }

  /** Says bye; the service closes once everything is acknowledged. */
  bye(): void {
    this.#sendText({ type: 'bye' });
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #listen(): Promise<GatewayClientError> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      let failure: GatewayClientError | undefined;
      socket.on('message', (data: Buffer, isBinary) => {
        this.#heard();
        if (!isBinary) this.#onText(data.toString('utf8'));
      });
      socket.on('ping', () => this.#heard());
      socket.on('open', () => {
        this.#heard();
        void this.#greet();
      });
      socket.on('unexpected-response', (request, response) => {
        const status = response.statusCode ?? 0;
        const code =
          status === 401 || status === 403 ? 'unauthenticated' : FINAL_STATUS.has(status) ? 'not-a-gateway-endpoint' : 'disconnected';
        failure = clientError(code, `the service answered ${status} to the upgrade`, { retry: !FINAL_STATUS.has(status) });
        request.destroy();
        response.resume();
        socket.terminate();
      });
      socket.on('error', (cause) => {
        failure ??= clientError('disconnected', cause.message, { retry: true, cause });
      });
      socket.on('close', (code, reason) => {
        clearTimeout(this.#watchdog);
        const final = isFinalCloseCode(code);
        // The service says what was wrong before it closes; ws itself closes with 1009, without a word.
        const why = final && code !== 1009 ? (this.#lastFault ?? failure) : failure;
        resolve(why ?? clientError('disconnected', `closed with ${code} ${reason.toString()}`, { retry: !final }));
      });
    });
  }

  #sendText(message: unknown): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** A service that says nothing, pings included, is gone; TCP alone would take minutes to notice. */
  #heard(): void {
    const { handshakeTimeoutMs, idleTimeoutMs } = this.#options;
    if (this.#watchdog !== undefined && this.#welcomed) {
      this.#watchdog.refresh();
      return;
    }
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#socket.terminate(), this.#welcomed ? idleTimeoutMs : handshakeTimeoutMs);
    this.#watchdog.unref();
  }

  async #greet(): Promise<void> {
    const clock = await this.#exchangeClocks();
    const streams = this.#options.streams.map((stream) =>
      clock === null || stream.mode !== 'live' || stream.clock !== undefined ? stream : { ...stream, clock },
    );
    this.#sendText({ type: 'hello', protocol: PROTOCOL_VERSION, streams });
  }

  async #exchangeClocks(): Promise<ClockOffset | null> {
    const { deviceClockUs, clockExchanges } = this.#options;
    if (deviceClockUs === undefined) return null;
    const offsets: ClockOffset[] = [];
    for (let exchange = 0; exchange < clockExchanges; exchange += 1) {
      const t0 = deviceClockUs();
      // One at a time: exchanges that overlap would wait for each other and measure that. A lost answer ends with the socket's watchdog.
      // oxlint-disable-next-line no-await-in-loop
      const offset = await new Promise<ClockOffset>((resolve) => {
        this.#timeReply = (t1, t2) => resolve(offsetOf(t0, t1, t2, deviceClockUs()));
        this.#sendText({ type: 'time', t0 });
      });
      offsets.push(offset);
    }
    return bestOffset(offsets);
  }

  #onText(text: string): void {
    const message = parse(text);
    if (message === undefined) {
      this.#socket.terminate();
      return;
    }
    switch (message.type) {
      case 'ack':
        this.#options.onAck(message.acks);
        break;
      case 'credit':
        this.#options.onCredit(message.creditBytes);
        break;
      case 'time':
        this.#timeReply?.(message.t1, message.t2);
        this.#timeReply = undefined;
        break;
      case 'welcome':
        clearTimeout(this.#watchdog);
        this.#watchdog = undefined;
        this.#welcomed = true;
        this.#heard();
        this.#options.onWelcome(this, message);
        break;
      case 'error':
        this.#lastFault = toError(message);
        this.#options.onFault(this.#lastFault);
        break;
      case 'bye':
        this.#options.onBye();
        break;
    }
  }
}
