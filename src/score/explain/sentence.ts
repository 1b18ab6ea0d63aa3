/** PURE. An explanation in one plain sentence: what moved the score, up or down, against what normal. Never "caused": a Shapley value describes the model. */
import type { Contribution, Explanation } from './explanation.ts';
import { OWN_SD, type Reading } from './readings.ts';
import { withoutMedical } from './withhold.ts';

/** Named in the sentence at most. */
const NAMED = 3;
/** Below this a contribution would move no printed probability (chosen: 0.01 logit is at most 0.25 points of a percentage). */
const LEAST_LOGIT = 0.01;

const WORDS: Readonly<Record<string, string>> = {
  'foot-left': 'movement of the left foot',
  'foot-right': 'movement of the right foot',
  trunk: 'movement of the trunk',
  'force-left': 'force under the left foot',
  'force-right': 'force under the right foot',
  emg: 'muscle activity',
  angle: 'joint angles',
  heartRate: 'heart rate',
  lnRmssd: 'heart-rate variability (ln rMSSD)',
  respirationRate: 'breathing rate',
  spo2: 'oxygen saturation',
  smo2: 'muscle oxygen saturation',
  skinTemperature: 'skin temperature',
  vo2: 'oxygen uptake',
  emgActivation: 'muscle activation',
  sprintPeak: 'peak speed',
  jumpHeight: 'jump height',
  rsiMod: 'reactive strength (RSImod)',
  reactionTime: 'reaction time',
  massKg: 'body mass',
  heightM: 'height',
  pastInjuries: 'past injuries',
  daysSinceInjury: 'days since the last injury',
  injurySeverity: 'severity of the last injury',
  imagingGrade: 'imaging grade',
  surfaceHardness: 'hardness of the surface',
  wbgt: 'heat (WBGT)',
  travelHours: 'hours of travel',
  history: 'the windows before this one',
  medicalRecord: 'the medical record',
};
/** UCUM codes that people write otherwise; "1" is a plain number. */
const UNITS: Readonly<Record<string, string>> = {
  '1': '',
  Cel: '°C',
  'm/s2': 'm/s²',
  '1/min': 'a minute',
  a: 'years',
  d: 'days',
  'ln(ms)': '',
};

/** The name of a player in plain words. A single channel is named by its sensor and itself; a name that has no words stands as it is. */
export function wordsOf(name: string): string {
  const known = WORDS[name];
  if (known !== undefined) return known;
  const dot = name.indexOf('.');
  return dot < 0 ? name : `${wordsOf(name.slice(0, dot))} (${name.slice(dot + 1)})`;
}

/** Three figures that matter, and no exponent. */
const figure = (value: number): string => {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
};

function readingWords({ value, normal, unit }: Reading): string {
  if (unit === OWN_SD) return `${figure(value)} of its usual spread, normally ${figure(normal)}`;
  const word = UNITS[unit] ?? unit;
  const spoken = word === '' ? '' : word === '%' ? '%' : ` ${word}`;
  return `${figure(value)}${spoken}, normally ${figure(normal)}${spoken}`;
}

function partOf({ name, logit, reading }: Contribution): string {
  const direction = logit > 0 ? 'up' : 'down';
  const measured = reading === null ? '' : ` (${readingWords(reading)})`;
  return `${wordsOf(name)} moved it ${direction}${measured}`;
}

function normalWords({ background: { own, squad } }: Explanation): string {
  const windows = (count: number): string => `${count} quiet window${count === 1 ? '' : 's'}`;
  if (squad === 0) return `${windows(own)} of the athlete`;
  if (own === 0) return `${windows(squad)} of the squad`;
  return `${windows(own)} of the athlete and ${squad} of the squad`;
}

/**
 * The three largest contributions with what was measured and what is normal, in the athlete's units where they are known.
 * @param medical the reader may see medical detail; others read "the medical record", all of it as one part without a figure
 */
export function describeExplanation(explanation: Explanation, medical: boolean): string {
  const { contributions } = medical ? explanation : withoutMedical(explanation);
  const largest = contributions
    .filter(({ logit }) => Math.abs(logit) >= LEAST_LOGIT)
    .toSorted((a, b) => Math.abs(b.logit) - Math.abs(a.logit))
    .slice(0, NAMED);
  const against = `Normal is the mean of ${normalWords(explanation)}.`;
  if (largest.length === 0) return `Nothing in this window moved the score from its normal. ${against}`;
  return `What moved the score most: ${largest.map(partOf).join('; ')}. ${against}`;
}
