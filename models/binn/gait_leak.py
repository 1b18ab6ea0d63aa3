"""Where the gait figures come from: what is looked at before they are believed (npm run evaluate:gait -- --leak).

Every entry is an AUC by subject on the same outer folds: estimate and bootstrap interval, but for the shuffled labels.
"""

from __future__ import annotations

import numpy as np
import torch

from . import gait_metrics as metrics
from .gait_data import FEET, GaitSet
from .gait_model import Recipe, choose_strength, head_logits, represent
from .network import Binn

SHUFFLES = 20
ACCELERATIONS = np.array([1, 1, 1, 0, 0, 0] * (len(FEET) // 6), np.float32)


def head_scores(label: np.ndarray, folds, views: list[list[np.ndarray]], recipe: Recipe, seed: int) -> np.ndarray:
    """Out-of-fold logits of heads on these views (one list a fold), the strength chosen inside."""
    scores = np.full(len(label), np.nan)
    for fold in folds:
        own = views[fold.number]
        scores[fold.test] = head_logits(own, label, fold.train, fold.test, choose_strength(own, label, fold.train, recipe.strengths, seed))
    return scores


def standing_still(data: GaitSet) -> tuple[np.ndarray, np.ndarray]:
    """[S, 12] mean and standard deviation of what is left in standing windows once the standing mean is off; zeros for a subject without any."""
    mean, spread = np.zeros((len(data), len(FEET))), np.zeros((len(data), len(FEET)))
    for at in range(len(data)):
        own = [bout.signal for bout in data.still if bout.subject == at]
        if own:
            joined = np.concatenate(own).astype(np.float64)
            mean[at], spread[at] = joined.mean(axis=0), joined.std(axis=0)
    return mean, spread


def shuffled(label: np.ndarray, folds, views: list[list[np.ndarray]], strength: float, seed: int) -> dict[str, float]:
    """AUC against labels dealt out anew among the subjects; the heads are fitted to them as well, at one strength."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(SHUFFLES):
        dealt = rng.permutation(label)
        scores = np.full(len(label), np.nan)
        for fold in folds:
            if len(set(dealt[fold.train].tolist())) == 2:
                scores[fold.test] = head_logits(views[fold.number], dealt, fold.train, fold.test, strength)
        known = np.isfinite(scores) & np.isin(np.arange(len(label)), np.concatenate([fold.test for fold in folds]))
        if 0 < dealt[known].mean() < 1:
            everybody = np.ones((1, int(known.sum())))
            found.append(float(metrics.auc_draws(dealt[known], scores[known], everybody)[0]))
    return {"shuffles": len(found), "mean": round(float(np.mean(found)), 4), "least": round(min(found), 4), "most": round(max(found), 4)}


def search(data: GaitSet, folds, views: list[list[np.ndarray]], recipe: Recipe, seed: int) -> dict:
    """The search's table."""
    rows = np.sort(np.concatenate([fold.test for fold in folds]))
    counts = metrics.draws(data.label[rows], seed)
    half = views[0][0].shape[1] // 2

    def auc(own: list[list[np.ndarray]]) -> list[float | None]:
        return metrics.auc_interval(data.label[rows], head_scores(data.label, folds, own, recipe, seed)[rows], counts)

    def everywhere(columns: np.ndarray) -> list[list[np.ndarray]]:
        return [[np.nan_to_num(columns)] for _ in folds]

    torch.manual_seed(seed)
    untrained = Binn().eval()
    mean, spread = standing_still(data)
    return {
        "shuffledLabels": shuffled(data.label, folds, views, 0.03, seed),
        "standingMeanAfterSubtraction": auc(everywhere(mean)),
        "standingSpreadAfterSubtraction": auc(everywhere(spread)),
        "standingWindowsThroughUntrainedNetwork": auc(everywhere(represent(untrained, len(data), data.still))),
        "walkingThroughUntrainedNetwork": auc(everywhere(represent(untrained, len(data), data.bouts))),
        "accelerationsOnlyUntrained": auc(everywhere(represent(untrained, len(data), data.bouts, ACCELERATIONS))),
        "angularVelocitiesOnlyUntrained": auc(everywhere(represent(untrained, len(data), data.bouts, 1 - ACCELERATIONS))),
        "evenPartOnly": auc([[view[:, :half] for view in own] for own in views]),
        "oddPartOnly": auc([[view[:, half:] for view in own] for own in views]),
    }
