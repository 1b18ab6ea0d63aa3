/** Heart, breath, skin, muscle oxygen and distance second by second: first-order kinetics towards what the activity asks for. */
import { ALTERED, GAIT, JUMP, PHYSIOLOGY } from './constants.ts';
import type { Person } from './person.ts';
import type { Segment, SimulatedActivity } from './protocol.ts';
import { createRandom, hash32, smoothNoise } from './random.ts';

/** Values at each whole second, grown on demand and never past the plan's end (at most a day: bounded by durationS). */
export interface PhysiologyTimeline {
  heartRate(second: number): number;
  respiration(second: number): number;
  smo2(second: number): number;
  skinTemperature(second: number): number;
  rrMs(second: number): number;
  /** Oxygen uptake, mL/min/kg. */
  vo2(second: number): number;
  /** Arterial oxygen saturation, %. */
  spo2(second: number): number;
  /** Metres covered at tS. */
  distanceM(tS: number): number;
  /** Metres per second at tS, without measurement noise. */
  speedMS(tS: number): number;
}

const CHUNK = 256;
interface Kinetics {
  heartRate: number;
  smo2: number;
  respiration: number;
  skin: number;
  distance: number;
  vo2: number;
}

interface Demand {
  readonly intensity: number;
  readonly smo2Fall: number;
  readonly respirationPerMin: number;
}

function demandOf(person: Person, activity: Exclude<SimulatedActivity, 'rest'>): Demand {
  if (activity === 'jump') return JUMP;
  const { smo2Fall, respirationPerMin } = GAIT[activity];
  return { intensity: person[activity].intensity, smo2Fall, respirationPerMin };
}

/** Speed asked for and held: slower with severity and with fatigue. */
export function speedAt(person: Person, segment: Segment, severity: number, fatigue: number): number {
  if (segment.activity === 'rest' || segment.activity === 'jump') return 0;
  return person[segment.activity].speedMS * segment.pace * (1 + ALTERED.speed * severity) * (1 - 0.05 * fatigue);
}

/** Fatigue in [0, 1): grows with time on the feet. */
export const fatigueAt = (tS: number): number => 1 - Math.exp(-tS / PHYSIOLOGY.driftTauS);

export function createPhysiology(
  seed: number,
  person: Person,
  segmentAt: (tS: number) => Segment,
  severityAt: (tS: number) => number,
  rising: boolean,
  dayFatigue = 0,
): PhysiologyTimeline {
  const columns: Float64Array[] = [];
  const state: Kinetics = { heartRate: 0, smo2: 0, respiration: 0, skin: person.skinTemperature, distance: 0, vo2: PHYSIOLOGY.restVo2 };
  const rrSeed = hash32(seed, 606);
  const restRespiration = PHYSIOLOGY.restRespiration + person.respirationOffset;

  const targets = (
    tS: number,
  ): {
    readonly heartRate: number;
    readonly smo2: number;
    readonly respiration: number;
    readonly speed: number;
    readonly vo2: number;
  } => {
    const segment = segmentAt(tS);
    const severity = severityAt(tS);
    const fatigue = fatigueAt(tS);
    if (segment.activity === 'rest') {
      const { restVo2 } = PHYSIOLOGY;
      return { heartRate: person.restHr + 12, smo2: person.restSmo2, respiration: restRespiration, speed: 0, vo2: restVo2 };
    }
    const gait = demandOf(person, segment.activity);
    const intensity = gait.intensity * segment.pace + ALTERED.intensity * severity;
    const drift = PHYSIOLOGY.driftShare * fatigue + (rising ? PHYSIOLOGY.fatigueDriftShare * severity : 0);
    return {
      heartRate: Math.min(person.maxHr, person.restHr + (person.maxHr - person.restHr) * intensity * (1 + drift)),
      smo2: person.restSmo2 - gait.smo2Fall * (1 + drift),
      respiration: gait.respirationPerMin * (1 + drift) + person.respirationOffset,
      speed: speedAt(person, segment, severity, fatigue),
      vo2: PHYSIOLOGY.restVo2 + (person.vo2Max - PHYSIOLOGY.restVo2) * Math.min(1, intensity),
    };
  };

  const step = (second: number): void => {
    const target = targets(second);
    if (second === 0)
      Object.assign(state, {
        heartRate: person.restHr + 0.6 * (target.heartRate - person.restHr),
        smo2: target.smo2,
        respiration: target.respiration,
        vo2: PHYSIOLOGY.restVo2 + 0.6 * (target.vo2 - PHYSIOLOGY.restVo2),
      });
    const tau = target.heartRate > state.heartRate ? person.onTauS : person.offTauS;
    state.heartRate += (target.heartRate - state.heartRate) * (1 - Math.exp(-1 / tau));
    state.smo2 += (target.smo2 - state.smo2) * (1 - Math.exp(-1 / PHYSIOLOGY.smo2TauS));
    state.respiration += (target.respiration - state.respiration) * (1 - Math.exp(-1 / person.onTauS));
    const vo2TauS = target.vo2 > state.vo2 ? PHYSIOLOGY.vo2OnTauS : PHYSIOLOGY.vo2OffTauS;
    state.vo2 += (target.vo2 - state.vo2) * (1 - Math.exp(-1 / vo2TauS));
    state.skin = person.skinTemperature + 0.8 * (1 - Math.exp(-second / 600)) + 0.1 * smoothNoise(seed ^ 0x51, second / 40);
    state.distance += target.speed;
  };

  const FIELDS = 6;
  const value = (second: number, field: number): number => {
    const chunk = Math.floor(second / CHUNK);
    while (columns.length <= chunk) {
      const start = columns.length * CHUNK;
      const rows = new Float64Array(CHUNK * FIELDS);
      for (let i = 0; i < CHUNK; i += 1) {
        // Distance is kept at the second's start: the step adds what the second covers.
        rows[i * FIELDS + 4] = state.distance;
        step(start + i);
        rows[i * FIELDS] = state.heartRate;
        rows[i * FIELDS + 1] = state.smo2;
        rows[i * FIELDS + 2] = state.respiration;
        rows[i * FIELDS + 3] = state.skin;
        rows[i * FIELDS + 5] = state.vo2;
      }
      columns.push(rows);
    }
    return columns[chunk]![(second - chunk * CHUNK) * FIELDS + field]!;
  };

  const effortAt = (second: number): number =>
    Math.min(1, Math.max(0, (value(second, 0) - person.restHr) / (person.maxHr - person.restHr)));
  const heartRate = (second: number): number => value(second, 0) + 1.2 * smoothNoise(seed ^ 0x4c, second / 3);
  return {
    heartRate,
    smo2: (second) => Math.min(99, Math.max(5, value(second, 1) + 1.5 * smoothNoise(seed ^ 0x4d, second / 4))),
    respiration: (second) => Math.max(6, value(second, 2) + 1.2 * smoothNoise(seed ^ 0x4e, second / 5)),
    skinTemperature: (second) => value(second, 3),
    rrMs: (second) => {
      const rate = value(second, 0);
      const effort = effortAt(second);
      // Vagal withdrawal: beat-to-beat variability falls fast with effort and is nearly gone by half of the reserve.
      const sd = PHYSIOLOGY.exerciseRrSdMs + (PHYSIOLOGY.restRrSdMs - PHYSIOLOGY.exerciseRrSdMs) * Math.max(0, 1 - 2 * effort) ** 2;
      const tired = Math.exp(-PHYSIOLOGY.fatigueRrLog * dayFatigue) * (1 - PHYSIOLOGY.sessionRrFall * fatigueAt(second));
      return 60_000 / rate + sd * tired * createRandom(rrSeed, second).normal();
    },
    vo2: (second) => Math.max(2, value(second, 5) * (1 + 0.05 * smoothNoise(seed ^ 0x50, second / 4))),
    spo2: (second) =>
      Math.min(100, PHYSIOLOGY.restSpo2 - PHYSIOLOGY.spo2Fall * effortAt(second) ** 2 + 0.5 * smoothNoise(seed ^ 0x52, second / 8)),
    distanceM: (tS) => {
      const second = Math.floor(tS);
      return value(second, 4) + (tS - second) * (value(second + 1, 4) - value(second, 4));
    },
    speedMS: (tS) => {
      const second = Math.floor(tS);
      return value(second + 1, 4) - value(second, 4);
    },
  };
}
