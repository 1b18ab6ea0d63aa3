/**
 * npm run bench:planner: time to a plan, as the service gives it: 200 problems drawn by a fixed seed (7 days by 12 interventions, every one with an effect of its own) through the
 * planner's thread, one after the other, then a squad of 30 at once. Beside it the limit program: HiGHS alone on the finished matrix, the same gap, one solve.
 */
import { createHash } from 'node:crypto';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { buildPlan } from '../src/asms/plan/build.ts';
import { DEFAULT_WEIGHTS, type Intervention, type PlanProblem } from '../src/asms/plan/problem.ts';
import { DEFAULT_SETTINGS, type PlanOutcome } from '../src/asms/plan/solve-plan.ts';
import { DEFAULT_REGIONS } from '../src/asms/catalogue.ts';
import { createHighsSolver } from '../src/plan/highs-solver.ts';
import { createPlanner } from '../src/plan/planner.ts';
import { createRandom, type RandomStream } from '../src/simulate/random.ts';

const HELP = `npm run bench:planner -- [--instances N] [--json]

  --instances N  problems, 200 by default
  --json         one JSON object as the last line of stdout
`;

const SEED = 28;
const DAYS = 7;
const SESSIONS = 10;
const SQUAD = 30;
/** Asked, ms. */
const ASKED = { p50: 100, p99: 1000, squad: 6000 } as const;
const KINDS = ['strength', 'balance', 'gait', 'recovery', 'therapy'] as const;

const pick = <T>(random: RandomStream, values: readonly T[]): T => values[Math.floor(random.next() * values.length)] as T;

/** A session with effects of its own: nothing here is a claim about a real intervention. */
function drawSession(random: RandomStream, index: number): Intervention {
  const relativeRisk = random.uniform(0.45, 0.95);
  const regions = DEFAULT_REGIONS.map((region) => region.code).filter(() => random.next() < 0.3);
  return {
    id: `session-${index}`,
    name: `Session ${index}`,
    kind: pick(random, KINDS),
    action: 'session',
    doseLevels: random.next() < 0.3 ? 2 : 1,
    doseUnit: 'dose',
    costPerLevel: 1 + Math.floor(random.next() * 4),
    maximumDaysAWeek: pick(random, [2, 3, 4, 7]),
    restDaysAfter: pick(random, [0, 0, 1, 2]),
    riskEffects: [{ scope: regions.length > 0 ? regions : 'all', relativeRisk, lower: relativeRisk * 0.7, upper: relativeRisk * 1.3 }],
    effectKept: random.uniform(0.5, 0.97),
    recoveryEffects: random.next() < 0.3 ? [{ scope: 'all', gainPerDay: random.uniform(0.005, 0.03) }] : [],
    soreness: random.uniform(0, 0.3),
    contraindications: random.next() < 0.1 ? ['acute'] : [],
    evidence: 'drawn',
  };
}

const LOAD_ACTION = {
  kind: 'load',
  doseLevels: 1,
  doseUnit: 'day',
  restDaysAfter: 0,
  riskEffects: [],
  effectKept: 0,
  recoveryEffects: [],
  soreness: 0,
  contraindications: [],
  evidence: 'drawn',
} as const;
const LOAD_CHANGE: Intervention = {
  ...LOAD_ACTION,
  id: 'load-change',
  name: 'Change of load',
  action: 'load-change',
  costPerLevel: 1,
  maximumDaysAWeek: 7,
};
const REST_DAY: Intervention = {
  ...LOAD_ACTION,
  id: 'rest-day',
  name: 'Rest day',
  action: 'rest-day',
  costPerLevel: 2,
  maximumDaysAWeek: 2,
};

/** Shares of a normal day from recovery to match. */
const WEEK = [0.3, 0, 1, 1.25, 0.9, 0.55, 1.9];

export function drawProblem(seed: number): PlanProblem {
  const random = createRandom(SEED, seed);
  const usual = random.uniform(200, 450);
  const shift = Math.floor(random.next() * 7);
  const days = Array.from({ length: DAYS }, (_, d) => {
    const load = usual * WEEK[(d + shift) % 7]! * random.logNormal(0.15);
    return { load, minimumLoad: random.next() < 0.8 ? 0 : load * 0.5, maximumLoad: load * 1.25 };
  });
  const ratio = random.logNormal(0.2);
  const isInjured = random.next() < 0.3;
  return {
    days,
    load: { acute: usual * ratio, chronic: usual, fitness: usual * 42.5, fatigue: usual * 7.5 * ratio },
    usualDailyLoad: usual,
    hazard: {
      logDailyRate: Math.log(-Math.log1p(-random.uniform(0.01, 0.12)) / 7),
      fatigue: random.uniform(0.5, 2),
      loadExcess: random.uniform(0, 0.6),
    },
    regions: DEFAULT_REGIONS,
    injuries: isInjured
      ? [{ injuryId: 'i', region: 'hamstring', recovery: random.uniform(0.2, 0.9), healingPerDay: random.uniform(0.03, 0.2), response: 1 }]
      : [],
    performance: { fitnessGain: 1, fatigueLoss: 2, smallestWorthwhileChange: usual * random.uniform(3, 10) },
    interventions: [LOAD_CHANGE, REST_DAY, ...Array.from({ length: SESSIONS }, (_, i) => drawSession(random, i))],
    effectsNow: Object.fromEntries(Array.from({ length: SESSIONS }, (_, i) => [`session-${i}`, random.uniform(0, 0.6)])),
    adherence: random.uniform(0.6, 1),
    doneDaysAgo: {},
    conditions: isInjured ? ['acute'] : [],
    stages: isInjured
      ? [{ name: 'running', firstDay: 0, lastDay: 3, loadCeiling: usual * 1.5, allowedKinds: ['therapy', 'recovery', 'balance'] }]
      : [],
    dailyLoadLimit: usual * random.uniform(1.5, 2.2),
    costBudget: Math.floor(random.uniform(8, 40)),
    loadStep: random.next() < 0.3 ? usual / 10 : null,
    fixedDoses: [],
    fixedLoads: [],
    weights: DEFAULT_WEIGHTS,
  };
}

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(share * values.length) - 1)] as number;

interface Timed {
  readonly ms: number;
  /** Processor time of the whole process meanwhile: what a machine with nothing else to do would need at most. */
  readonly cpuMs: number;
  readonly outcome: PlanOutcome;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      instances: { type: 'string', default: '200' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const problems = Array.from({ length: Number(values.instances) }, (_, i) => drawProblem(i));
  const digest = createHash('sha256').update(JSON.stringify(problems)).digest('hex').slice(0, 16);
  const planner = createPlanner({ maximumWaiting: SQUAD });
  const timed = async (problem: PlanProblem): Promise<Timed> => {
    const begun = performance.now();
    const before = process.cpuUsage();
    const outcome = await planner.plan(problem);
    const { user, system } = process.cpuUsage(before);
    return { ms: performance.now() - begun, cpuMs: (user + system) / 1000, outcome };
  };
  const solver = await createHighsSolver();
  const bare = (problem: PlanProblem): number =>
    solver.solve(buildPlan(problem, 'plan').programme, { relativeGap: DEFAULT_SETTINGS.relativeGap, timeLimitS: 5 }).elapsedS * 1000;

  const { ms: firstMs } = await timed(problems[0] as PlanProblem);
  bare(problems[0] as PlanProblem);
  const ours: Timed[] = [];
  const limits: number[] = [];
  for (const problem of problems) {
    ours.push(await timed(problem));
    limits.push(bare(problem));
  }
  const squadCpuBegun = process.cpuUsage();
  const squadBegun = performance.now();
  await Promise.all(problems.slice(0, SQUAD).map((problem) => planner.plan(problem)));
  const squadMs = performance.now() - squadBegun;
  const squadCpu = process.cpuUsage(squadCpuBegun);
  await planner.close();

  const plans = ours.flatMap(({ outcome }) => (outcome.status === 'planned' ? [outcome.plan] : []));
  const spread = (values: readonly number[]) => ({
    p50: quantile(values, 0.5),
    p90: quantile(values, 0.9),
    p99: quantile(values, 0.99),
    most: Math.max(...values),
  });
  const cpu = spread(ours.map(({ cpuMs }) => cpuMs));
  const result = {
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version, loadBefore: loadavg()[0] },
    instances: problems.length,
    digest,
    solver: solver.name,
    columns: plans[0]?.report.columns,
    rows: plans[0]?.report.rows,
    planned: plans.length,
    infeasible: ours.filter(({ outcome }) => outcome.status === 'infeasible').length,
    withinGap: plans.filter((plan) => plan.report.isWithinGap).length,
    worstGap: Math.max(...plans.map((plan) => plan.report.gap)),
    rounds: {
      p50: quantile(
        plans.map((plan) => plan.report.rounds),
        0.5,
      ),
      most: Math.max(...plans.map((plan) => plan.report.rounds)),
    },
    tangentError: {
      p50: quantile(
        plans.map((plan) => plan.report.tangentError),
        0.5,
      ),
      most: Math.max(...plans.map((plan) => plan.report.tangentError)),
    },
    firstMs,
    ms: spread(ours.map(({ ms }) => ms)),
    cpuMs: cpu,
    bareMs: spread(limits),
    squadMs,
    squadCpuMs: (squadCpu.user + squadCpu.system) / 1000,
  };
  const line = (name: string, own: number, cpuMs: number, bareMs: number | null, asked: number): string =>
    [
      name.padEnd(14),
      `${own.toFixed(0)} ms`.padStart(10),
      `${cpuMs.toFixed(0)} ms`.padStart(10),
      (bareMs === null ? '' : `${bareMs.toFixed(0)} ms`).padStart(12),
      (bareMs === null ? '' : (bareMs / own).toFixed(2)).padStart(8),
      `${asked} ms`.padStart(10),
      own < asked ? '  reached' : '  missed',
      '\n',
    ].join('');
  process.stderr.write(
    `${'plan'.padEnd(14)}${'ours'.padStart(10)}${'cpu'.padStart(10)}${'bare HiGHS'.padStart(12)}${'ratio'.padStart(8)}${'asked'.padStart(10)}\n` +
      line('p50', result.ms.p50, cpu.p50, result.bareMs.p50, ASKED.p50) +
      line('p99', result.ms.p99, cpu.p99, result.bareMs.p99, ASKED.p99) +
      line(`${SQUAD} athletes`, squadMs, result.squadCpuMs, null, ASKED.squad) +
      `${result.planned} of ${result.instances} planned, ${result.infeasible} infeasible, ${result.withinGap} within ${100 * DEFAULT_SETTINGS.relativeGap} %, worst gap ${(100 * result.worstGap).toFixed(2)} %\n` +
      `problems ${digest}, ${result.solver}, ${result.columns} columns, ${result.rows} rows, rounds p50 ${result.rounds.p50}, most ${result.rounds.most}\n`,
  );
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
}

await main();
