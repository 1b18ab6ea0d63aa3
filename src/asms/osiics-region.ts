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

/** A code as OSIICS writes them: body area (M: an illness), kind of tissue or condition, then what it is. */
export const OSIICS_PATTERN = '^[A-Za-z]{2}[A-Za-z0-9]{1,3}$';

/** The body area that a code names; null: none, as an illness's does. */
export const areaOf = (diagnosisCode: string): BodyRegion | null => AREAS[diagnosisCode.charAt(0).toUpperCase()] ?? null;

/** The consensus's area that staff named, however they spelled it; null: none. */
export function regionNamed(stated: string): BodyRegion | null {
  const text = stated.trim().toLowerCase().replaceAll(' ', '-');
  return BODY_REGIONS.find((region) => region === text) ?? null;
}

/** The body area of an injury: what its code says; else what staff called it, where that is one of the consensus's areas; else unspecified. */
export function regionOf(diagnosisCode: string, stated: string): BodyRegion {
  const area = areaOf(diagnosisCode);
  return area !== null && area !== 'unspecified' ? area : (regionNamed(stated) ?? 'unspecified');
}
