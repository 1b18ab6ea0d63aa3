/** What the service's detectors say of simulated sessions, and the file it is written to. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { castMember } from '../../src/cli/dataset/cast.ts';
import { listenToSession, writeSessions, type SessionFindings } from '../../src/cli/dataset/sessions.ts';
import { eachWindow } from '../../src/cli/dataset/windows.ts';
import type { ModelContract } from '../../src/contracts/model.ts';
import type { FaultKind } from '../../src/simulate/faults.ts';

const contract = JSON.parse(await readFile('models/binn.json', 'utf8')) as ModelContract;

/** Athlete 0 of seed 1 walks, and has no fault by chance. */
function findingsOf(fault: FaultKind | null): SessionFindings {
  const member = castMember(1, 0, 40, fault);
  const listener = listenToSession(member);
  eachWindow(member, contract, true, 40, () => undefined, listener.frame);
  return listener.findings();
}

describe('what is found in a session', () => {
  it('is nothing where nothing is wrong', () => {
    expect(findingsOf(null)).toEqual({ athlete: 0, sides: 'right', found: [], truth: [] });
  });
  it('is that the sides are exchanged where they are', () => {
    const { sides, truth } = findingsOf('swapped');
    expect(sides).toBe('swapped');
    expect(truth).toEqual(['foot-left', 'foot-right'].map((placement) => [placement, 'swapped', 0, 40]));
  });
  it('has the gaps of a foot where and when they are, on the clock of the truth', () => {
    const { found, truth } = findingsOf('dropout');
    expect(truth.length).toBeGreaterThan(0);
    // A gap at the session's end is none: no later frame shows it.
    const closed = truth.filter(([, , , endS]) => endS < 40);
    expect(found).toHaveLength(closed.length);
    closed.forEach(([placement, , startS, endS], i) => {
      expect(found[i]!.slice(0, 2)).toEqual([placement, 'dropout']);
      expect(Math.abs(found[i]![2] - startS)).toBeLessThanOrEqual(0.011);
      expect(Math.abs(found[i]![3] - endS)).toBeLessThanOrEqual(0.011);
    });
  });
  it('counts from the start of the session, not from the first sample', () => {
    const begins = findingsOf('misaligned').truth[0]![0];
    const member = castMember(1, 0, 40, 'misaligned');
    // Only the foot whose stamps are 100 ms late.
    const only = member.simulated.streams.findIndex(({ declaration }) => declaration.placement === begins) + 1;
    const listener = listenToSession(member);
    let held = 0;
    eachWindow(
      member,
      contract,
      true,
      40,
      () => undefined,
      (streamId, receivedUs, bytes) => {
        if (streamId !== only) return;
        held += 1;
        if (held !== 10) listener.frame(streamId, receivedUs, bytes);
      },
    );
    // The tenth frame of half a second is lost: from 4.5 s, stamped 4.6 s.
    expect(listener.findings().found).toEqual([[begins, 'dropout', 4.6, 5.1]]);
  });
});

describe('the file of sessions', () => {
  it('names the set, and has one line a session', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kinewatch-sessions-'));
    try {
      const sessions: SessionFindings[] = [
        { athlete: 4, sides: 'swapped', found: [['trunk', 'flat', 1, 2.5]], truth: [] },
        { athlete: 9, sides: 'undecided', found: [], truth: [['foot-left', 'moved', 0, 60]] },
      ];
      for (const rows of [sessions, []]) {
        await writeSessions(join(folder, 'sessions.json'), { seed: 3, secondsPerAthlete: 60, fault: 'moved' }, rows);
        const text = await readFile(join(folder, 'sessions.json'), 'utf8');
        expect(JSON.parse(text)).toMatchObject({ format: 1, seed: 3, secondsPerAthlete: 60, fault: 'moved', sessions: rows });
        expect(text.split('\n').filter((line) => line.includes('"athlete"'))).toHaveLength(rows.length);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
