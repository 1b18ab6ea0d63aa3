"""Temperature and thresholds, both from validation athletes only."""

from __future__ import annotations

import numpy as np

from .data import Athlete, WindowSet

# False alerts an hour of healthy movement that staff should have to put up with. (chosen: one in ten active hours)
FALSE_ALERTS_PER_HOUR = 0.1
K, N = 3, 5
# Two seconds long, one second apart: every second window is the most that do not overlap.
NON_OVERLAPPING_HOPS = 2
# Clear below half of the way from the healthy median to the raising threshold, in logits. (chosen)
CLEAR_FRACTION = 0.5


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -60, 60)))


def cross_entropy(logit: np.ndarray, label: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0.0, logit) - label * logit))


def fit_temperature(logit: np.ndarray, label: np.ndarray) -> float:
    """1 / T that minimises cross-entropy. Golden section over ln(1/T) in [-3, 3]; the loss is convex in 1/T."""
    ratio = (5**0.5 - 1) / 2
    low, high = -3.0, 3.0
    for _ in range(60):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if cross_entropy(logit * np.exp(a), label) < cross_entropy(logit * np.exp(b), label):
            high = b
        else:
            low = a
    return float(np.exp((low + high) / 2))


def alarms(probability: np.ndarray, active: np.ndarray, window: np.ndarray, high: float, low: float) -> list[int]:
    """Positions at which an alarm is raised: K of the last N non-overlapping active windows above `high`; it clears below `low`."""
    raised, recent, last, is_open = [], [], None, False
    for at in range(len(probability)):
        if not active[at] or (last is not None and window[at] - last < NON_OVERLAPPING_HOPS):
            continue
        last = window[at]
        recent = [*recent, probability[at] > high][-N:]
        if is_open:
            is_open = probability[at] >= low
            if not is_open:
                recent = []
        elif sum(recent) >= K:
            is_open = True
            raised.append(at)
    return raised


def pick_thresholds(windows: WindowSet, athletes: list[Athlete], logit: np.ndarray) -> dict:
    """
    The lowest `high` on a grid of logits whose false alerts on healthy validation movement stay within the budget, and `low` below it.
    `logit` is calibrated and lies in the order of the athletes' rows.
    """
    healthy_logit, tracks, hours, at = [], [], 0.0, 0
    for athlete in athletes:
        rows = athlete.rows
        mine, at = logit[at : at + len(rows)], at + len(rows)
        healthy = windows.columns["label_altered"][rows] == 0
        moving = (windows.columns["activity"][rows] != "rest") & healthy
        healthy_logit.append(mine[moving])
        hours += moving.sum() / 3600
        tracks.append((sigmoid(mine), moving, windows.columns["window_index"][rows]))
    middle = float(np.median(np.concatenate(healthy_logit))) if hours > 0 else 0.0
    for high_logit in np.arange(-1.0, 6.01, 0.1):
        low_logit = middle + CLEAR_FRACTION * (high_logit - middle) if high_logit > middle else high_logit - 0.5
        high, low = float(sigmoid(high_logit)), float(sigmoid(low_logit))
        count = sum(len(alarms(p, m, w, high, low)) for p, m, w in tracks)
        if count <= FALSE_ALERTS_PER_HOUR * hours:
            break
    bound = (count + 3.0) / max(hours, 1e-9)
    source = (
        f"lowest high (0.1 steps of logit) with at most {FALSE_ALERTS_PER_HOUR} false alerts an active healthy hour on {len(athletes)} simulated "
        f"validation athletes: {count} in {hours:.2f} h, so the true rate is only known to lie below about {bound:.1f} an hour (rule of three); "
        f"{K} of {N} active windows {NON_OVERLAPPING_HOPS} hops apart; low halves the distance in logit to the healthy median"
    )
    return {"high": round(high, 4), "low": round(low, 4), "k": K, "n": N, "source": source}
