"""Figures of the hazard against brute force, and the rules of its rows."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn.calibrate import sigmoid  # noqa: E402
from binn.evaluate_hazard import calibration_bins, earlier_means  # noqa: E402
from binn.hazard import MOVEMENT, calibrate, cholesky, fit, learn, learn_movement, load_terms, movement_values, predict, sandwich, standardise  # noqa: E402
from binn.hazard_data import RECORDS, Rows, earlier_sessions, record_values, usable  # noqa: E402
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


class LoadTerms(unittest.TestCase):
    def test_finds_all_that_load_does_where_half_goes_through_heart_rate_variability(self):
        rows = rows_of(6000)
        rng = np.random.default_rng(9)
        fatigue, excess = rng.normal(0.0, 0.3, len(rows)), np.maximum(0.0, rng.normal(0.0, 0.3, len(rows)))
        fall = 0.5 * fatigue + 0.05 * rng.normal(size=len(rows))
        rows.columns.update(relativeFatigue=fatigue, acuteExcess=excess, hrvFall=fall)
        rows.columns["label"] = (rng.random(len(rows)) < sigmoid(-2.0 + 0.5 * fatigue + 1.0 * excess + 2.0 * fall)).astype(float)
        terms = load_terms(learn_movement(rows), rows)
        # 0.5 of its own and 2 * 0.5 by way of the fall; of today's fatigue and excess 0.678 and 0.495 are left over a week's days.
        self.assertAlmostEqual(terms["fatigue"] * 0.678, 1.5, delta=0.2)
        self.assertAlmostEqual(terms["loadExcess"] * 0.495, 1.0, delta=0.25)
        self.assertNotIn("hrvFall", terms["adjustedFor"])

    def test_is_never_below_zero(self):
        rows = rows_of(2000)
        rng = np.random.default_rng(10)
        rows.columns["label"] = (rng.random(len(rows)) < sigmoid(-1.0 - 3.0 * (rows.columns["relativeFatigue"] + rows.columns["acuteExcess"]))).astype(float)
        terms = load_terms(learn_movement(rows), rows)
        self.assertEqual((terms["fatigue"], terms["loadExcess"]), (0.0, 0.0))


def rows_of(athletes: int, days: int = 4, width: int = 3, seed: int = 1) -> Rows:
    """Records at random; F_attn holds the day's severity along (1, 2, 0, ...), who somebody is along (0, 1, 1, 0, ...), and noise."""
    rng = np.random.default_rng(seed)
    count = athletes * days
    names = (
        "label", "day", "acuteAu", "chronicAu", "trainingDayAu", "acuteExcess", "relativeFatigue", "hrvFall", "pastInjuries", "returned", "age", "severity", "activeWindows",
    )
    columns = {name: 0.1 + rng.random(count) for name in names}
    columns["activeWindows"] = np.full(count, 9.0)
    columns["athlete"] = np.repeat(np.arange(athletes), days).astype(float)
    along, person = np.zeros(width), np.zeros(width)
    along[:2], person[1:3] = (1, 2), (1, 1)
    f = np.outer(columns["severity"], along) + np.outer(np.repeat(rng.normal(size=athletes), days), person) + 0.05 * rng.normal(size=(count, width))
    split = np.where(columns["athlete"] % 4 < 3, "train", "validation")
    return Rows(columns, split, f, f, earlier_sessions(np.ones(count, bool), columns["athlete"]))


class RowRules(unittest.TestCase):
    def test_earlier_sessions_are_the_athletes_own_and_before_the_day(self):
        held = np.array([True, True, False, True, True, True])
        rows = earlier_sessions(held, np.array([1, 1, 1, 1, 2, 2]))
        self.assertEqual(rows.tolist(), [[0, 0], [0, 1], [0, 2], [0, 2], [3, 3], [3, 4]])
        few = rows_of(2)
        means = earlier_means(few)
        self.assertTrue(np.isnan(means[[0, 4]]).all())
        np.testing.assert_allclose(means[3], few.f_attn[:3].mean(axis=0))
        np.testing.assert_allclose(means[6], few.f_attn[4:6].mean(axis=0))

    def test_selected_rows_keep_their_earlier_sessions(self):
        rows = rows_of(6)
        movement = {"location": [0.0, 0.1, 0.2], "weights": [1.0, -0.5, 0.25], "prior": 2.0}
        chosen = np.array([3, 5, 17, 22])
        np.testing.assert_array_equal(movement_values(movement, rows)[chosen], movement_values(movement, rows.take(chosen)))
        np.testing.assert_array_equal(record_values(rows)[chosen], record_values(rows.take(chosen)))

    def test_rows_without_label_or_data_are_not_used(self):
        rows = rows_of(12)
        rows.columns["label"][2] = np.nan
        rows.columns["activeWindows"][5] = 4
        rows.columns["acuteExcess"][7] = np.nan
        self.assertEqual(set(range(12)) - set(usable(rows).tolist()), {2, 5, 7})

    def test_prediction_is_the_sum_of_terms(self):
        rows = rows_of(5)
        names = [name for name, _, _ in (*RECORDS, *MOVEMENT)]
        features = [{"name": name, "location": 0.5 if name == "age" else 0.0, "scale": 2.0, "coefficient": 1.0 if name == "age" else 0.0} for name in names]
        movement = {"location": [0.0, 0.0, 0.0], "weights": [1.0, 0.0, 0.0], "prior": 2.0}
        size = len(names) + 1
        model = {"features": features, "movement": movement, "intercept": -2.0, "quantile": 1.96, "cholesky": [[0.5 if i == j == 0 else 0.0 for j in range(i + 1)] for i in range(size)]}
        given, logit = predict(model, rows), (rows.columns["age"] - 0.5) / 2 - 2.0
        for name, shift in (("probability", 0.0), ("upper", 0.98), ("lower", -0.98)):
            np.testing.assert_allclose(given[name], sigmoid(logit + shift), rtol=1e-12)


class Movement(unittest.TestCase):
    def test_change_and_height_above_the_lowest_by_hand(self):
        rows = rows_of(1)
        f = rows.f_attn[:, 0]
        values = movement_values({"location": [0.5, 0.0, 0.0], "weights": [2.0, 0.0, 0.0], "prior": 2.0}, rows)
        m = 2 * (f - 0.5)
        np.testing.assert_allclose(values[0], [m[0], 0.0], atol=1e-12)
        np.testing.assert_allclose(values[3], [m[3] - m[:3].sum() / 5, m[3] - m.min()], atol=1e-12)

    def test_direction_shows_severity_and_is_blind_to_what_an_athlete_always_has(self):
        rows = rows_of(150, days=10, width=6)
        movement = learn_movement(rows)
        self.assertGreater(max(row["r2WithinAthlete"] for row in movement["outOfFold"]), 0.95)
        weights = np.array(movement["weights"])
        self.assertAlmostEqual(weights @ np.array([1.0, 2, 0, 0, 0, 0]), 1.0, delta=0.05)
        moved = rows.f_attn + np.repeat(np.random.default_rng(2).normal(size=(150, 6)), 10, axis=0)
        other = learn_movement(Rows(rows.columns, rows.split, moved, moved, rows.earlier))
        np.testing.assert_allclose(other["weights"], weights, rtol=1e-6)

    def test_noise_gives_no_direction(self):
        rows = rows_of(60, days=8, width=40)
        rows.columns["severity"][:] = np.random.default_rng(3).random(len(rows))
        self.assertLess(max(row["r2WithinAthlete"] for row in learn_movement(rows)["outOfFold"]), 0.02)

    def test_a_hazard_that_hangs_on_severity_is_found_and_calibrated(self):
        rows = rows_of(1500, days=8)
        truth = -2.5 + 3.0 * rows.columns["severity"] + 0.8 * rows.columns["age"]
        rows.columns["label"][:] = np.random.default_rng(4).random(len(rows)) < sigmoid(truth)
        movement = learn_movement(rows.take(np.flatnonzero(rows.split == "train")))
        both, alone = (learn(features, movement, rows) for features in ([*RECORDS, *MOVEMENT], list(RECORDS)))
        self.assertLess(both["metrics"]["heldOutCrossEntropy"], alone["metrics"]["heldOutCrossEntropy"] - 0.02)
        p = predict(both, rows)["probability"]
        held = rows.split == "validation"
        self.assertAlmostEqual(calibration(p[held], rows.columns["label"][held], np.ones((1, held.sum())))["slope"][0], 1.0, delta=0.1)
        self.assertAlmostEqual(p.mean(), rows.columns["label"].mean(), delta=0.01)
        self.assertEqual(len(both["cholesky"]), len(RECORDS) + 3)


class Bins(unittest.TestCase):
    def test_tenths_of_equal_size_with_their_own_share_and_an_interval(self):
        rng = np.random.default_rng(11)
        p = rng.random(5000) * 0.2
        y = (rng.random(5000) < p).astype(float)
        bins = calibration_bins(p, y, draws(np.arange(5000) // 10, 50, rng))
        self.assertEqual([row["count"] for row in bins], [500] * 10)
        self.assertEqual(sum(row["positive"] for row in bins), y.sum())
        self.assertTrue((np.diff([row["predicted"] for row in bins]) > 0).all())
        for row, part in zip(bins, np.array_split(np.sort(p), 10)):
            estimate, low, high = row["observed"]
            self.assertAlmostEqual(row["predicted"], part.mean(), 4)
            self.assertAlmostEqual(estimate, row["positive"] / 500, 3)
            self.assertTrue(low <= estimate <= high and high > low)


if __name__ == "__main__":
    unittest.main()
