"""
Calibration of the logit and thresholds, from athletes that training has not seen: a fresh set (release.py), else the validation athletes.

A calibration takes the raw logit to one whose sigmoid is a frequency. Three forms are tried, each a part of the exported graph:

temperature  logit = a * raw. Undoes over- and underconfidence, cannot move the base rate: with it alone the first network kept an intercept of 0.45 on new athletes.
affine       logit = a * raw + b (Platt).
isotonic     logit = a * raw + b + sum of bends * (raw - knot)+, never falling: a broken line with knots at quantiles of the raw logit. Steps of the usual
             isotonic regression have no slope, so that neither a spread nor an explanation could pass through them; the line keeps its freedom and its order.

Which one serves is decided by cross-validation over these athletes: each fold's athletes are scored by a calibration that never saw them, and
the simplest within one standard error of the lowest cross-entropy wins. Windows at rest are left out (they show no movement, and their probability is not shown). Windows of an athlete
resemble each other, so an athlete and not a window is the unit: every athlete has the same weight altogether, however long they moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import gamma

from .data import Athlete, WindowSet
from .network import BENDS

# False alerts an hour of healthy movement that staff should have to put up with. (chosen: one in ten active hours)
FALSE_ALERTS_PER_HOUR = 0.1
K, N = 3, 5
# Two seconds long, one second apart: every second window is the most that do not overlap.
NON_OVERLAPPING_HOPS = 2
# Clear below half of the way from the healthy median to the raising threshold, in logits. (chosen)
CLEAR_FRACTION = 0.5
FORMS = ("temperature", "affine", "isotonic")
FOLDS = 10
# Slopes of a calibration stay between these: a falling or flat piece would lose the order of athletes, and one past which only one outcome lies would grow without end. (chosen)
SLOPE, STEEPEST = 0.05, 8.0
START = float(np.log((1.0 - SLOPE) / (STEEPEST - 1.0)))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -60, 60)))


def cross_entropy(logit: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None) -> float:
    return float(np.average(np.logaddexp(0.0, logit) - label * logit, weights=weight))


@dataclass(frozen=True)
class Calibration:
    """logit = scale * raw + shift + sum of bends * (raw - knot)+."""

    form: str = "none"
    scale: float = 1.0
    shift: float = 0.0
    knots: tuple[float, ...] = ()
    bends: tuple[float, ...] = ()

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        above = np.maximum(raw[..., None] - np.array(self.knots), 0.0)
        return self.scale * raw + self.shift + above @ np.array(self.bends)

    def put_into(self, model) -> None:
        """Into the buffers of a Binn whose logits are raw."""
        with torch.no_grad():
            model.logit_scale.fill_(self.scale)
            model.logit_shift.fill_(self.shift)
            for buffer, values in ((model.logit_knots, self.knots), (model.logit_bends, self.bends)):
                buffer.zero_()
                buffer[: len(values)] = torch.tensor(values)

    def to_dict(self) -> dict:
        return {
            "form": self.form, "scale": round(self.scale, 4), "shift": round(self.shift, 4), "temperature": round(1.0 / self.scale, 4),
            "knots": [round(v, 4) for v in self.knots], "bends": [round(v, 4) for v in self.bends],
        }


def reaches(x: torch.Tensor, knots: torch.Tensor) -> torch.Tensor:
    """How far each value reaches into each piece of the line, [n, knots + 1]: the line is the sum of these times the pieces' slopes."""
    if len(knots) == 0:
        return x[:, None]
    lengths = torch.cat((torch.diff(knots), torch.full((1,), torch.inf, dtype=knots.dtype)))
    above = torch.minimum(torch.clamp(x[:, None] - knots, min=0.0), lengths)
    return torch.cat((torch.minimum(x, knots[0])[:, None], above), dim=1)


def bounded(free: torch.Tensor) -> torch.Tensor:
    """Slopes between SLOPE and STEEPEST from numbers without bounds; START gives 1."""
    return SLOPE + (STEEPEST - SLOPE) * torch.sigmoid(free)


def fit_calibration(form: str, raw: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None) -> Calibration:
    """
    The calibration of this form with the least weighted cross-entropy. raw, label (0 or 1), weight: [n]. Both outcomes must occur. All three losses are
    convex in slopes and shift; slopes are kept between SLOPE and STEEPEST by a logistic function, and L-BFGS finds the minimum.
    """
    if not 0 < label.mean() < 1:
        raise ValueError("calibration needs windows of both kinds")
    x, y = torch.tensor(raw, dtype=torch.float64), torch.tensor(label, dtype=torch.float64)
    w = torch.ones_like(x) if weight is None else torch.tensor(weight, dtype=torch.float64)
    knots = np.quantile(raw, np.linspace(0, 1, BENDS + 2)[1:-1]) if form == "isotonic" else np.empty(0)
    reach = reaches(x, torch.tensor(knots, dtype=torch.float64))
    slopes = torch.full((reach.shape[1],), START, dtype=torch.float64, requires_grad=True)
    shift = torch.zeros(1, dtype=torch.float64, requires_grad=form != "temperature")
    optimiser = torch.optim.LBFGS([p for p in (slopes, shift) if p.requires_grad], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-9, tolerance_change=1e-12)

    def loss():
        optimiser.zero_grad()
        logit = reach @ bounded(slopes) + shift
        value = (w * (torch.nn.functional.softplus(logit) - y * logit)).sum() / w.sum()
        value.backward()
        return value

    optimiser.step(loss)
    found = bounded(slopes).detach().numpy()
    return Calibration(form, float(found[0]), float(shift.detach()), tuple(map(float, knots)), tuple(map(float, np.diff(found))))


def pick_calibration(raw: np.ndarray, label: np.ndarray, who: np.ndarray, seed: int = 0, folds: int = FOLDS) -> tuple[Calibration, dict]:
    """
    The simplest form whose cross-validated cross-entropy is within one standard error (over athletes, paired) of the least, fitted on everybody, and what each form
    reached. who: athlete of each window; athletes weigh the same.
    """
    numbers, mine, counts = np.unique(who, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[mine]
    fold = np.random.default_rng(seed).permutation(len(numbers))[mine] % folds

    def by_athlete(logit: np.ndarray) -> np.ndarray:
        return np.bincount(mine, weight * (np.logaddexp(0.0, logit) - label * logit))

    reached = {}
    for form in FORMS:
        held = np.empty(len(raw))
        for part in range(folds):
            kept = fold != part
            held[~kept] = fit_calibration(form, raw[kept], label[kept], weight[kept])(raw[~kept])
        reached[form] = by_athlete(held)
    least = min(reached.values(), key=np.mean)
    best = next(form for form in FORMS if np.mean(reached[form] - least) <= np.std(reached[form] - least) / len(numbers) ** 0.5)
    return fit_calibration(best, raw, label, weight), {
        "crossEntropy": {form: round(float(loss.mean()), 5) for form, loss in {"none": by_athlete(raw), **reached}.items()},
        "folds": folds, "athletes": len(numbers), "windows": len(raw),
    }


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


def highest_rate(count: int, hours: float) -> float:
    """Upper 95 % bound, one-sided, of the rate of a Poisson process that gave `count` events in `hours`: exact (Garwood 1936). With none it is the rule of three."""
    return float(gamma.ppf(0.95, count + 1)) / max(hours, 1e-9)


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
    bound = highest_rate(count, hours)
    source = (
        f"lowest high (0.1 steps of logit) with at most {FALSE_ALERTS_PER_HOUR} false alerts an active healthy hour on {len(athletes)} simulated "
        f"athletes that training has not seen: {count} in {hours:.2f} h, so the true rate is only known to lie below {bound:.2f} an hour (95 %, Poisson); "
        f"{K} of {N} active windows {NON_OVERLAPPING_HOPS} hops apart; low halves the distance in logit to the healthy median"
    )
    return {"high": round(high, 4), "low": round(low, 4), "k": K, "n": N, "source": source}
