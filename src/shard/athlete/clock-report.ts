/** PURE. What the athlete's device clocks tell ASMS: at every jump, and once in a while how far each runs off. */
import type { DeviceClock, NewObservation } from '../../contracts/observation.ts';
import type { AthleteState } from './athlete-state.ts';

/** (chosen) drift follows the temperature over tens of minutes. Reports fall on borders of receipt time, so that a restart tells none twice. */
const EVERY_US = 600e6;
/** A device not heard for this long says nothing of its clock. (chosen) */
const HEARD_US = 60e6;

/**
 * To be committed with the window that was closed at `closedByUs`: a jump is told with the checkpoint that has seen it, or again after a restart, under the
 * same subject. Null where there is nothing to tell: no live device, or none whose clock is known yet.
 */
export function clockReport(state: AthleteState, closedByUs: number): NewObservation | null {
  const jumps = state.untoldJumps;
  const turn = Math.floor(closedByUs / EVERY_US);
  const isDue = turn !== state.clockTurn;
  if (jumps.length === 0 && !isDue) return null;
  const devices = devicesOf(state);
  if (devices.every(({ jumpS, driftPpm }) => jumpS === null && driftPpm === null)) return null;
  state.untoldJumps = [];
  state.clockTurn = turn;
  const first = jumps[0];
  const subject = first === undefined ? `every 10 minutes ${turn}` : `jump of ${first.device} ${first.boot} at ${first.atUs}`;
  return { athleteId: state.athlete.athleteId, subject, atUs: closedByUs, observed: { kind: 'clocks', devices } };
}

/** Each device once, the boot that was heard last; those heard in the last minute, and those that jumped. */
function devicesOf(state: AthleteState): DeviceClock[] {
  const heard = new Map<string, { readonly heardUs: number; readonly driftPpm: number | null }>();
  for (const { declaration, clock, heardUs } of state.streams.values()) {
    if (declaration === null || clock === null || heardUs < state.liveNowUs - HEARD_US) continue;
    if (heardUs > (heard.get(declaration.device)?.heardUs ?? Number.NEGATIVE_INFINITY))
      heard.set(declaration.device, { heardUs, driftPpm: clock.segment(clock.newestId)?.knownDriftPpm() ?? null });
  }
  const jumped = new Map(state.untoldJumps.map(({ device, jumpUs }) => [device, jumpUs / 1e6]));
  return [...new Set([...heard.keys(), ...jumped.keys()])]
    .toSorted()
    .map((deviceId) => ({ deviceId, jumpS: jumped.get(deviceId) ?? null, driftPpm: heard.get(deviceId)?.driftPpm ?? null }));
}
