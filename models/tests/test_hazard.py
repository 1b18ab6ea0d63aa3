"""Figures of the hazard against brute force, and the rules of its rows."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn.calibrate import sigmoid  # noqa: E402
from binn.hazard import calibrate, cholesky, fit, predict, sandwich, standardise  # noqa: E402
from binn.hazard_data import RECORDS, Rows, earlier_mean, usable  # noqa: E402
from binn.hazard_metrics import auc, calibration, draws, grouped_auc, interval  # noqa: E402


def brute(score: np.ndarray, y: np.ndarray, together) -> float:
    """AUC over all pairs (positive, negative) for which together(i, j)."""
    won = pairs = 0.0
    for i in np.flatnonzero(y == 1):
        for j in np.flatnonzero(y == 0):
            if together(i, j):
                pairs += 1
                won += 1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0
    return won / pairs


def some(seed: int, rows: int = 120):
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < 0.3).astype(float)
    score = np.round(rng.normal(size=rows) + y, 1)  # rounded: ties
    return score, y, np.sort(rng.integers(0, 12, rows)), rng.integers(0, 8, rows)


class Concordance(unittest.TestCase):
    def test_overall_within_and_between_equal_brute_force(self):
        for seed in range(5):
            score, y, who, day = some(seed)
            one = np.ones((1, len(y)))
            self.assertAlmostEqual(auc(score, y, one)[0], brute(score, y, lambda i, j: True), 12)
            self.assertAlmostEqual(grouped_auc(score, y, who, one, True)[0], brute(score, y, lambda i, j: who[i] == who[j]), 12)
            self.assertAlmostEqual(grouped_auc(score, y, day, one, False)[0], brute(score, y, lambda i, j: day[i] == day[j]), 12)

    def test_weights_equal_repeated_rows(self):
        score, y, who, day = some(9)
        weight = draws(who, 6, np.random.default_rng(1))
        for w in weight:
            rows = np.repeat(np.arange(len(y)), w.astype(int))
            copy = np.concatenate([np.arange(int(n)) for n in w])
            again = [values[rows] for values in (score, y, who, day)]
            self.assertAlmostEqual(auc(score, y, w[None])[0], brute(again[0], again[1], lambda i, j: True), 12)
            # A copy of an athlete is another athlete.
            same = lambda i, j: again[2][i] == again[2][j] and copy[i] == copy[j]  # noqa: E731
            self.assertAlmostEqual(grouped_auc(score, y, who, w[None], True)[0], brute(again[0], again[1], same), 12)

    def test_a_score_that_says_nothing_is_a_half(self):
        _, y, who, _ = some(3)
        self.assertEqual(auc(np.zeros(len(y)), y, np.ones((1, len(y))))[0], 0.5)
        self.assertTrue(np.isnan(auc(np.zeros(4), np.zeros(4), np.ones((1, 4)))[0]))
        self.assertTrue(np.isnan(grouped_auc(np.zeros(4), np.array([1.0, 0, 0, 0]), np.arange(4), np.ones((1, 4)), True)[0]))

    def test_draws_are_whole_athletes(self):
        who = np.repeat(np.arange(10), 7)
        weight = draws(who, 20, np.random.default_rng(2))
        self.assertTrue((weight[0] == 1).all())
        self.assertTrue((weight.reshape(21, 10, 7) == weight.reshape(21, 10, 7)[:, :, :1]).all())
        self.assertTrue((weight.reshape(21, 10, 7)[:, :, 0].sum(axis=1) == 10).all())
        self.assertIsNone(interval(np.array([np.nan, 1.0])))


class Calibration(unittest.TestCase):
    def test_known_miscalibration_is_found(self):
        rng = np.random.default_rng(4)
        truth = rng.normal(-1.0, 1.2, 60_000)
        y = (rng.random(len(truth)) < sigmoid(truth)).astype(float)
        one = np.ones((1, len(y)))
        good = calibration(sigmoid(truth), y, one)
        self.assertAlmostEqual(good["slope"][0], 1.0, delta=0.03)
        self.assertAlmostEqual(good["intercept"][0], 0.0, delta=0.03)
        self.assertAlmostEqual(good["oe"][0], 1.0, delta=0.02)
        self.assertAlmostEqual(calibration(sigmoid(2 * truth), y, one)["slope"][0], 0.5, delta=0.02)
        self.assertAlmostEqual(calibration(sigmoid(truth - 0.5), y, one)["intercept"][0], 0.5, delta=0.03)
        self.assertTrue(np.isnan(calibration(np.full(len(y), 0.3), y, one)["slope"][0]))


class Fit(unittest.TestCase):
    def test_gradient_is_zero_and_penalty_shrinks(self):
        rng = np.random.default_rng(5)
        x = standardise(rng.normal(size=(4000, 3)), np.zeros(3), np.ones(3))
        y = (rng.random(4000) < sigmoid(x @ np.array([-2.0, 0.8, -0.5, 0.0]))).astype(float)
        for size in (0.0, 10.0, 1e6):
            penalty = np.array([0.0, size, size, size])
            beta, _ = fit(x, y, penalty)
            self.assertLess(np.abs(x.T @ (y - sigmoid(x @ beta)) - penalty * beta).max(), 1e-5)
        self.assertLess(np.abs(beta[1:]).max(), 1e-3)

    def test_sandwich_grows_where_rows_of_one_athlete_are_copies(self):
        rng = np.random.default_rng(6)
        x = standardise(rng.normal(size=(1000, 1)), np.zeros(1), np.ones(1))
        y = (rng.random(1000) < 0.3).astype(float)
        twice, twice_y, who = np.repeat(x, 2, axis=0), np.repeat(y, 2), np.repeat(np.arange(1000), 2)
        beta, hessian = fit(twice, twice_y, np.zeros(2))
        clustered = sandwich(twice, twice_y, beta, hessian, who)
        single = sandwich(x, y, *fit(x, y, np.zeros(2)), np.arange(1000))
        np.testing.assert_allclose(clustered, single, rtol=1e-6)

    def test_calibration_undoes_a_known_shift(self):
        rng = np.random.default_rng(7)
        eta = rng.normal(-1, 1, 50_000)
        y = (rng.random(len(eta)) < sigmoid(0.4 + 0.7 * eta)).astype(float)
        shift, slope, _ = calibrate(eta, y, np.arange(len(eta)))
        self.assertAlmostEqual(shift, 0.4, delta=0.05)
        self.assertAlmostEqual(slope, 0.7, delta=0.04)

    def test_cholesky_is_the_covariance(self):
        half = np.random.default_rng(8).normal(size=(5, 5))
        lower = np.zeros((5, 5))
        for i, row in enumerate(cholesky(half @ half.T)):
            lower[i, : i + 1] = row
        np.testing.assert_allclose(lower @ lower.T, half @ half.T, rtol=1e-4, atol=1e-4)


def rows_of(count: int) -> Rows:
    rng = np.random.default_rng(count)
    names = ("label", "athlete", "day", "acuteAu", "chronicAu", "acuteExcess", "relativeFatigue", "hrvFall", "pastInjuries", "returned", "age", "activeWindows", "stateLogit", "rehab")
    columns = {name: rng.random(count) for name in names}
    columns["activeWindows"] = np.full(count, 9.0)
    columns["athlete"] = np.repeat(np.arange(count), 4)[:count].astype(float)
    f = rng.normal(size=(count, 3))
    return Rows(columns, np.full(count, "train"), f, earlier_mean(f, columns["athlete"]), rng.normal(size=count), rng.random(count))


class RowRules(unittest.TestCase):
    def test_reference_is_the_mean_of_earlier_sessions_only(self):
        values = np.array([[1.0], [3.0], [np.nan], [8.0], [100.0], [7.0]])
        out = earlier_mean(values, np.array([1, 1, 1, 1, 2, 2]))
        self.assertTrue(np.isnan(out[[0, 1, 4, 5]]).all())
        self.assertEqual(out[2, 0], 2.0)
        self.assertEqual(out[3, 0], 2.0)

    def test_rows_without_label_or_data_are_not_used(self):
        rows = rows_of(12)
        rows.columns["label"][2] = np.nan
        rows.columns["activeWindows"][5] = 4
        rows.columns["acuteExcess"][7] = np.nan
        self.assertEqual(set(range(12)) - set(usable(rows).tolist()), {2, 5, 7})

    def test_prediction_is_the_sum_of_terms(self):
        rows = rows_of(9)
        names = [*(name for name, _, _ in RECORDS), "stateLogit", "stateLogitChange", "rehab", "rehabChange", *(f"fAttn[{i}]" for i in range(3)), *(f"fAttnChange[{i}]" for i in range(3))]
        features = [{"name": name, "location": 0.0, "scale": 1.0, "coefficient": 1.0 if name == "age" else 0.0} for name in names]
        model = {"features": features, "intercept": -2.0, "quantile": 1.96, "cholesky": [[0.5 if i == j == 0 else 0.0 for j in range(i + 1)] for i in range(len(names) + 1)]}
        given = predict(model, rows)
        np.testing.assert_allclose(given["probability"], sigmoid(rows.columns["age"] - 2.0), rtol=1e-12)
        np.testing.assert_allclose(given["upper"], sigmoid(rows.columns["age"] - 2.0 + 1.96 * 0.5), rtol=1e-12)


if __name__ == "__main__":
    unittest.main()
