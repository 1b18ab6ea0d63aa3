/**
 * A live squad: 200 athletes (three 6-channel IMUs at 200 Hz in 50-sample frames and a wearable each) over 20 connections in real time, the
 * service in a process of its own, this process the load. Held against it: latency from the receipt of the last frame a window needed to its
 * score stored, the service's resident memory, and that nothing is lost.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectGateway, type GatewayClient } from '../src/client/gateway-client.ts';
import { createProvisioner, readProgress } from '../src/cli/rest-client.ts';
import { readMetrics } from '../src/cli/demo/tally.ts';
import { createSimulatedAthlete, type RenderedBlock, type SimulatedAthlete } from '../src/simulate/simulated-athlete.ts';
import { startServiceProcess } from '../test/support/service-process.ts';

const FRAME_S = 0.25;
/** Rendered once and played again and again: the load must not spend the service's cores on simulating. */
const LOOP_S = 20;

export interface SquadBench {
  readonly athletes: number;
  readonly seconds: number;
  readonly frames: { readonly sent: number; readonly acked: number };
  readonly windows: { readonly due: number; readonly scored: number; readonly perS: number };
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null };
  /** Peak resident memory of the service's process; PostgreSQL has its own. */
  readonly peakRssMiB: number;
  readonly serviceCpuCores: number;
  readonly loadCpuCores: number;
  /** How late the load sent its frames, worst case: above a frame the machine could not carry load and service together. */
  readonly loadLateMs: number;
  readonly lost: number;
}

interface Member {
  readonly athlete: SimulatedAthlete;
  readonly blocks: readonly (readonly RenderedBlock[])[];
}

function render(index: number, boot: string): Member {
  const athlete = createSimulatedAthlete({
    seed: 5_000 + index,
    durationS: LOOP_S,
    profile: 'healthy',
    protocol: 'run',
    name: `squad-${index}`,
    boot,
    faults: false,
    sensors: { imus: true, wearable: true, position: false },
  });
  const steps = Array.from({ length: LOOP_S / FRAME_S }, (_, i) => athlete.render(i * FRAME_S, (i + 1) * FRAME_S));
  return { athlete, blocks: steps };
}

/** CPU seconds a process has used. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function peakRssMiB(pid: number): Promise<number> {
  return Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Sends what one gateway's members measured in step `step` of the session, with time going on over the loops. */
async function sendStep(client: GatewayClient, members: readonly Member[], step: number): Promise<void> {
  const loop = Math.floor((step * FRAME_S) / LOOP_S);
  let first = 0;
  for (const { athlete, blocks } of members) {
    for (const block of blocks[step % blocks.length] ?? []) {
      await client.send(first + block.stream, block.deviceTimeUs + loop * LOOP_S * 1e6, block.samples);
    }
    first += athlete.streams.length;
  }
}

/** Runs the squad for `seconds` of real time. */
export async function benchSquad(athletes = 200, connections = 20, seconds = 60): Promise<SquadBench> {
  const directory = await mkdtemp(join(tmpdir(), 'kwb-'));
  const service = await startServiceProcess({
    KINEWATCH_DIR: directory,
    PORT: '0',
    LOG_LEVEL: 'warn',
    DATABASE_URL: '',
    REDIS_URL: '',
    ROLES: '',
  });
  try {
    const boot = `bench-${Date.now()}`;
    const squad = Array.from({ length: athletes }, (_, i) => render(i, boot));
    const provisioner = await createProvisioner(service.url, service.adminKey ?? '', 'Bench squad');
    for (const [i, { athlete }] of squad.entries()) {
      const id = await provisioner.ensureAthlete({ externalId: `squad-${i}`, name: `Squad ${i}`, massKg: 75 });
      for (const { declaration } of athlete.streams) await provisioner.ensureDevice(declaration.device, declaration.kind, id);
    }
    const gateways: { client: GatewayClient; members: Member[]; token: string }[] = [];
    const share = Math.ceil(athletes / connections);
    for (let i = 0; i < connections; i += 1) {
      const members = squad.slice(i * share, (i + 1) * share);
      const token = await provisioner.createGateway(`gateway-${i}`);
      const streams = members.flatMap(({ athlete }) => athlete.streams).map((stream, index) => ({ ...stream.declaration, stream: index }));
      const client = await connectGateway({ url: `${service.url.replace('http', 'ws')}/v1/ingest`, token, streams });
      gateways.push({ client, members, token });
    }
    const cpuBefore = { service: await cpuSeconds(service.pid), load: await cpuSeconds(process.pid) };
    const startMs = performance.now();
    let loadLateMs = 0;
    await Promise.all(
      gateways.map(async ({ client, members }, g) => {
        const phaseMs = (g / gateways.length) * FRAME_S * 1000;
        for (let step = 0; step < seconds / FRAME_S; step += 1) {
          const dueMs = startMs + phaseMs + (step + 1) * FRAME_S * 1000;
          const waitMs = dueMs - performance.now();
          if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
          else loadLateMs = Math.max(loadLateMs, -waitMs);
          await sendStep(client, members, step);
        }
      }),
    );
    const tookS = (performance.now() - startMs) / 1000;
    const cpu = { service: (await cpuSeconds(service.pid)) - cpuBefore.service, load: (await cpuSeconds(process.pid)) - cpuBefore.load };
    await Promise.all(gateways.map(({ client }) => client.flush()));
    const progress = async (): Promise<{ due: number; scored: number }> => {
      const answers = await Promise.all(gateways.map(({ token }) => readProgress(service.url, token)));
      const all = answers.flatMap((answer) => answer.athletes);
      return { due: all.reduce((sum, a) => sum + a.windowsDue, 0), scored: all.reduce((sum, a) => sum + a.windowsScored, 0) };
    };
    let windows = await progress();
    for (const until = Date.now() + 20_000; windows.scored < windows.due && Date.now() < until; windows = await progress());
    const stats = gateways.map(({ client }) => client.stats());
    const sum = (pick: (s: (typeof stats)[number]) => number): number => stats.reduce((total, s) => total + pick(s), 0);
    const metricsText = await (await fetch(`${service.url}/metrics`)).text();
    const peak = await peakRssMiB(service.pid);
    await Promise.all(gateways.map(({ client }) => client.close()));
    return {
      athletes,
      seconds,
      frames: { sent: sum((s) => s.sent), acked: sum((s) => s.acked) },
      windows: { ...windows, perS: windows.scored / tookS },
      latencyMs: readMetrics(metricsText).latencyMs,
      peakRssMiB: peak,
      serviceCpuCores: cpu.service / tookS,
      loadCpuCores: cpu.load / tookS,
      loadLateMs,
      lost: sum((s) => s.sent - s.acked) + (windows.due - windows.scored),
    };
  } finally {
    await service.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
