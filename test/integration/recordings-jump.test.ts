/** Jumps of the force-plate recordings against the published reference and against flight time. The detector's numbers were settled on these same files. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readRecording } from '../../src/recordings/read-recording.ts';
import { recordingSession } from '../../src/recordings/session.ts';
import { summariseSession, type TimedJump } from '../../src/signal/session-metrics.ts';
import { haveRecordings, recordingPath } from '../support/recordings.ts';

async function jumpsOf(file: string): Promise<readonly TimedJump[]> {
  const { jumps } = summariseSession(recordingSession(await readRecording(recordingPath('force-plate', file)), 0));
  if (jumps === null) throw new Error(`${file} has no force plate`);
  return jumps;
}

describe.skipIf(!haveRecordings)('countermovement jumps against cmj-reference.csv', () => {
  test('height within 1.0 cm of jh_jm_cm and take-off within 10 ms of takeoff_jm', async () => {
    const [header = '', ...rows] = (await readFile(recordingPath('force-plate', 'cmj-reference.csv'), 'utf8')).trim().split(/\r?\n/);
    const names = header.split(',');
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      const fields = row.split(',');
      const field = (name: string): number => Number(fields[names.indexOf(name)]);
      const jumps = await jumpsOf(`cmj-${field('trial')}.force.txt`);
      expect(jumps).toHaveLength(1);
      const { jump, takeoffS } = jumps[0] as TimedJump;
      console.log(
        `cmj-${field('trial')}: ${(jump.heightM * 100).toFixed(2)} cm (reference ${field('jh_jm_cm').toFixed(2)}), take-off ${(takeoffS - field('takeoff_jm') / 1200).toFixed(4)} s off, ` +
          `RSImod ${(jump.rsiModMS ?? 0).toFixed(3)} (${field('rsi_accupower')}), onset ${jump.onset} (${field('onset_jm')})`,
      );
      expect(Math.abs(jump.heightM * 100 - field('jh_jm_cm'))).toBeLessThanOrEqual(1);
      expect(Math.abs(takeoffS - field('takeoff_jm') / 1200)).toBeLessThanOrEqual(0.01);
      expect(jump.asymmetryPct).toBeNull();
      expect(jump.provisional).toBe(false);
    }
  });
});

describe.skipIf(!haveRecordings)('squat jumps on two plates', () => {
  // Counted by eye in the force-time curves: each file holds three jumps, and squat-jump-007 ends with a step off the plates.
  test.each(['003', '007', '010', '011'])('squat-jump-%s holds three jumps whose height agrees with flight time', async (number) => {
    const jumps = await jumpsOf(`squat-jump-${number}.csv.gz`);
    for (const { jump, takeoffS } of jumps) {
      console.log(
        `squat-jump-${number}: take-off ${takeoffS.toFixed(3)} s, ${(jump.heightM * 100).toFixed(1)} cm, flight ${((jump.flightHeightM ?? 0) * 100).toFixed(1)} cm, ` +
          `asymmetry ${(jump.asymmetryPct ?? Number.NaN).toFixed(1)} %, to take-off ${(jump.timeToTakeoffS ?? Number.NaN).toFixed(2)} s, weight ${jump.bodyWeightN.toFixed(0)} N, ${jump.method}`,
      );
    }
    expect(jumps).toHaveLength(3);
    for (const { jump } of jumps) {
      // Flight time overestimates where the athlete lands with bent knees; 3 cm holds both ways here.
      expect(Math.abs(jump.heightM - (jump.flightHeightM ?? Number.NaN))).toBeLessThan(0.03);
      expect(Math.abs(jump.asymmetryPct ?? Number.NaN)).toBeLessThan(30);
    }
  });
});
