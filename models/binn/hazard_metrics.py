"""Figures of a daily probability: concordance overall, within an athlete, between athletes on a day; calibration. All take a weight a row."""

from __future__ import annotations

import numpy as np

from .calibrate import sigmoid


def concordance(score: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Pairs of a positive and a negative row in which the positive has the higher score (ties count half), and all such pairs.
    weight: [draws, rows], a pair counts as the product of its weights; returns two arrays, one entry a draw.
    """
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf) != 0)
    positive = np.add.reduceat(weight[:, order] * y[order], starts, axis=1)
    negative = np.add.reduceat(weight[:, order] * (1 - y[order]), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    return (positive * (below + 0.5 * negative)).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1)


def _ratio(won: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.divide(won, pairs, out=np.full(won.shape, np.nan), where=pairs > 0)


def auc(score: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return _ratio(*concordance(score, y, weight))


def grouped_auc(score: np.ndarray, y: np.ndarray, group: np.ndarray, weight: np.ndarray, squared: bool) -> np.ndarray:
    """
    AUC over pairs of the same group only. `squared`: a group is one athlete, drawn w times: w times its pairs, not w squared
    (pairs of one copy with another would compare an athlete with itself).
    """
    won, pairs = np.zeros(len(weight)), np.zeros(len(weight))
    for rows in np.split(np.argsort(group, kind="stable"), np.flatnonzero(np.diff(np.sort(group))) + 1):
        if not 0 < y[rows].sum() < len(rows):
            continue
        if squared:
            w, p = concordance(score[rows], y[rows], np.ones((1, len(rows))))
            won, pairs = won + w * weight[:, rows[0]], pairs + p * weight[:, rows[0]]
        else:
            w, p = concordance(score[rows], y[rows], weight[:, rows])
            won, pairs = won + w, pairs + p
    return _ratio(won, pairs)


def _newton(offset: np.ndarray, x: np.ndarray, y: np.ndarray, weight: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Weighted logistic regression of y on x with an offset."""
    beta = start
    for _ in range(30):
        p = sigmoid(offset + x @ beta)
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x
        step = np.linalg.lstsq(hessian, x.T @ (weight * (y - p)), rcond=None)[0]
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    return beta


def calibration(p: np.ndarray, y: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
    """
    intercept: in the large, of y on an offset of logit(p) (0 is right). slope: of y on logit(p) (1 is right; nan where p does not vary).
    oe: observed over expected.
    """
    clipped = np.clip(p, 1e-9, 1 - 1e-9)
    logit = np.log(clipped) - np.log1p(-clipped)
    one = np.ones((len(p), 1))
    varies = logit.std() > 1e-9
    both = np.column_stack((one, logit))
    zero = np.zeros(len(p))
    shift = _newton(logit, one, y, weight[0], np.zeros(1))
    line = _newton(zero, both, y, weight[0], np.array([shift[0], 1.0])) if varies else np.zeros(2)
    return {
        "intercept": np.array([_newton(logit, one, y, w, shift)[0] for w in weight]),
        "slope": np.array([_newton(zero, both, y, w, line)[1] if varies else np.nan for w in weight]),
        "oe": (weight @ y) / (weight @ p),
    }


def draws(who: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """[count + 1, rows]: how often each row's athlete was drawn; the first line is everybody once."""
    athletes, index = np.unique(who, return_inverse=True)
    times = rng.multinomial(len(athletes), np.full(len(athletes), 1 / len(athletes)), size=count).astype(np.float64)
    return np.concatenate((np.ones((1, len(who))), times[:, index]))


def interval(values: np.ndarray) -> list[float] | None:
    """[estimate, 2.5 %, 97.5 %] where the first value is the estimate; None where it is not a number."""
    if not np.isfinite(values[0]):
        return None
    return [round(float(v), 4) for v in (values[0], *np.nanpercentile(values[1:], (2.5, 97.5)))]
