/** The stages of a return to play: what each allows, what leaves it, who signs. A club may bring its own; this is the default. */

export type SignRole = 'medical' | 'coach' | 'athlete';

/** Work that a stage allows; what is not named is not allowed. */
export const WORK = [
  'walking',
  'range-of-motion',
  'strength',
  'running',
  'high-speed-running',
  'jumping',
  'change-of-direction',
  'contact',
  'match',
] as const;
export type Work = (typeof WORK)[number];

/**
 * share-of-own: the value over the athlete's own before the injury, at least `bound`. at-most, at-least: the value itself.
 * Symmetry between limbs is shown beside a share-of-own criterion and never meets one: both limbs lose (Wellsandt 2017†).
 */
export interface Criterion {
  readonly name: string;
  readonly metric: string;
  readonly unit: string;
  readonly kind: 'share-of-own' | 'at-most' | 'at-least';
  readonly bound: number;
  /** A measurement older than this says nothing. */
  readonly maximumAgeDays: number;
}

export interface Stage {
  readonly name: string;
  /** Share of the chronic load before the injury. */
  readonly loadCeilingShare: number;
  readonly allowedWork: readonly Work[];
  /** Of the athlete for the team's training and matches (IOC 2020): modified takes part in some of it. */
  readonly availability: 'out' | 'modified';
  readonly minimumDays: number;
  /** All of them leave the stage. */
  readonly criteria: readonly Criterion[];
  /** Each of these roles signs before the stage is left. */
  readonly signOff: readonly SignRole[];
}

export interface ReturnProtocol {
  readonly version: string;
  readonly stages: readonly Stage[];
  readonly demotion: {
    /** Pain during or the day after, 0 to 10, above this. */
    readonly painAbove: number;
    /** Days of the last seven with a load above the stage's ceiling, at least. */
    readonly daysAboveCeiling: number;
    /** R below its best by at least this. */
    readonly recoveryFall: number;
  };
}

const pain = (bound: number): Criterion => ({ name: 'pain', metric: 'pain', unit: '0 to 10', kind: 'at-most', bound, maximumAgeDays: 2 });
const own = (name: string, metric: string, unit: string, bound: number): Criterion => ({
  name,
  metric,
  unit,
  kind: 'share-of-own',
  bound,
  maximumAgeDays: 14,
});
const strength = (bound: number): Criterion => own('strength', 'isometricStrength', 'N', bound);
const jump = (bound: number): Criterion => own('jump height', 'jumpHeight', 'm', bound);

/** The steps follow the return-to-sport continuum (Ardern 2016†); ceilings, bounds and days are (chosen) and for medical staff to set. */
export const DEFAULT_PROTOCOL: ReturnProtocol = {
  version: 'return-1.0.0',
  stages: [
    {
      name: 'protection',
      loadCeilingShare: 0.1,
      allowedWork: ['walking', 'range-of-motion'],
      availability: 'out',
      minimumDays: 0,
      criteria: [pain(3)],
      signOff: ['medical'],
    },
    {
      name: 'reconditioning',
      loadCeilingShare: 0.4,
      allowedWork: ['walking', 'range-of-motion', 'strength'],
      availability: 'out',
      minimumDays: 1,
      criteria: [pain(2), strength(0.7)],
      signOff: ['medical'],
    },
    {
      name: 'running',
      loadCeilingShare: 0.6,
      allowedWork: ['walking', 'range-of-motion', 'strength', 'running'],
      availability: 'out',
      minimumDays: 2,
      criteria: [pain(2), strength(0.8), jump(0.8)],
      signOff: ['medical'],
    },
    {
      name: 'sport-specific',
      loadCeilingShare: 0.8,
      allowedWork: ['walking', 'range-of-motion', 'strength', 'running', 'high-speed-running', 'jumping', 'change-of-direction'],
      availability: 'modified',
      minimumDays: 3,
      criteria: [pain(1), strength(0.9), jump(0.9), own('sprint peak', 'sprintPeak', 'm/s', 0.9)],
      signOff: ['medical', 'coach'],
    },
    {
      name: 'full-training',
      loadCeilingShare: 1,
      allowedWork: WORK.filter((work) => work !== 'match'),
      availability: 'modified',
      minimumDays: 5,
      criteria: [pain(0), strength(0.9), jump(0.95), own('sprint peak', 'sprintPeak', 'm/s', 0.95)],
      signOff: ['medical', 'coach', 'athlete'],
    },
  ],
  demotion: { painAbove: 4, daysAboveCeiling: 2, recoveryFall: 0.1 },
};

/** What is wrong with a club's own protocol beyond its shape, in sentences; empty: nothing. */
export function protocolFaults({ stages }: ReturnProtocol): readonly string[] {
  const names = stages.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  return [
    ...(stages.length === 0 ? ['it has no stages'] : []),
    ...(twice === undefined ? [] : [`the stage ${twice} stands twice`]),
    ...stages.flatMap(({ name, signOff }) => (signOff.includes('medical') ? [] : [`the stage ${name} is not signed by the role medical`])),
    ...stages.flatMap((stage, i) => {
      const before = stages[i - 1];
      if (before === undefined) return [];
      return [
        ...(stage.loadCeilingShare < before.loadCeilingShare ? [`the load ceiling falls from ${before.name} to ${stage.name}`] : []),
        ...(stage.availability === 'out' && before.availability === 'modified'
          ? [`the athlete is modified in ${before.name} and out again in ${stage.name}`]
          : []),
      ];
    }),
  ];
}
