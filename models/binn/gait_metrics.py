"""Figures by subject: AUC with a bootstrap over subjects, and what is left of it beside age and speed.

A score is one logit a subject [S], or several [R, S]: figures are then means over the rows. A bootstrap draw is how often it holds each subject,
so the AUC is a weighted share of pairs, and all draws are worked out at once.

Adjusted figures, each for age, for speed and for both:

- `residualAuc`: the covariate-adjusted AUC of Janes and Pepe (2009, Biometrika 96:371), with a linear model: the logit is regressed on the
  covariates over healthy subjects only, and the AUC is that of the residuals. It asks whether an orthopaedic subject's logit is above what a healthy
  subject of this age and speed would have. It extrapolates where no healthy subject is as old or as slow.
- `matchedC`: share of pairs (one orthopaedic, one healthy) ranked rightly among pairs alike in the covariates: age within 10 years, speed within half
  a standard deviation. No model, no extrapolation, few pairs; `pairs` says how many. NaN becomes null where there is none.
- `likelihoodRatio`: logistic regression of the label on the covariates, with the standardised logit and without; twice the gain in log-likelihood,
  its p value at one degree of freedom, and the odds ratio of one standard deviation. Out-of-fold logits of different folds are not
  independent, so this p value is an orientation.
"""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

BOOTSTRAPS = 2000
AGE_CALIPER = 10.0
SPEED_CALIPER = 0.5


def draws(label: np.ndarray, seed: int, count: int = BOOTSTRAPS) -> np.ndarray:
    """[1 + draws, S]: how often each subject is in a draw with replacement. The first row is everybody once; draws without both groups are left out."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(label), np.full(len(label), 1 / len(label)), size=count)
    kept = drawn[(drawn @ label > 0) & (drawn @ (1 - label) > 0)]
    return np.concatenate((np.ones((1, len(label)), np.int64), kept)).astype(np.float64)


def ranked_right(label: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """[orthopaedic, healthy]: 1 where the orthopaedic subject has the higher logit, one half where they are equal; mean over rows of scores."""
    rows = np.atleast_2d(scores)
    gaps = rows[:, label == 1][:, :, None] - rows[:, label == 0][:, None, :]
    return ((gaps > 0) + 0.5 * (gaps == 0)).mean(axis=0)


def concordance(label: np.ndarray, right: np.ndarray, counts: np.ndarray, alike: np.ndarray | None = None) -> np.ndarray:
    """[draws] share of pairs ranked rightly, each pair as often as the draw holds it; over all pairs this is the AUC. NaN without a pair."""
    weight = np.ones_like(right) if alike is None else alike.astype(np.float64)
    ill, well = counts[:, label == 1], counts[:, label == 0]
    pairs = np.einsum("bi,ij,bj->b", ill, weight, well, optimize=True)
    good = np.einsum("bi,ij,bj->b", ill, weight * right, well, optimize=True)
    return np.divide(good, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)


def rounded(values) -> list[float | None]:
    """To four digits; what is not a number becomes null."""
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]


def interval(drawn: np.ndarray) -> list[float | None]:
    """[estimate, 2.5 %, 97.5 %] of a figure of each draw, the first of which is everybody; draws that give no number are left out."""
    finite = drawn[1:][np.isfinite(drawn[1:])]
    return rounded((drawn[0], *(np.percentile(finite, (2.5, 97.5)) if len(finite) else (np.nan, np.nan))))


def auc_draws(label: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return concordance(label, ranked_right(label, scores), counts)


def auc_interval(label: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> list[float | None]:
    return interval(auc_draws(label, scores, counts))


def difference_interval(label: np.ndarray, scores: np.ndarray, others: np.ndarray, counts: np.ndarray) -> list[float | None]:
    """AUC of one minus AUC of the other, on the same draws."""
    return interval(auc_draws(label, scores, counts) - auc_draws(label, others, counts))


def residuals(label: np.ndarray, scores: np.ndarray, covariates: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Rows of scores less what a line through the healthy subjects of a draw says for these covariates. NaN where too few carry the line."""
    design = np.column_stack((np.ones(len(label)), covariates - covariates.mean(axis=0)))
    weight = np.sqrt(count * (label == 0))
    if (weight > 0).sum() < design.shape[1] + 1:
        return np.full(np.atleast_2d(scores).shape, np.nan)
    rows = np.atleast_2d(scores)
    line, *_ = np.linalg.lstsq(design * weight[:, None], (rows * weight).T, rcond=None)
    return rows - (design @ line).T


def residual_auc_draws(label: np.ndarray, scores: np.ndarray, covariates: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[draws] covariate-adjusted AUC (see above), the line fitted anew in each draw."""
    out = np.full(len(counts), np.nan)
    for at, count in enumerate(counts):
        left = residuals(label, scores, covariates, count)
        if np.isfinite(left).all():
            out[at] = concordance(label, ranked_right(label, left), count[None])[0]
    return out


def alike_pairs(label: np.ndarray, covariates: np.ndarray, calipers: np.ndarray) -> np.ndarray:
    """[orthopaedic, healthy]: true for pairs that differ by no more than the caliper in every covariate."""
    return (np.abs(covariates[label == 1][:, None] - covariates[label == 0][None]) <= calipers).all(axis=2)


def likelihood_ratio(label: np.ndarray, scores: np.ndarray, covariates: np.ndarray) -> dict[str, float]:
    """What the mean logit adds to a logistic regression on the covariates."""
    score = np.atleast_2d(scores).mean(axis=0)
    z = lambda x: (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-12)
    without, both = z(covariates), z(np.column_stack((covariates, score)))
    # So weak a penalty that it only keeps separable data finite.
    fits = [LogisticRegression(C=1e4, max_iter=5000).fit(x, label) for x in (without, both)]
    logs = [-log_loss(label, model.predict_proba(x)[:, 1], normalize=False) for model, x in zip(fits, (without, both))]
    statistic = max(0.0, 2 * (logs[1] - logs[0]))
    return {"statistic": round(statistic, 3), "p": float(f"{erfc(sqrt(statistic / 2)):.3g}"), "oddsRatioPerSd": round(float(np.exp(fits[1].coef_[0, -1])), 3)}


def adjusted(label: np.ndarray, scores: np.ndarray, age: np.ndarray, speed: np.ndarray, counts: np.ndarray) -> dict:
    """{age, speed, both} -> the three adjusted figures of one score, with intervals."""
    spread = SPEED_CALIPER * max(float(speed.std()), 1e-12)
    views = {"age": (age[:, None], [AGE_CALIPER]), "speed": (speed[:, None], [spread]), "both": (np.column_stack((age, speed)), [AGE_CALIPER, spread])}
    right, out = ranked_right(label, scores), {}
    for name, (covariates, calipers) in views.items():
        alike = alike_pairs(label, covariates, np.array(calipers))
        out[name] = {
            "residualAuc": interval(residual_auc_draws(label, scores, covariates, counts)),
            "matchedC": interval(concordance(label, right, counts, alike)),
            "pairs": int(alike.sum()),
            "likelihoodRatio": likelihood_ratio(label, scores, covariates),
        }
    return out
