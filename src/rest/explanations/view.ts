/** Stored explanations as a reader may see them. */
import type { Explanation } from '../../score/explain/explanation.ts';
import { describeExplanation, wordsOf } from '../../score/explain/sentence.ts';
import { withoutMedical } from '../../score/explain/withhold.ts';
import type { ExplanationRepository, StoredExplanation } from './ports.ts';
import type { ScoreExplanation } from './schemas.ts';

/** Weights over time are given for steps of this length. */
const STEP_MS = 40;

/** As it may be seen without the scope medical, or as it is with it. */
export const shownTo = (medical: boolean, explanation: Explanation): Explanation => (medical ? explanation : withoutMedical(explanation));

/** @param medical the reader may see medical detail */
export function viewExplanation({ explanation, ...row }: StoredExplanation, medical: boolean): ScoreExplanation {
  if (explanation === null) return { ...row, sentence: null, result: null };
  const { method, evaluations, baseLogit, logit, contributions, attention, background } = shownTo(medical, explanation);
  return {
    ...row,
    sentence: describeExplanation(explanation, medical),
    result: {
      method,
      evaluations,
      baseLogit,
      logit,
      contributions: contributions.map(({ name, kind, logit: moved, reading }) => ({
        name,
        label: wordsOf(name),
        kind,
        logit: moved,
        reading: reading === null ? null : { ...reading },
      })),
      attention: { stepMs: STEP_MS, time: Array.from(attention.time), modality: attention.modality.map((one) => ({ ...one })) },
      background: { ...background },
    },
  };
}

/** What an alert shows: the explanation of the window it was raised on; null where there is none. */
export async function explanationOfAlert(
  explanations: Pick<ExplanationRepository, 'get'>,
  team: string | null,
  alert: { readonly athleteId: string; readonly raisedWindowIndex: number },
  medical: boolean,
): Promise<Pick<ScoreExplanation, 'status' | 'sentence' | 'refusal'> | null> {
  const stored = await explanations.get(team, { athleteId: alert.athleteId, windowIndex: alert.raisedWindowIndex, grain: 'sensor' });
  if (stored === null) return null;
  const { status, sentence, refusal } = viewExplanation(stored, medical);
  return { status, sentence, refusal };
}
