/** npm run bench: ours against the limit, in one run. bench/README.md says what each ratio means and what was measured where. */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { benchAcknowledged, benchGateway } from './gateway.ts';
import { benchPersist } from './persist.ts';
import { benchScore } from './score.ts';
import { benchSquad } from './squad.ts';

const HELP = `npm run bench -- [--only gateway,acknowledged,persist,score,squad] [--seconds S] [--json]

Measures the service against its limit programs, interleaved, and a squad of 200 athletes live. Absolute figures stand beside the ratios.

  --only NAMES   some of them
  --seconds S    length of the live squad (default 60)
  --json         one JSON object as the last line of stdout
`;

/** Asked of each ratio. */
const TARGETS = { gateway: 0.5, acknowledged: 0.25, persist: 0.6, score: 0.8 } as const;
const RATIOS = { gateway: benchGateway, acknowledged: benchAcknowledged, persist: benchPersist, score: benchScore } as const;

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
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
}

await main();
