/** The jobs of plans over real queues: due, hinted, planned, priced. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEFAULT_CATALOGUE } from '../../src/asms/catalogue.ts';
import { QUEUE_PLAN, QUEUE_PLAN_ALTERNATIVES } from '../../src/contracts/jobs.ts';
import { createPlanner } from '../../src/plan/planner.ts';
import { createPlanning } from '../../src/plan/planning.ts';
import { startPlanSweeper } from '../../src/queue/plan-sweeper.ts';
import { createPlanWorker } from '../../src/queue/plan-worker.ts';
import { openQueues, type Queues } from '../../src/queue/queues.ts';
import { createPlanStore } from '../../src/store/plan-store.ts';
import { seedCatalogue } from '../../src/store/repositories/plan-settings.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { gate } from '../support/gate.ts';

let database: TestDatabase;
let queues: Queues;
const planner = createPlanner();
beforeAll(async () => {
  database = await startTestDatabase();
  queues = await openQueues({ connectionString: database.connectionString });
}, 120_000);
afterAll(async () => {
  await queues.close();
  await planner.close();
  await database.stop();
});

it('plans for every athlete that is due, once, and prices the plan after it', async () => {
  const { pool } = database;
  await seedCatalogue(pool, DEFAULT_CATALOGUE);
  await pool.query(`INSERT INTO team (id, name) VALUES (gen_random_uuid(), 'Reds')`);
  await pool.query(
    `INSERT INTO athlete (id, team_id, external_id, name) SELECT gen_random_uuid(), team.id, n::text, 'A' FROM team, generate_series(1, 3) n`,
  );
  await pool.query(
    `INSERT INTO outcome (id, athlete_id, kind, at, value)
     SELECT gen_random_uuid(), a.id, 'session-rpe', date_trunc('day', now()) - d * interval '1 day' + interval '9 hours', '{"rpe": 6, "minutes": 70}'
     FROM athlete a, generate_series(1, 35) AS d WHERE a.external_id <> '3'`,
  );
  const store = createPlanStore(pool);
  const worker = createPlanWorker({
    planning: createPlanning({ store, planner }),
    onPlan: (planId) => queues.enqueuePlanAlternatives(planId),
  });
  const done = gate();
  const look = (): void => {
    const { plans, refused, priced } = worker.counters();
    if (plans === 2 && refused === 1 && priced === 2) done.open();
  };
  await queues.startWorker(QUEUE_PLAN, (job) => worker.plan(job).finally(look), 2);
  await queues.startWorker(QUEUE_PLAN_ALTERNATIVES, (job) => worker.alternatives(job).finally(look), 1);
  const sweeper = startPlanSweeper({
    store,
    queues,
    timers: { every: () => () => undefined },
    onError: (error) => {
      throw error;
    },
  });
  // Twice: the second finds the first one's hints on their way, or the athletes planned for.
  await sweeper.sweep();
  await sweeper.sweep();
  await done.opened;
  await queues.settled();
  await sweeper.close();
  const { rows } = await pool.query(
    `SELECT a.external_id, n.refusal->>'code' AS refused, count(p.id)::int AS plans, count(p.alternatives)::int AS priced
     FROM athlete a JOIN plan_attempt n ON n.athlete_id = a.id LEFT JOIN plan p ON p.athlete_id = a.id GROUP BY 1, 2 ORDER BY 1`,
  );
  expect(rows).toEqual([
    { external_id: '1', refused: null, plans: 1, priced: 1 },
    { external_id: '2', refused: null, plans: 1, priced: 1 },
    { external_id: '3', refused: 'plan-no-data', plans: 0, priced: 0 },
  ]);
  expect(await store.athletesToPlan(new Date(), 10)).toEqual([]);
}, 120_000);
