/** A gateway of the demo: renders its athletes' sensors as time passes and sends frames of a quarter second over one real WebSocket. */
import { connectGateway, type GatewayClient } from '../../client/gateway-client.ts';
import type { SimulatedAthlete } from '../../simulate/simulated-athlete.ts';

/** A frame covers this much: 50 samples of a 200 Hz IMU. */
const FRAME_S = 0.25;

export interface Pusher {
  readonly client: GatewayClient;
  /** Ends pushing and waits until everything sent is acknowledged. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export interface PusherOptions {
  readonly url: string;
  readonly token: string;
  readonly athletes: readonly SimulatedAthlete[];
  /** A fault that ends the gateway. */
  readonly onFault: (error: Error) => void;
}

/** Connects and starts at once; session time 0 is now. Athletes' frames are spread over the quarter second. */
export async function startPusher({ url, token, athletes, onFault }: PusherOptions): Promise<Pusher> {
  const firstStream: number[] = [];
  let streams = 0;
  for (const athlete of athletes) {
    firstStream.push(streams);
    streams += athlete.streams.length;
  }
  const client = await connectGateway({
    url,
    token,
    streams: athletes.flatMap((athlete, a) => athlete.streams.map((stream, s) => ({ ...stream.declaration, stream: firstStream[a]! + s }))),
    onError: (error) => {
      if (!error.retry) onFault(error);
    },
  });
  const startedMs = performance.now();
  const next = athletes.map((_, a) => (FRAME_S * a) / athletes.length);
  let stopping = false;
  let wake: (() => void) | undefined;

  const pushDue = async (nowS: number): Promise<void> => {
    for (const [a, athlete] of athletes.entries()) {
      const fromS = next[a]!;
      const toS = fromS + FRAME_S;
      if (toS > nowS || toS > athlete.durationS) continue;
      next[a] = toS;
      for (const block of athlete.render(fromS, toS)) await client.send(firstStream[a]! + block.stream, block.deviceTimeUs, block.samples);
    }
  };
  const run = async (): Promise<void> => {
    while (!stopping) {
      await pushDue((performance.now() - startedMs) / 1e3);
      // Real time is the event waited for: the next frame is measured at this moment.
      const dueMs = startedMs + 1e3 * (Math.min(...next) + FRAME_S) - performance.now();
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, Math.max(1, dueMs));
      });
    }
  };
  const running = run().catch((error: unknown) => {
    stopping = true;
    onFault(error instanceof Error ? error : new Error(String(error)));
  });
  return {
    client,
    stop: async () => {
      stopping = true;
      wake?.();
      await running;
      await client.flush();
    },
    close: () => client.close(),
  };
}
