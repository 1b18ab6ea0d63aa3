/**
 * Every constant of the simulated athletes. A source marked † is cited from memory and must be checked before it is quoted;
 * (chosen) means that the number is ours. Effects of altered movement are given at severity 1 and scale with severity.
 */

export type GaitActivity = 'walk' | 'run';

export interface GaitConstants {
  readonly strideTimeS: number;
  readonly strideTimeSd: number;
  readonly speedMS: number;
  readonly speedSd: number;
  /** Foot-off as a share of the stride. */
  readonly stance: number;
  readonly stanceSd: number;
  /** Coefficient of variation of stride time within a bout. */
  readonly strideCv: number;
  /** Vertical loading rate, body weights per second. */
  readonly loadingRateBwS: number;
  /** First (impact, loading) and second (active, push-off) peak of vertical force, body weights. */
  readonly firstPeakBw: number;
  readonly secondPeakBw: number;
  /** Metabolic intensity as a share of heart-rate reserve. */
  readonly intensity: number;
  readonly intensitySd: number;
  readonly respirationPerMin: number;
  /** Fall of muscle oxygen saturation below rest, percentage points. */
  readonly smo2Fall: number;
}

export const GAIT: Readonly<Record<GaitActivity, GaitConstants>> = {
  walk: {
    strideTimeS: 1.06, // Öberg 1993†: about 113 steps/min at self-selected speed
    strideTimeSd: 0.06, // Öberg 1993†
    speedMS: 1.36, // Bohannon 1997†: comfortable gait speed of adults under 40
    speedSd: 0.14, // Bohannon 1997†
    stance: 0.62, // Perry & Burnfield 2010†
    stanceSd: 0.012, // (chosen)
    strideCv: 0.018, // Hausdorff 1995†: 1 to 3 %
    loadingRateBwS: 10, // (chosen) first peak over about 0.1 s
    firstPeakBw: 1.12, // Perry & Burnfield 2010†
    secondPeakBw: 1.1, // Perry & Burnfield 2010†
    intensity: 0.28, // (chosen) light activity
    intensitySd: 0.05, // (chosen)
    respirationPerMin: 20, // (chosen)
    smo2Fall: 4, // (chosen)
  },
  run: {
    strideTimeS: 0.72, // Novacheck 1998†: about 166 steps/min at 3 to 3.5 m/s
    strideTimeSd: 0.035, // (chosen)
    speedMS: 3.2, // (chosen) easy running of team-sport athletes
    speedSd: 0.35, // (chosen)
    stance: 0.36, // Novacheck 1998†
    stanceSd: 0.022, // (chosen)
    strideCv: 0.014, // Jordan 2007†: 1 to 2 %
    loadingRateBwS: 70, // Milner 2006†: 60 to 90 BW/s
    firstPeakBw: 1.7, // Nilsson & Thorstensson 1989†
    secondPeakBw: 2.5, // Nilsson & Thorstensson 1989†
    intensity: 0.68, // (chosen) steady endurance running
    intensitySd: 0.07, // (chosen)
    respirationPerMin: 36, // (chosen)
    smo2Fall: 22, // (chosen) thigh sensors in steady running
  },
};

/** Lag-one correlation of successive stride times: a short-range stand-in for the long-range correlation of Hausdorff 1995†. (chosen) */
export const STRIDE_MEMORY = 0.5;
/** Stride-to-stride SD of amplitudes, as a share. (chosen) */
export const AMPLITUDE_JITTER = { walk: 0.04, run: 0.05 } as const;
/** Stride-to-stride SD of stance share and of inter-limb phase. (chosen) */
export const TIMING_JITTER = 0.006;

/**
 * Left-right differences of healthy athletes, SD over athletes, as half differences (left is 1 + d, right 1 - d).
 * Healthy runners differ by 3 to 15 % between sides, impact variables most (Zifchock 2006†, Sadeghi 2000†); the split is ours. (chosen)
 */
export const HEALTHY_ASYMMETRY = { stance: 0.008, push: 0.06, swing: 0.045, impact: 0.09, phase: 0.012, sway: 0.4 } as const;

/**
 * One-sided altered movement at severity 1, all (chosen) in the direction of antalgic gait (Perry & Burnfield 2010†): shorter stance, less
 * push-off, less impact and a smaller angular velocity peak on the affected side, longer stance on the other (longer double support),
 * trunk lean, slower, more variable.
 */
export const ALTERED = {
  stanceAffected: -0.034,
  stanceOther: 0.044,
  push: -0.36,
  swing: -0.26,
  impactAffected: -0.4,
  impactOther: 0.1,
  phase: 0.034,
  sway: 1.3,
  step: -0.3,
  strideTime: 0.05,
  speed: -0.12,
  variability: 0.8,
  /** Static lean to the affected side, radians: seen where gravity is in the signal. */
  leanRad: 0.05,
  /** Share of heart-rate reserve added: altered gait costs more. */
  intensity: 0.03,
} as const;

/** How differently people express the same severity: log-SD of each feature's factor, and chance that a feature is spared. (chosen) */
export const EXPRESSION = { logSd: 0.45, spared: 0.15, sparedFactor: 0.15 } as const;

/** Severity above which movement is labelled altered. (chosen) */
export const ALTERED_THRESHOLD = 0.35;
/** Healthy athletes carry niggles up to this severity, below the threshold; severity wobbles by this much. (chosen) */
export const HEALTHY_SEVERITY_MAX = 0.26;
export const SEVERITY_WOBBLE = 0.05;

export const PHYSIOLOGY = {
  restHr: 58, // (chosen) trained adults
  restHrSd: 7,
  maxHrIntercept: 208, // Tanaka 2001†: 208 - 0.7 age
  maxHrSlope: 0.7,
  maxHrSd: 7,
  onTauS: 28, // (chosen) mono-exponential heart-rate on-kinetics of 20 to 40 s
  offTauS: 55, // (chosen)
  tauLogSd: 0.2,
  driftShare: 0.1, // Coyle & González-Alonso 2001†: drift of about 10 % over prolonged exercise
  driftTauS: 1500, // (chosen)
  fatigueDriftShare: 0.12, // (chosen) further rise with severity under fatigue
  restRrSdMs: 45, // (chosen)
  exerciseRrSdMs: 4, // (chosen)
  restRespiration: 14,
  respirationSd: 1.5,
  skinTemperature: 32.6, // (chosen)
  skinTemperatureSd: 0.7,
  restSmo2: 68, // (chosen)
  restSmo2Sd: 6,
  smo2TauS: 20, // (chosen)
  /** Rest RR scatter falls by this in logarithm at full fatigue of the day (Plews 2013†: functional overreaching moves ln rMSSD by some tenths). */
  fatigueRrLog: 0.35,
  /** Within a session scatter falls by this share of the session's fatigue. (chosen) */
  sessionRrFall: 0.3,
  /** Rest heart rate rises by this at full fatigue of the day. (chosen) */
  fatigueHr: 5,
  vo2Max: { female: 45, male: 52 }, // (chosen) team-sport athletes, mL/min/kg
  vo2MaxSd: 5, // (chosen)
  restVo2: 3.5, // one metabolic equivalent, ACSM†
  vo2OnTauS: 30, // Whipp & Wasserman 1972†: phase II of 20 to 40 s
  vo2OffTauS: 45, // (chosen)
  restSpo2: 97.6, // (chosen)
  spo2Fall: 1.6, // (chosen) at maximal effort, with its square
} as const;

/** Countermovement jumps. Times in seconds, forces in body weights over or under standing. */
export const JUMP = {
  /** Flight height of fresh healthy athletes (chosen; men about 0.38 m, women about 0.29 m in team sports). */
  heightM: { female: 0.29, male: 0.38 },
  heightSd: 0.045,
  lowestM: 0.14,
  highestM: 0.65,
  /** From jump to jump of one athlete, as a share. (chosen) */
  jitter: 0.03,
  /** Shares of height lost at full session fatigue, full fatigue of the day and severity 1. (chosen) */
  sessionFatigue: 0.12,
  dayFatigue: 0.1,
  severity: 0.35,
  /** Unloading to -0.55 body weights, rise, plateau and drop to take-off. (chosen) after the published course (Linthorne 2001†) */
  unloadS: 0.36,
  unloadBw: 0.55,
  riseS: 0.18,
  holdS: 0.12,
  dropS: 0.07,
  /** Landing: a short peak takes this share of the impulse, a slow hump the rest. (chosen) */
  impactShare: 0.4,
  impactS: 0.065,
  loadS: 0.02,
  settleS: 0.45,
  /** Standing before the first and between jumps. (chosen) */
  pauseS: [2.4, 4.5] as const,
  /** Foot: launch and landing spikes, heel raise in radians. (chosen) */
  launchS: 0.06,
  strikeS: 0.05,
  heelRaiseS: 0.2,
  heelRaiseRad: 0.9,
  /** Peak pitch rate of the trunk in the countermovement, rad/s. (chosen) */
  trunkPitch: 1.5,
  /** Shock at landing that the trunk's sensor adds to the body's centre, 1/s times take-off velocity, and the time it is taken back in. (chosen) */
  trunkShock: 5,
  shockBackS: 0.2,
  /** Effort while jumping in series, as in GAIT. (chosen) */
  intensity: 0.4,
  respirationPerMin: 24,
  smo2Fall: 10,
} as const;

type EmgBump = readonly [centre: number, width: number, percentMvc: number];
export type Muscle = 'quadriceps' | 'hamstring';

/** Envelopes over the own foot's stride, % of maximal voluntary contraction; places after Perry & Burnfield 2010† and Novacheck 1998†, sizes (chosen). */
export const EMG_ACTIVATION: Readonly<Record<Muscle, Readonly<Record<GaitActivity, readonly EmgBump[]>>>> = {
  quadriceps: {
    walk: [
      [0.06, 0.05, 18],
      [0.94, 0.03, 9],
    ],
    run: [
      [0.08, 0.06, 48],
      [0.94, 0.04, 20],
    ],
  },
  hamstring: {
    walk: [
      [0.9, 0.05, 15],
      [0.04, 0.04, 9],
    ],
    run: [
      [0.85, 0.06, 38],
      [0.12, 0.07, 28],
    ],
  },
};

export const EMG = {
  rateHz: 100,
  /** %MVC a bit of the int16. */
  scale: 0.01,
  restPct: 1.5, // (chosen)
  /** Electrode placement and the MVC's own error, log-SD a muscle. (chosen) */
  gainLogSd: 0.25,
  /** From stride to stride, log-SD; of the envelope, as a share. (chosen) */
  strideLogSd: 0.12,
  noise: 0.05,
  noisePct: 0.3,
  /** Affected side at severity 1, through the push-off's expression: arthrogenic inhibition (Rice & McNair 2010†: 10 to 40 %). */
  affected: -0.35,
  /** Amplitude rise at full session fatigue at the same output. (chosen) */
  fatigue: 0.25,
  jump: { quadriceps: 75, hamstring: 28 }, // (chosen)
  landing: { quadriceps: 45, hamstring: 25 }, // (chosen)
} as const;

/** Inertial sensors: range from common parts (16 g, 2000 deg/s), noise and bias (chosen) from consumer data sheets. */
export const IMU = {
  accRange: 16 * 9.80665,
  gyroRange: (2000 * Math.PI) / 180,
  /** A sensor left in its narrow range clips at running impacts: the saturation fault. */
  narrowAccRange: 6 * 9.80665,
  accNoise: 0.06,
  gyroNoise: 0.012,
  /** Soft tissue: noise as a share of the movement's RMS. */
  tissueNoise: 0.05,
  accBiasSd: 0.05,
  gyroBiasSd: 0.008,
  gainSd: 0.01,
  /** SD of each mounting angle, radians (5 degrees): what remains after an alignment pose (chosen). */
  mountingSd: 0.09,
} as const;

/** Sensor faults and clocks. All (chosen): rates low enough to be exceptions, high enough to be met in a squad's hour. */
export const FAULTS = {
  /** Chance of one gap in a stream's minute, and its length. */
  dropoutPerMinute: 0.02,
  dropoutS: [0.1, 1.2] as const,
  narrowRange: 0.04,
  /** Chance that one foot of an athlete's session has the fault, where all faults are asked for. */
  natural: { dropout: 0.005, saturation: 0.005, drift: 0.01, swapped: 0.005, moved: 0.01, misaligned: 0.005, rate: 0.005 },
  /** A heavy dropout loses this much of every 20 s. */
  heavyEveryS: 20,
  heavyS: [2, 8] as const,
  /** The lowest settings of common parts: 2 g and 250 deg/s. */
  clipAcc: 2 * 9.80665,
  clipGyro: (250 * Math.PI) / 180,
  /** Bias ramp: m/s2 and rad/s a second on each axis, for a minute, then held. */
  driftAcc: 0.03,
  driftGyro: 0.01,
  driftS: 60,
  /** A moved sensor has turned by 25 to 60 degrees about each of two axes. */
  movedRad: [0.44, 1.05] as const,
  misalignedUs: 100_000,
  /** True over declared sampling rate. */
  rateFactor: 0.8,
  /** Crystal drift, SD in ppm. */
  driftPpmSd: 25,
} as const;

export const G = 9.80665;
