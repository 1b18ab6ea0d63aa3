/** One short monitored session: rendered for the athlete with the day's severity, through the service's own pipeline and the real scorer. */
import type { ModelContract } from '../../contracts/model.ts';
import type { ModelState, Scorer, WindowInput, WindowOutput } from '../../score/ports.ts';
import { hash32 } from '../../simulate/random.ts';
import { createSimulatedAthlete } from '../../simulate/simulated-athlete.ts';
import { SESSION_START_US, uuidOf, type CastMember } from '../dataset/cast.ts';
import { eachWindow } from '../dataset/windows.ts';

/** What a day's session left: means over its active windows that could be scored. */
export interface PooledSession {
  readonly activeWindows: number;
  /** NaN throughout where no window was active. */
  readonly fAttn: Float32Array;
  readonly stateLogit: number;
  readonly rehab: number;
}

export interface SessionPlan {
  readonly personSeed: number;
  readonly day: number;
  readonly severity: number;
  readonly seconds: number;
}

/**
 * The one call of the session simulator. The person (body, gait, healthy asymmetry, side, expression) hangs on the seed, a day's noise on daySeed;
 * severity is the day's; half walking, half running, IMUs without faults.
 */
function renderer(plan: SessionPlan): CastMember {
  const options = {
    seed: plan.personSeed,
    daySeed: hash32(plan.personSeed, 1301, plan.day),
    durationS: plan.seconds,
    // 'altered' holds one level for the whole time, whatever it is; 'healthy' would cut it at the altered threshold.
    profile: 'altered' as const,
    severity: { peak: plan.severity },
    protocol: [
      { activity: 'walk' as const, durationS: plan.seconds / 2 },
      { activity: 'run' as const, durationS: plan.seconds / 2 },
    ],
    imuRateHz: 100 as const,
    mode: 'recorded' as const,
    startUs: SESSION_START_US,
    sensors: { wearable: false, position: false },
    faults: false,
  };
  return { number: 0, athleteId: uuidOf(plan.personSeed), simulated: createSimulatedAthlete(options) };
}

/** Copies of the session's active windows that may be scored. */
function windowsOf(plan: SessionPlan, contract: ModelContract): WindowInput[] {
  const windows: WindowInput[] = [];
  eachWindow(renderer(plan), contract, false, plan.seconds, ({ input, meta, scorable }) => {
    if (!scorable || meta.activity === 'rest') return;
    const { bio, bioMask, phys, physMask, perf, perfMask, context, contextMask } = input;
    windows.push({
      bio: bio.slice(),
      bioMask: bioMask.slice(),
      phys: phys.slice(),
      physMask: physMask.slice(),
      perf: perf.slice(),
      perfMask: perfMask.slice(),
      context: context.slice(),
      contextMask: contextMask.slice(),
      elapsedHops: input.elapsedHops,
      state: input.state,
    });
  });
  return windows;
}

/** Sessions side by side in one batch, each with its own carried state, window by window. At most scorer.maxBatch of them. */
export async function poolSessions(plans: readonly SessionPlan[], contract: ModelContract, scorer: Scorer): Promise<PooledSession[]> {
  const sessions = plans.map((plan) => windowsOf(plan, contract));
  const zero = (): ModelState => ({
    final: new Float32Array(contract.sizes.final),
    a: new Float32Array(contract.sizes.hidden),
    h: new Float32Array(2 * contract.sizes.hidden),
  });
  const states = sessions.map(zero);
  const outputs: WindowOutput[][] = sessions.map(() => []);
  const longest = Math.max(0, ...sessions.map((windows) => windows.length));
  for (let step = 0; step < longest; step += 1) {
    const live = sessions.flatMap((windows, i) => (step < windows.length ? [i] : []));
    const batch = live.map((i) => {
      const window = sessions[i]![step]!;
      return { ...window, elapsedHops: step === 0 ? 0 : Math.max(1, window.elapsedHops), state: states[i]! };
    });
    const scored = await scorer.score(batch);
    live.forEach((i, row) => {
      outputs[i]!.push(scored[row]!);
      states[i] = scored[row]!.next;
    });
  }
  return outputs.map((scored) => pool(scored, contract.sizes.attn));
}

function pool(scored: readonly WindowOutput[], width: number): PooledSession {
  const fAttn = new Float32Array(width).fill(scored.length === 0 ? NaN : 0);
  let [stateLogit, rehab] = [0, 0];
  for (const output of scored) {
    stateLogit += output.stateLogit / scored.length;
    rehab += output.rehab / scored.length;
    for (let i = 0; i < width; i += 1) fAttn[i]! += output.fAttn[i]! / scored.length;
  }
  if (scored.length === 0) [stateLogit, rehab] = [NaN, NaN];
  return { activeWindows: scored.length, fAttn, stateLogit, rehab };
}
