/** Prometheus metrics by the naming rules. No athlete ids as labels: health data stays out of the metrics. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics, exponentialBuckets } from '@prometheus-io/client';

/** One figure that another room keeps as a plain number; read when the metrics are scraped. */
export interface Reading {
  /** Without the prefix `kinewatch_`; a name that ends in `_total` is a counter, any other a gauge. */
  readonly name: string;
  readonly help: string;
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Telemetry {
  /** Seconds from the receipt of the last frame a window needed to its score being stored. */
  observeScoreLatency(seconds: number): void;
  /** Prometheus text exposition. */
  text(): Promise<string>;
}

/** Bucket bounds in seconds: 2 ms to about 50 s, 20 % apart, so that a quantile read from them is within a few per cent. */
const LATENCY_BUCKETS = exponentialBuckets(0.002, 1.2, 56);

/** Makes the registry; `read` is asked at every scrape. */
export function createTelemetry(read: () => Promise<readonly Reading[]>): Telemetry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const latency = new Histogram({
    name: 'kinewatch_score_latency_seconds',
    help: 'From the receipt of the last frame a window needed to its score being stored',
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  const metrics = new Map<string, Counter<string> | Gauge<string>>();
  const seen = new Map<string, number>();

  const metricOf = ({ name, help, labels = {} }: Reading): Counter<string> | Gauge<string> => {
    const known = metrics.get(name);
    if (known !== undefined) return known;
    const options = { name: `kinewatch_${name}`, help, labelNames: Object.keys(labels), registers: [registry] };
    const made = name.endsWith('_total') ? new Counter(options) : new Gauge(options);
    metrics.set(name, made);
    return made;
  };
  const record = (reading: Reading): void => {
    const metric = metricOf(reading);
    const labels = reading.labels ?? {};
    if (metric instanceof Gauge) {
      metric.set(labels, reading.value);
      return;
    }
    const key = `${reading.name} ${JSON.stringify(labels)}`;
    metric.inc(labels, Math.max(0, reading.value - (seen.get(key) ?? 0)));
    seen.set(key, reading.value);
  };
  return {
    observeScoreLatency: (seconds) => latency.observe(seconds),
    async text() {
      for (const reading of await read()) record(reading);
      return registry.metrics();
    },
  };
}
