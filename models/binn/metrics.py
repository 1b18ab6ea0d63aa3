"""Figures of probabilities against outcomes, with intervals from a bootstrap over athletes.

Every figure takes `weights` [draws, athletes], how often each athlete was drawn, and gives [draws]. The first draw takes everybody once and is the
estimate. Figures that are compared share their draws. Where a draw leaves a figure undefined (one class only, nobody drawn) it is NaN.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_curve

BINS = 15
# Calibration lines of the draws are fitted on logits in at most this many slices: at most 0.07 wide, which moves a slope by less than 0.005.
LOGIT_GROUPS = 400
P_FLOOR = 1e-6


class Draws:
    """Athletes drawn with replacement, for rows that belong to `who` [rows]. `weights` [1 + draws, athletes]; row 0 is the sample itself."""

    def __init__(self, who: np.ndarray, draws: int, seed: int) -> None:
        self.athletes, self.of = np.unique(who, return_inverse=True)
        count = len(self.athletes)
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1.0 / count), size=draws) if count else np.empty((draws, 0))
        self.weights = np.concatenate((np.ones((1, count)), drawn)).astype(np.float64)

    def rows(self, keep: np.ndarray) -> "Draws":
        """The same draws for a part of the rows; `keep` is a mask [rows]."""
        part = object.__new__(Draws)
        part.athletes, part.of, part.weights = self.athletes, self.of[keep], self.weights
        return part

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Weighted sums over rows: [rows] -> [draws], [rows, k] -> [draws, k]."""
        flat = values.reshape(len(values), -1)
        by_athlete = np.stack([np.bincount(self.of, flat[:, k], len(self.athletes)) for k in range(flat.shape[1])], axis=1)
        return (self.weights @ by_athlete).reshape(len(self.weights), *values.shape[1:])


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN where nothing is below the line."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)


def interval(draws: np.ndarray) -> list[float] | None:
    """[estimate, 2.5 %, 97.5 %], or None where the estimate or nine draws in ten are undefined."""
    if not np.isfinite(draws[0]) or np.isfinite(draws).mean() < 0.1:
        return None
    return [round(float(v), 4) for v in (draws[0], *np.nanpercentile(draws[1:] if len(draws) > 1 else draws, (2.5, 97.5)))]


def intervals(figures: dict[str, np.ndarray]) -> dict[str, list[float] | None]:
    return {name: interval(draws) for name, draws in figures.items()}


def logit_of(p: np.ndarray) -> np.ndarray:
    kept = np.clip(np.asarray(p, np.float64), P_FLOOR, 1 - P_FLOOR)
    return np.log(kept) - np.log1p(-kept)


def auc(p: np.ndarray, y: np.ndarray, draws: Draws) -> np.ndarray:
    """Area under the ROC curve. Pairs are counted once between athletes; a draw is then a quadratic form of its weights."""
    count = len(draws.athletes)
    order = np.lexsort((p, draws.of))
    score, outcome, owner = p[order], y[order], draws.of[order]
    positives, positive_of = score[outcome == 1], owner[outcome == 1]
    negatives, negative_of = score[outcome == 0], owner[outcome == 0]
    won = np.zeros((count, count))
    edges = np.searchsorted(negative_of, np.arange(count + 1))
    for athlete in range(count):
        mine = negatives[edges[athlete] : edges[athlete + 1]]
        if len(mine):
            beaten = 0.5 * (np.searchsorted(mine, positives, "left") + np.searchsorted(mine, positives, "right"))
            won[:, athlete] = np.bincount(positive_of, beaten, count)
    pairs = draws.sums((y == 1).astype(float)) * draws.sums((y == 0).astype(float))
    return ratio(((draws.weights @ won) * draws.weights).sum(axis=1), pairs)


def average_precision(p: np.ndarray, y: np.ndarray, draws: Draws) -> np.ndarray:
    """Average precision without interpolation (the estimate is scikit-learn's)."""
    order = np.argsort(-p, kind="stable")
    score, outcome, owner = p[order], (y[order] == 1).astype(float), draws.of[order]
    ends = np.flatnonzero(np.append(np.diff(score) != 0, True)) if len(score) else np.empty(0, int)
    out = np.full(len(draws.weights), np.nan)
    if not outcome.any():
        return out
    for at, weights in enumerate(draws.weights):
        taken = weights[owner]
        found, seen = np.cumsum(taken * outcome)[ends], np.cumsum(taken)[ends]
        if found[-1] > 0:
            # The highest scores may belong to athletes that were not drawn.
            there = seen > 0
            out[at] = np.sum(np.diff(found[there], prepend=0.0) * found[there] / seen[there]) / found[-1]
    out[0] = average_precision_score(y, p)
    return out


def calibration_error(p: np.ndarray, y: np.ndarray, draws: Draws) -> np.ndarray:
    """ECE over bins of equal size; the sample's bins are kept in every draw."""
    order = np.argsort(p, kind="stable")
    place = np.empty(len(p), int)
    for number, part in enumerate(np.array_split(order, BINS)):
        place[part] = number
    inside = place[:, None] == np.arange(BINS)
    gap = draws.sums(inside * (p - y)[:, None])
    return ratio(np.abs(gap).sum(axis=1), draws.sums(np.ones(len(p))))


def calibration_lines(p: np.ndarray, y: np.ndarray, draws: Draws) -> dict[str, np.ndarray]:
    """
    `slope` and `intercept` of the outcome on logit(p) together, and `interceptAtSlopeOne` (calibration in the large: logit(p) as an offset).
    The estimates come from all rows, the draws from slices of logit.
    """
    x = logit_of(p)
    if len(np.unique(y)) < 2:
        return {name: np.full(len(draws.weights), np.nan) for name in ("slope", "intercept", "interceptAtSlopeOne")}
    line = LogisticRegression(C=np.inf, tol=1e-8, max_iter=500).fit(x[:, None], y)
    slope, intercept = float(line.coef_[0, 0]), float(line.intercept_[0])
    place, middle = _groups(x)
    flat = draws.of * len(middle) + place
    size = len(draws.athletes) * len(middle)
    count = draws.weights @ np.bincount(flat, minlength=size).reshape(-1, len(middle))
    found = draws.weights @ np.bincount(flat, y, minlength=size).reshape(-1, len(middle))
    both = _newton(middle, count, found, np.array([intercept, slope]))
    alone = _newton_offset(middle, count, found)
    both[0] = (intercept, slope)
    alone[0] = _newton_offset(x, np.ones((1, len(x))), np.asarray(y, float)[None])[0]
    both[~((found.sum(axis=1) > 0) & (found.sum(axis=1) < count.sum(axis=1)))] = np.nan
    return {"slope": both[:, 1], "intercept": both[:, 0], "interceptAtSlopeOne": alone}


def _groups(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Group of each row and the mean of each group: values themselves where few differ, else LOGIT_GROUPS slices of equal width."""
    values, place = np.unique(x, return_inverse=True)
    if len(values) > LOGIT_GROUPS:
        slices = np.floor((x - values[0]) / (values[-1] - values[0]) * LOGIT_GROUPS)
        place = np.unique(slices, return_inverse=True)[1]
    return place, np.bincount(place, x) / np.bincount(place)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -60, 60)))


def _newton(x: np.ndarray, count: np.ndarray, found: np.ndarray, start: np.ndarray) -> np.ndarray:
    """[draws, 2] intercept and slope of grouped logistic regressions, all at once."""
    at = np.tile(start, (len(count), 1))
    for _ in range(12):
        p = _sigmoid(at[:, :1] + at[:, 1:] * x)
        gap, curve = found - count * p, count * p * (1 - p)
        g0, g1 = gap.sum(axis=1), gap @ x
        h00, h01, h11 = curve.sum(axis=1), curve @ x, curve @ (x * x)
        determinant = h00 * h11 - h01 * h01
        step = np.stack((ratio(h11 * g0 - h01 * g1, determinant), ratio(h00 * g1 - h01 * g0, determinant)), axis=1)
        at = at + np.clip(np.nan_to_num(step), -1.0, 1.0)
        if np.abs(np.nan_to_num(step)).max() < 1e-6:
            break
    return at


def _newton_offset(x: np.ndarray, count: np.ndarray, found: np.ndarray) -> np.ndarray:
    """[draws] intercept where the slope is one."""
    at = np.zeros(len(count))
    for _ in range(30):
        p = _sigmoid(at[:, None] + x)
        step = ratio((found - count * p).sum(axis=1), (count * p * (1 - p)).sum(axis=1))
        at = at + np.clip(step, -1.0, 1.0)
        if np.abs(np.nan_to_num(step)).max() < 1e-6:
            break
    return at


def decisions(p: np.ndarray, y: np.ndarray, threshold: float, draws: Draws) -> dict[str, np.ndarray]:
    """Sensitivity, specificity and F1 of p > threshold."""
    called, true = p > threshold, y == 1
    hit, false, miss, quiet = draws.sums(np.stack((called & true, called & ~true, ~called & true, ~called & ~true), axis=1).astype(float)).T
    return {"sensitivity": ratio(hit, hit + miss), "specificity": ratio(quiet, quiet + false), "f1": ratio(2 * hit, 2 * hit + false + miss)}


def binary_figures(p: np.ndarray, y: np.ndarray, threshold: float, draws: Draws) -> dict[str, np.ndarray]:
    """Every figure of a probability p [rows] of y [rows] (0 or 1) as draws. Rows must hold no NaN; no rows give NaN."""
    p = np.asarray(p, np.float64)
    if len(p) == 0:
        names = ("auc", "averagePrecision", "brier", "ece", "slope", "intercept", "interceptAtSlopeOne", "observedExpected", "sensitivity", "specificity", "f1")
        return {name: np.full(len(draws.weights), np.nan) for name in names}
    total = draws.sums(np.ones(len(p)))
    return {
        "auc": auc(p, y, draws),
        "averagePrecision": average_precision(p, y, draws),
        "brier": ratio(draws.sums((p - y) ** 2), total),
        "ece": calibration_error(p, y, draws),
        **calibration_lines(p, y, draws),
        "observedExpected": ratio(draws.sums(np.asarray(y, float)), draws.sums(p)),
        **decisions(p, y, threshold, draws),
    }


def error_figures(given: np.ndarray, wanted: np.ndarray, draws: Draws) -> dict[str, np.ndarray]:
    """MAE, RMSE and R2 (against the draw's own mean) of an estimate. Rows without a label (NaN) do not count."""
    seen = np.isfinite(wanted) & np.isfinite(given)
    draws, gap, target = draws.rows(seen), (given - wanted)[seen].astype(float), wanted[seen].astype(float)
    count, absolute, squares, first, second = draws.sums(np.stack((np.ones(len(gap)), np.abs(gap), gap**2, target, target**2), axis=1)).T
    spread = second - ratio(first**2, count)
    return {"mae": ratio(absolute, count), "rmse": np.sqrt(ratio(squares, count)), "r2": 1 - ratio(squares, np.where(spread > 1e-12, spread, 0.0))}


def share_of_ceiling(mine: np.ndarray, ceiling: np.ndarray) -> np.ndarray:
    """How much of the way from 0.5 to the ceiling's AUC was gone; both as draws. NaN where the ceiling is no better than chance."""
    return ratio(mine - 0.5, ceiling - 0.5)


def youden_threshold(p: np.ndarray, y: np.ndarray) -> float:
    """The threshold with the largest sensitivity + specificity: for p > threshold. 0.5 where one class only is there."""
    if len(np.unique(y)) < 2:
        return 0.5
    false, true, at = roc_curve(y, p)
    best = int(np.argmax(true - false))
    below = p[p < at[best]]
    # Halfway to the next lower score, so that "above" and "at or above" agree.
    return float((at[best] + below.max()) / 2) if np.isfinite(at[best]) and len(below) else 0.5


def thin(x: np.ndarray, y: np.ndarray, points: int) -> list[list[float]]:
    """[[x], [y]] of a curve at `points` places of x, rounded to four digits."""
    order = np.argsort(x, kind="stable")
    at = np.linspace(float(x.min()), float(x.max()), points)
    return [[round(float(v), 4) for v in at], [round(float(v), 4) for v in np.interp(at, x[order], y[order])]]
