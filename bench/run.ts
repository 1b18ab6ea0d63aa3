/** npm run bench: ours against the limit, in one run. bench/README.md says what each ratio means and what was measured where. */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { benchAsms, benchAsmsSquad } from './asms.ts';
import { benchAcknowledged, benchGateway } from './gateway.ts';
import { benchPersist } from './persist.ts';
import { benchScore } from './score.ts';
import { benchSquad } from './squad.ts';

const HELP = `npm run bench -- [--only gateway,acknowledged,persist,score,asms,squad,asms-squad] [--seconds S] [--json]

Measures the service against its limit programs, interleaved, and a squad of 200 athletes live. Absolute figures stand beside the ratios.

  --only NAMES   some of them; asms-squad (1,000 athletes' ASMS updates every 5 s on Redis) runs only if named
  --seconds S    length of a squad (default 60)
  --json         one JSON object as the last line of stdout
`;

/** Asked of each ratio. */
const TARGETS = { gateway: 0.5, acknowledged: 0.25, persist: 0.6, score: 0.8, asms: 0.6 } as const;
const RATIOS = {
  gateway: benchGateway,
  acknowledged: benchAcknowledged,
  persist: benchPersist,
  score: benchScore,
  asms: benchAsms,
} as const;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      seconds: { type: 'string', default: '60' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const wanted = new Set((values.only ?? [...Object.keys(RATIOS), 'squad'].join(',')).split(','));
  const result: Record<string, unknown> = {
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version, loadBefore: loadavg()[0] },
  };
  for (const name of Object.keys(RATIOS) as (keyof typeof RATIOS)[]) {
    if (!wanted.has(name)) continue;
    const measured = await RATIOS[name]();
    result[name] = { ...measured, target: TARGETS[name], reached: measured.ratio >= TARGETS[name] };
    process.stderr.write(
      `${measured.name}: ${Math.round(measured.ours)} of ${Math.round(measured.limit)} ${measured.unit}, ratio ${measured.ratio.toFixed(2)} (asked ${TARGETS[name]})\n`,
    );
  }
  if (wanted.has('squad')) {
    const squad = await benchSquad(200, 20, Number(values.seconds));
    result['squad'] = squad;
    process.stderr.write(
      `200 athletes live: latency p50 ${squad.latencyMs.p50} ms, p99 ${squad.latencyMs.p99} ms (asked 250), peak RSS ${Math.round(squad.peakRssMiB)} MiB (asked 1024), ` +
        `${squad.windows.perS.toFixed(0)} windows/s, service ${squad.serviceCpuCores.toFixed(2)} cores, load ${squad.loadCpuCores.toFixed(2)}, lost ${squad.lost}\n`,
    );
  }
  // Only where it is asked for: it needs a redis-server.
  if (wanted.has('asms-squad')) {
    const squad = await benchAsmsSquad(1_000, Number(values.seconds));
    result['asms-squad'] = squad;
    process.stderr.write(
      squad === null
        ? 'asms-squad: there is no redis-server here\n'
        : `${squad.athletes} athletes updated every ${squad.everyS.toFixed(1)} s (asked 5) on Redis, ${squad.rounds} rounds: served within ${squad.servedS.median.toFixed(1)} s (median), ${squad.servedS.worst.toFixed(1)} s (worst), ${squad.cpuCores.toFixed(2)} cores\n`,
    );
  }
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
}

await main();
