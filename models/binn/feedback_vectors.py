"""Known answers for src/asms/feedback from scikit-learn, scipy and plain numpy: writes test/unit/feedback-vectors.json.

    models/.venv/bin/python models/binn/feedback_vectors.py [--out FILE]

Gradients are numpy's by the formula and scipy's by differences, optima scikit-learn's Ridge and scipy's Newton-CG, the recalibration scikit-learn's
unpenalised LogisticRegression and scipy's root, Brier scikit-learn's, Wilson and Student's quantile scipy's.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import approx_fprime, brentq, minimize
from scipy.special import expit
from scipy.stats import binomtest, t
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import brier_score_loss, log_loss


def performance(seed: int, rows: int = 40, width: int = 6) -> dict:
    """Mean squared error plus lambda / N towards a prior: Ridge on what the prior leaves, the intercept a column with a lambda of its own."""
    rng = np.random.default_rng(seed)
    x = np.column_stack((np.ones(rows), np.round(rng.normal(size=(rows, width)) @ rng.normal(size=(width, width)), 3)))
    prior = np.round(rng.normal(size=width + 1), 3)
    label = np.round(x @ (prior + 0.5 * rng.normal(size=width + 1)) + rng.normal(size=rows), 3)
    lam = np.array([0.16] + [4.0] * width)
    at = np.round(rng.normal(size=width + 1), 3)
    loss = lambda theta: float((((x @ theta - label) ** 2).sum() + (lam * (theta - prior) ** 2).sum()) / rows)  # noqa: E731
    # Ridge has one alpha: coordinates are scaled by sqrt(lambda) so that alpha = 1 penalises each by its own.
    fitted = Ridge(alpha=1.0, fit_intercept=False, tol=1e-14, solver="cholesky").fit(x / np.sqrt(lam), label - x @ prior)
    gradient = (2 * x.T @ (x @ at - label) + 2 * lam * (at - prior)) / rows
    assert np.allclose(gradient, approx_fprime(at, loss, 1e-7), atol=1e-4)
    return {
        "x": x.tolist(), "label": label.tolist(), "prior": prior.tolist(), "lambda": lam.tolist(), "at": at.tolist(),
        "loss": loss(at), "gradient": gradient.tolist(), "optimum": (prior + fitted.coef_ / np.sqrt(lam)).tolist(),
    }


def injury(seed: int, rows: int = 400) -> dict:
    """Log loss of a shifted and scaled logit about a centre, shrunk to (0, 1)."""
    rng = np.random.default_rng(seed)
    centre, weight, lam, prior = -2.5, 1 / 7, np.array([1 / (2 * 0.3**2), 1 / (2 * 0.15**2)]), np.array([0.0, 1.0])
    logit = np.round(centre + rng.normal(size=rows), 3)
    label = (rng.random(rows) < expit(centre + 1.0 + 1.6 * (logit - centre))).astype(int)
    x = np.column_stack((np.ones(rows), logit - centre))
    at = np.array([0.4, 0.7])
    data = lambda theta: log_loss(label, expit(centre + x @ theta), normalize=False, labels=[0, 1])  # noqa: E731
    loss = lambda theta: float((weight * data(theta) + (lam * (theta - prior) ** 2).sum()) / rows)  # noqa: E731
    gradient = lambda theta: (weight * x.T @ (expit(centre + x @ theta) - label) + 2 * lam * (theta - prior)) / rows  # noqa: E731
    assert np.allclose(gradient(at), approx_fprime(at, loss, 1e-7), atol=1e-5)
    found = minimize(loss, prior, jac=gradient, method="BFGS", options={"gtol": 1e-12})
    return {
        "centreLogit": centre, "logit": logit.tolist(), "label": label.tolist(), "at": at.tolist(),
        "loss": loss(at), "gradient": gradient(at).tolist(), "optimum": found.x.tolist(),
    }


def panel(seed: int, rows: int = 500) -> dict:
    rng = np.random.default_rng(seed)
    logit = rng.normal(-2.0, 1.1, rows)
    probability = np.round(expit(logit), 6)
    label = (rng.random(rows) < expit(0.3 + 0.7 * logit)).astype(int)
    given = np.log(probability / (1 - probability))
    slope = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000, solver="newton-cholesky").fit(given[:, None], label)
    intercept = brentq(lambda a: (expit(given + a) - label).sum(), -5, 5, xtol=1e-13)
    return {
        "probability": probability.tolist(), "label": label.tolist(), "brier": float(brier_score_loss(label, probability)),
        "expected": float(probability.sum()), "slope": float(slope.coef_[0, 0]), "intercept": float(intercept),
    }


def wilson(hits: int, count: int) -> dict:
    interval = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    return {"hits": hits, "count": count, "lower": float(interval.low), "upper": float(interval.high)}


def vectors() -> dict:
    return {
        "performance": [performance(seed) for seed in (1, 2)],
        "injury": [injury(seed) for seed in (3, 4)],
        "panel": [panel(seed) for seed in (5, 6)],
        "wilson": [wilson(*pair) for pair in ((0, 10), (3, 10), (10, 10), (1, 1), (12, 840))],
        "student95": [{"freedom": n, "quantile": float(t.ppf(0.95, n))} for n in (7, 11, 19, 29, 199)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[2] / "test/unit/feedback-vectors.json")
    args = parser.parse_args()
    args.out.write_text(json.dumps(vectors(), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
