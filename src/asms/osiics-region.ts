import { BODY_REGIONS, type BodyRegion } from './feedback/outcomes.ts';

/** First character of an OSIICS code: the body area (IOC consensus, Bahr 2020, table 4). */
const AREAS: Readonly<Record<string, BodyRegion>> = {
  H: 'head',
  N: 'neck',
  S: 'shoulder',
  U: 'upper-arm',
  E: 'elbow',
  R: 'forearm',
  W: 'wrist',
  P: 'hand',
  C: 'chest',
  D: 'thoracic-spine',
  L: 'lumbosacral',
  O: 'abdomen',
  G: 'hip-groin',
  T: 'thigh',
  K: 'knee',
  Q: 'lower-leg',
  A: 'ankle',
  F: 'foot',
  X: 'multiple',
  Z: 'unspecified',
};

/** The body area of an injury: what its code says; else what staff called it, where that is one of the consensus's areas; else unspecified. */
export function regionOf(diagnosisCode: string, stated: string): BodyRegion {
  const named = AREAS[diagnosisCode.charAt(0).toUpperCase()];
  if (named !== undefined && named !== 'unspecified') return named;
  const text = stated.trim().toLowerCase().replaceAll(' ', '-');
  return BODY_REGIONS.find((region) => region === text) ?? 'unspecified';
}
