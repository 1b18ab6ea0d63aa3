/** Plain sentences for alerts and the first recommendation. No names, no diagnosis; "moved the score", never "caused". */
import type { ActivityClass } from '../contracts/model.ts';
import type { ChannelChange } from './deviation.ts';
import type { AsmsParams } from './params.ts';

const DOING: Readonly<Record<ActivityClass, string>> = { rest: 'at rest', walk: 'walking', run: 'running', jump: 'jumping' };

const AXES: Readonly<Record<string, string>> = {
  ax: 'acceleration, x axis',
  ay: 'acceleration, y axis',
  az: 'acceleration, z axis',
  gx: 'rotation, x axis',
  gy: 'rotation, y axis',
  gz: 'rotation, z axis',
  fv: 'vertical force',
  fap: 'forward-backward force',
  fml: 'sideways force',
};

/** "foot-left.gy" -> "left foot rotation, y axis"; a name without a known form is left as it is. */
export function channelInWords(channel: string): string {
  const [place, quantity] = channel.split('.');
  if (place === undefined || quantity === undefined) return channel;
  const sided = /^(.*)-(left|right)$/u.exec(place);
  const where = sided === null ? place : `${sided[2]} ${sided[1]}`;
  const what = AXES[quantity];
  return what === undefined ? channel.replaceAll(/[.-]/gu, ' ') : `${where} ${what}`;
}

const signed = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(1)}`;

/** SD of the athlete's own baseline of each channel in its unit, in the order of the channels; null or absent where it is not known. */
export type OwnScales = readonly (number | null)[];

/** What turns own SD into the athlete's units. */
export interface InUnits {
  readonly channels: readonly string[];
  readonly channelUnits: readonly string[];
  readonly ownScales: OwnScales;
}

/**
 * "left foot rotation, y axis (size of movement) +2.1 own SD, 3.30 against a usual 1.32 rad/s; ..." or null where there is nothing to say.
 * Without the athlete's own scale the two stand in own SD.
 */
export function changesInWords(changes: readonly ChannelChange[], units: InUnits): string | null {
  if (changes.length === 0) return null;
  return changes.map((one) => changeInWords(one, units)).join('; ');
}

function changeInWords(one: ChannelChange, { channels, channelUnits, ownScales }: InUnits): string {
  const index = channels.indexOf(one.channel);
  const known = ownScales[index] ?? null;
  const [scale, unit] = known === null ? [1, 'own SD'] : [known, channelUnits[index] ?? ''];
  const head = `${channelInWords(one.channel)} (${one.feature === 'level' ? 'average level' : 'size of movement'}) ${signed(one.changeSd)} own SD`;
  if (one.feature === 'amplitude')
    return `${head}, ${(one.nowSd * scale).toFixed(2)} against a usual ${(one.usualSd * scale).toFixed(2)} ${unit}`;
  return known === null ? head : `${head}, ${(one.changeSd * scale).toFixed(2)} ${unit} from the usual`;
}

export interface RiskFacts {
  readonly activity: ActivityClass;
  readonly state: number;
  readonly changes: readonly ChannelChange[];
  readonly ownScales: OwnScales;
}

/** The sentence of a risk alert. */
export function riskSentence(facts: RiskFacts, params: AsmsParams): string {
  const rule = params.alarms.risk;
  const changes = changesInWords(facts.changes, { ...params, ownScales: facts.ownScales });
  const head = `The movement score rose above ${rule.high.toFixed(2)} in ${rule.k} of the last ${rule.n} separate two-second windows (now ${facts.state.toFixed(2)}) while ${DOING[facts.activity]}.`;
  return changes === null
    ? `${head} There is too little history in this activity to say what changed.`
    : `${head} The largest changes from the athlete's own normal as it moved: ${changes}.`;
}

export interface Recommendation {
  readonly kind: string;
  readonly title: string;
  readonly rationale: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** The first recommendation that goes with a risk alert: what, how much, when, why. */
export function riskRecommendation(facts: RiskFacts, params: AsmsParams): Recommendation {
  const { loadCutPercent, days } = params.recommendation;
  const changes = changesInWords(facts.changes, { ...params, ownScales: facts.ownScales });
  return {
    kind: 'reduce-load',
    title: 'Ease off and have the movement looked at',
    rationale: [
      'What: no sprints, jumps or hard changes of direction for the rest of this session, and a short movement check by medical staff.',
      `How much: plan about ${loadCutPercent} % less load than usual.`,
      `When: now, and for the next ${days} days, or until the check finds nothing.`,
      `Why: ${riskSentence(facts, params)}`,
      changes === null
        ? 'The score says that movement is altered, not why.'
        : 'These channels moved together with the score; that does not say what is behind it.',
      'The size of the cut is a convention of this program, not the result of a trial.',
    ].join(' '),
    evidence: {
      methodVersion: params.methodVersion,
      loadCutPercent,
      days,
      activity: facts.activity,
      state: facts.state,
      strongestChanges: facts.changes,
      source: 'chosen',
    },
  };
}
