/** The counters of each room as Prometheus readings. */
import type { GatewayMetrics } from './gateway/metrics.ts';
import type { ShardStats } from './shard/messages.ts';
import type { FrameWriterStats } from './store/frame-writer.ts';
import type { Reading } from './telemetry.ts';

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export function gatewayReadings(metrics: GatewayMetrics): Reading[] {
  const counter = (name: string, help: string, value: number): Reading => ({ name: `gateway_${name}_total`, help, value });
  return [
    { name: 'gateway_connections', help: 'Gateways connected now', value: metrics.connections },
    counter('connections_opened', 'Connections accepted', metrics.connectionsTotal),
    counter('frames_received', 'Frames with a readable header, whatever became of them', metrics.framesReceived),
    counter('frames_accepted', 'Frames handed to the store', metrics.framesAccepted),
    counter('frames_duplicate', 'Frames below the expected sequence: dropped and acknowledged again', metrics.duplicates),
    counter('bytes_received', 'Bytes of messages', metrics.bytesReceived),
    counter('acks_sent', 'Acknowledgement messages', metrics.acksSent),
    counter('clock_jumps', 'Jumps of device clocks by more than a second', metrics.clockJumps),
    counter('takeovers', 'Streams taken over by a newer connection', metrics.takeovers),
    counter('pauses_for_store', 'Times a socket was paused because the store or a shard was full', metrics.pausesForSink),
    counter('pauses_for_reader', 'Times a socket was paused because its peer did not read', metrics.pausesForReader),
    counter('slow_readers', 'Connections dropped because the peer did not read', metrics.slowReaders),
    counter('silent_peers', 'Connections dropped because the peer answered no ping', metrics.silentPeers),
    ...Object.entries(metrics.errors).map(([kind, value]) => ({
      name: 'gateway_errors_total',
      help: 'Refusals and protocol faults by kind',
      value,
      labels: { kind },
    })),
  ];
}

export function writerReadings(stats: FrameWriterStats): Reading[] {
  const counter = (name: string, help: string, value: number): Reading => ({ name: `store_${name}_total`, help, value });
  return [
    counter('frames', 'Frames stored', stats.storedFrames),
    counter('frame_bytes', 'Bytes of frames stored', stats.storedBytes),
    counter('frames_refused', 'Frames refused for their content and settled', stats.refusedFrames),
    counter('frames_duplicate', 'Frames the fence dropped', stats.duplicateFrames),
    counter('commits', 'Transactions of frames', stats.commits),
    counter('commits_failed', 'Transactions of frames that failed and were repeated', stats.failedCommits),
    { name: 'store_buffered_bytes', help: 'Bytes of frames that wait for a commit', value: stats.bufferedBytes },
  ];
}

interface Provider {
  readonly provider: string;
  /** Why it is not the one that was hoped for, or null. */
  readonly providerNote: string | null;
}

export function shardReadings(stats: ShardStats, { provider, providerNote }: Provider): Reading[] {
  const counter = (name: string, help: string, value: number): Reading => ({ name: `${name}_total`, help, value });
  return [
    counter('windows_due', 'Windows that fell due', stats.windowsDue),
    counter('windows_scored', 'Windows stored, those without enough data among them', stats.windowsScored),
    counter('windows_unscored', 'Windows stored without a score for want of data', stats.windowsUnscored),
    counter('samples_late', 'Samples that came after their window had closed', stats.lateSamples),
    counter('samples_clipped', 'Values of z that were clipped', stats.clipped),
    counter('samples_overwritten', 'Samples lost at the bound of a buffer', stats.overwrittenSamples),
    counter('shard_frames_refused', 'Stored frames a shard could not decode', stats.refusedFrames),
    counter('shard_frames_dropped', 'Frames of quarantined athletes', stats.droppedFrames),
    counter('score_batches', 'Batches scored', stats.batches),
    counter('shadow_windows_scored', 'Windows the shadow model scored beside the active one', stats.shadowScored),
    counter('shadow_lagged', 'Times the shadow model was set aside for an athlete because it could not keep up', stats.shadowLagged),
    counter('shadow_failed', 'Times the shadow model was set aside for an athlete because it failed', stats.shadowFailed),
    counter('score_commit_retries', 'Commits of scores that were repeated', stats.commitRetries),
    { name: 'athletes_followed', help: 'Athletes a shard holds now', value: stats.athletes },
    { name: 'athletes_quarantined', help: 'Athletes whose pipeline failed and is set aside', value: stats.quarantined.length },
    { name: 'shard_queued_bytes', help: 'Bytes of frames that wait in the shards', value: stats.queuedBytes },
    { name: 'execution_provider', help: '1 for the provider that scores', value: 1, labels: { provider } },
    {
      name: 'execution_provider_fallback',
      help: '1 where EXECUTION_PROVIDER=auto found no CUDA and the CPU scores',
      value: Number(providerNote !== null),
    },
  ];
}

/** Which versions are active and shadow: 1 while they are, 0 when they were. */
export function createModelReadings(): (models: { readonly active: string | null; readonly shadow: string | null }) => Reading[] {
  const seen = new Map<string, Readonly<Record<'version' | 'status', string>>>();
  return (models) => {
    for (const status of ['active', 'shadow'] as const) {
      const version = models[status];
      if (version !== null) seen.set(`${status} ${version}`, { version, status });
    }
    return [...seen.values()].map((labels) => ({
      name: 'model',
      help: '1 for the model version that is active, and for the one that scores beside it',
      value: models[labels.status as 'active' | 'shadow'] === labels.version ? 1 : 0,
      labels,
    }));
  };
}

/** A worker's counters under its own name. */
export const workerReadings = (room: string, counters: Readonly<Record<keyof never, number>> | object): Reading[] =>
  Object.entries(counters).map(([name, value]) => ({
    name: `${room}_${snake(name)}_total`,
    help: `${room} ${name}`,
    value: Number(value),
  }));
