/** The demo's squad: who trains, who drifts, and what the service has to be told about them. */
import { drawPerson } from '../../simulate/person.ts';
import { createRandom, hash32 } from '../../simulate/random.ts';
import { createSimulatedAthlete, type SimulatedAthlete } from '../../simulate/simulated-athlete.ts';
import type { Bout } from '../../simulate/protocol.ts';

export interface SquadMember {
  readonly name: string;
  readonly externalId: string;
  readonly drifts: boolean;
  readonly simulated: SimulatedAthlete;
}

const NAMES = [
  'A. Moretti',
  'B. Okafor',
  'C. Lindqvist',
  'D. Tanaka',
  'E. Duarte',
  'F. Novak',
  'G. Haddad',
  'H. Keller',
  'I. Santos',
  'J. Byrne',
  'K. Nielsen',
  'L. Petrova',
  'M. Abebe',
  'N. Castillo',
  'O. Jansen',
  'P. Rahman',
  'Q. Zhou',
  'R. Ferreira',
  'S. Kowalski',
  'T. Ito',
];
/** A day: the demo may be left running. */
const DURATION_S = 86_400;
/** When the drifting athlete's gait begins to change and how long that takes. Fatigue takes longer; the demo has 45 s. (chosen) */
const ONSET_S = 8;
const RAMP_S = 12;

/** Athletes that show a one-sided gait clearly, so that the demo demonstrates: every feature at about its typical strength or above. */
function seedOfAClearLimp(seed: number): number {
  for (let i = 0; ; i += 1) {
    const candidate = hash32(seed, 21, i);
    if (Object.values(drawPerson(candidate).expression).every((factor) => factor > 0.85 && factor < 2)) return candidate;
  }
}

/** Training of the others: running and walking in turns, a drink now and then. */
function training(seed: number): Bout[] {
  const random = createRandom(seed, 22);
  const bouts: Bout[] = [{ activity: random.next() < 0.7 ? 'run' : 'walk', durationS: random.uniform(40, 120) }];
  for (let i = 0; i < 8; i += 1) {
    const last = bouts.at(-1)!.activity;
    const activity = last === 'run' ? (random.next() < 0.3 ? 'rest' : 'walk') : 'run';
    bouts.push({ activity, durationS: activity === 'rest' ? random.uniform(15, 30) : random.uniform(50, 150) });
  }
  return bouts;
}

/** `boot` must differ between runs against one service: it names the devices' clocks and sequences. */
export function createSquad(athletes: number, seed: number, boot: string): SquadMember[] {
  const drifting = Math.min(2, athletes - 1);
  return Array.from({ length: athletes }, (_, index) => {
    const drifts = index === drifting;
    const own = drifts ? seedOfAClearLimp(seed) : hash32(seed, 23, index);
    const round = Math.floor(index / NAMES.length);
    return {
      name: `${NAMES[index % NAMES.length]!}${round === 0 ? '' : ` ${round + 1}`}`,
      externalId: `demo-${index + 1}`,
      drifts,
      simulated: createSimulatedAthlete({
        seed: own,
        durationS: DURATION_S,
        profile: drifts ? 'fatigue-drift' : 'healthy',
        protocol: drifts ? 'run' : training(own),
        name: `demo-${index + 1}`,
        boot,
        ...(drifts ? { severity: { peak: 1, onsetS: ONSET_S, rampS: RAMP_S } } : {}),
      }),
    };
  });
}
