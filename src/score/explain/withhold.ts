/** PURE. What a reader without the scope medical is shown of an explanation: that the medical record moved the score, not which entry of it, nor its value. */
import type { Contribution, Explanation } from './explanation.ts';

/** Context values that tell of injuries and findings. */
const MEDICAL: ReadonlySet<string> = new Set(['pastInjuries', 'daysSinceInjury', 'injurySeverity', 'imagingGrade']);

/** The medical contributions as one, `medicalRecord`, without a reading; the sum stays. Without any it is as it was. */
export function withoutMedical(explanation: Explanation): Explanation {
  const { contributions } = explanation;
  const hidden = contributions.filter(({ name }) => MEDICAL.has(name));
  if (hidden.length === 0) return explanation;
  const record: Contribution = {
    name: 'medicalRecord',
    kind: 'context',
    logit: hidden.reduce((sum, { logit }) => sum + logit, 0),
    reading: null,
  };
  return { ...explanation, contributions: [...contributions.filter(({ name }) => !MEDICAL.has(name)), record] };
}
