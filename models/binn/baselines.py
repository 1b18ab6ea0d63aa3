"""The models that BINN's state is shown beside. All are fitted on training athletes' windows of movement; validation athletes stop and calibrate them.

Each gives probabilities for every row asked for. Afterwards a logistic calibration (slope and intercept) is fitted on validation, as BINN is calibrated
there too, and a causal running mean of an athlete's logits is offered beside the bare window: BINN carries a state, and how much of its lead is only
that is worth knowing.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from . import channels
from .data import Athlete, WindowSet
from .metrics import logit_of
from .scoring import movement_with_label, rows_of

SCALARS = ("phys", "perf", "context")
TREES = {"max_iter": 300, "learning_rate": 0.1, "max_leaf_nodes": 31, "n_iter_no_change": 15}
# Windows over which the past of an athlete's logits fades by half; the best on validation is taken.
HALF_LIVES = (1, 2, 4, 8, 16, 32, 64)


def known_scalars(windows: WindowSet, rows: np.ndarray) -> np.ndarray:
    """Physiology, performance and context [rows, S]; NaN where masked."""
    return np.concatenate([np.where(windows.columns[f"{name}_mask"][rows] > 0, windows.columns[name][rows], np.nan) for name in SCALARS], axis=1)


def training_rows(windows: WindowSet, split: str = "train") -> np.ndarray:
    rows = rows_of(windows.of(split))
    return rows[movement_with_label(windows, rows)]


def logistic_baseline(windows: WindowSet, rows: np.ndarray, seed: int = 7) -> np.ndarray:
    """Eq. 2 on domain features, physiology, performance and context; what is missing is imputed by the median and flagged. P(altered) at `rows`."""

    def features(at: np.ndarray) -> np.ndarray:
        return np.concatenate((windows.columns["domain"][at], known_scalars(windows, at)), axis=1)

    fitted_on = training_rows(windows)
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    model = make_pipeline(imputer, StandardScaler(), LogisticRegression(max_iter=2000, random_state=seed))
    model.fit(features(fitted_on), windows.columns["label_altered"][fitted_on].astype(int))
    return model.predict_proba(features(rows))[:, 1]


def window_summaries(windows: WindowSet, rows: np.ndarray, at_once: int = 512) -> np.ndarray:
    """
    [rows, features]: per movement channel mean, sd, mean |z|, least, largest and rms of the step between samples; left minus right of sd and mean |z|;
    share observed per channel; the scalars. NaN where nothing was observed: the trees take it as it is.
    """
    left, right, _ = channels.sides()
    parts = []
    for at in range(0, len(rows), at_once):
        block = windows.read(rows[at : at + at_once])
        there = block["bio_mask"] > 0
        x = np.where(there, block["bio"], 0.0)
        count = there.sum(axis=1).astype(np.float32)
        some = np.where(count > 0, count, np.nan)
        mean, strength = x.sum(axis=1) / some, np.abs(x).sum(axis=1) / some
        sd = np.sqrt(np.maximum((x**2).sum(axis=1) / some - mean**2, 0.0))
        both = there[:, 1:] & there[:, :-1]
        pairs = both.sum(axis=1).astype(np.float32)
        step = np.sqrt((np.where(both, np.diff(x, axis=1), 0.0) ** 2).sum(axis=1) / np.where(pairs > 0, pairs, np.nan))
        least = np.where(count > 0, np.where(there, x, np.inf).min(axis=1), np.nan)
        largest = np.where(count > 0, np.where(there, x, -np.inf).max(axis=1), np.nan)
        sides = (sd[:, left] - sd[:, right], strength[:, left] - strength[:, right])
        parts.append(np.concatenate((mean, sd, strength, least, largest, step, *sides, count / x.shape[1]), axis=1).astype(np.float32))
    summary = np.concatenate(parts) if parts else np.empty((0, 0), np.float32)
    return np.concatenate((summary, known_scalars(windows, rows)), axis=1)


def trees_baseline(windows: WindowSet, rows: np.ndarray, seed: int = 7) -> tuple[np.ndarray, dict]:
    """Gradient-boosted trees on window summaries and scalars, stopped by validation athletes. P(altered) at `rows`, and how many trees."""
    fitted_on, held = training_rows(windows), training_rows(windows, "validation")
    label = windows.columns["label_altered"]
    training = window_summaries(windows, fitted_on)
    # A channel that no training athlete has cannot be cut into bins.
    seen = np.isfinite(training).any(axis=0)
    model = HistGradientBoostingClassifier(**TREES, early_stopping=True, random_state=seed)
    model.fit(
        training[:, seen], label[fitted_on].astype(int),
        X_val=window_summaries(windows, held)[:, seen], y_val=label[held].astype(int),
    )
    p = np.concatenate([model.predict_proba(window_summaries(windows, rows[at : at + 8192])[:, seen])[:, 1] for at in range(0, len(rows), 8192)])
    return p, {"trees": int(model.n_iter_), "trainingWindows": len(fitted_on)}


def running_mean(logit: np.ndarray, athletes: list[Athlete], half_life: float) -> np.ndarray:
    """Causal, exponentially fading mean of each athlete's logits up to and with the window itself. `logit` lies in the order of the athletes' rows."""
    keep = 0.5 ** (1.0 / half_life)
    out, at = np.empty_like(logit), 0
    for athlete in athletes:
        top = bottom = 0.0
        for i in range(at, at + len(athlete.rows)):
            top, bottom = keep * top + logit[i], keep * bottom + 1.0
            out[i] = top / bottom
        at += len(athlete.rows)
    return out


def calibrated(held: np.ndarray, y: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Probabilities at logits `wanted` by a logistic calibration on validation's logits `held` and outcomes y. Unchanged where one class only is there."""
    if len(np.unique(y)) < 2:
        return 1.0 / (1.0 + np.exp(-wanted))
    return LogisticRegression(C=np.inf, max_iter=500).fit(held[:, None], y).predict_proba(wanted[:, None])[:, 1]


def best_half_life(logit: np.ndarray, athletes: list[Athlete], known: np.ndarray, y: np.ndarray) -> float:
    """The half-life whose calibrated running mean has the least cross-entropy on these (validation) athletes."""

    def loss(half_life: float) -> float:
        mean = running_mean(logit, athletes, half_life)[known]
        p = np.clip(calibrated(mean, y, mean), 1e-6, 1 - 1e-6)
        return float(-np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))

    return min(HALF_LIVES, key=loss)


def with_running_mean(
    raw: np.ndarray, validation: list[Athlete], known: np.ndarray, y: np.ndarray, test: list[Athlete],
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], float]:
    """
    From probabilities `raw` over the rows of validation athletes and then of test athletes: {"window", "running"} -> calibrated probabilities
    (validation rows, test rows), and the half-life. `known` [validation rows] and y [known rows] are the validation outcomes.
    """
    logit, count = logit_of(raw), len(known)
    half_life = best_half_life(logit[:count], validation, known, y)
    out = {}
    for name, x in (
        ("window", logit),
        ("running", np.concatenate((running_mean(logit[:count], validation, half_life), running_mean(logit[count:], test, half_life)))),
    ):
        p = calibrated(x[:count][known], y, x)
        out[name] = (p[:count], p[count:])
    return out, half_life
