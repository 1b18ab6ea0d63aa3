"""Figures against scikit-learn, intervals on known cases, the share of the ceiling, baselines' helpers."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, mean_absolute_error, r2_score, recall_score, roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn import metrics  # noqa: E402
from binn.baselines import running_mean  # noqa: E402
from binn.data import Athlete  # noqa: E402
from binn.evaluate import ceiling_figures, net_benefit  # noqa: E402
from binn.scoring import dump  # noqa: E402


def sample(rows: int = 600, athletes: int = 20, seed: int = 1):
    """Probabilities with ties, outcomes that follow them, and whose they are."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, athletes, rows)
    p = np.round(np.clip(rng.beta(1, 1, rows) * 0.7 + 0.3 * (who / athletes), 0.01, 0.99), 2)
    return p, (rng.random(rows) < p).astype(int), who


def drawn(draws: metrics.Draws, at: int) -> np.ndarray:
    """Rows of a draw, repeated as often as their athlete was drawn."""
    return np.repeat(np.arange(len(draws.of)), draws.weights[at][draws.of].astype(int))


class Figures(unittest.TestCase):
    def setUp(self):
        self.p, self.y, self.who = sample()
        self.draws = metrics.Draws(self.who, 50, 3)
        self.figures = metrics.binary_figures(self.p, self.y, 0.455, self.draws)

    def check(self, name: str, of, places: int = 9):
        for at in (0, 1, 17, 50):
            rows = drawn(self.draws, at)
            self.assertAlmostEqual(self.figures[name][at], of(self.y[rows], self.p[rows]), places, f"{name}, draw {at}")

    def test_auc_precision_and_brier_are_scikit_learns_in_every_draw(self):
        self.check("auc", roc_auc_score)
        self.check("averagePrecision", average_precision_score)
        self.check("brier", brier_score_loss)

    def test_decisions_are_scikit_learns_in_every_draw(self):
        self.check("sensitivity", lambda y, p: recall_score(y, p > 0.455))
        self.check("specificity", lambda y, p: recall_score(1 - y, p <= 0.455))
        self.check("f1", lambda y, p: f1_score(y, p > 0.455))
        self.check("observedExpected", lambda y, p: y.mean() / p.mean())

    def test_calibration_lines_are_logistic_regressions(self):
        def line(y, p):
            return LogisticRegression(C=np.inf, tol=1e-8).fit(metrics.logit_of(p)[:, None], y)

        self.check("slope", lambda y, p: line(y, p).coef_[0, 0], 3)
        self.check("intercept", lambda y, p: line(y, p).intercept_[0], 3)
        at = self.figures["interceptAtSlopeOne"][0]
        moved = 1 / (1 + np.exp(-(metrics.logit_of(self.p) + at)))
        self.assertAlmostEqual(moved.sum(), self.y.sum(), 6)

    def test_grouped_lines_of_draws_are_close_with_more_rows_than_groups(self):
        p, y, who = sample(4000, 30, 5)
        rng = np.random.default_rng(2)
        p = np.clip(p + rng.normal(0, 0.004, len(p)), 0.005, 0.995)
        draws = metrics.Draws(who, 10, 4)
        got = metrics.calibration_lines(p, y, draws)
        for at in (1, 10):
            rows = drawn(draws, at)
            line = LogisticRegression(C=np.inf, tol=1e-8).fit(metrics.logit_of(p[rows])[:, None], y[rows])
            self.assertAlmostEqual(got["slope"][at], line.coef_[0, 0], 2)
            self.assertAlmostEqual(got["intercept"][at], line.intercept_[0], 2)

    def test_ece_is_zero_where_shares_agree_and_known_where_not(self):
        p = np.repeat(0.25, 60)
        y = np.tile([1, 0, 0, 0], 15)
        who = np.zeros(60, int)
        self.assertAlmostEqual(metrics.calibration_error(p, y, metrics.Draws(who, 0, 1))[0], 0.0)
        self.assertAlmostEqual(metrics.calibration_error(p + 0.1, y, metrics.Draws(who, 0, 1))[0], 0.1)

    def test_errors_are_scikit_learns_and_leave_out_nan(self):
        rng = np.random.default_rng(0)
        wanted = rng.random(300)
        given = wanted + rng.normal(0, 0.1, 300)
        holes = wanted.copy()
        holes[::7] = np.nan
        got = metrics.error_figures(given, holes, metrics.Draws(np.arange(300) % 12, 5, 1))
        kept = np.isfinite(holes)
        self.assertAlmostEqual(got["mae"][0], mean_absolute_error(wanted[kept], given[kept]))
        self.assertAlmostEqual(got["r2"][0], r2_score(wanted[kept], given[kept]))

    def test_one_class_and_no_rows_are_undefined_and_no_error(self):
        one = metrics.binary_figures(np.full(5, 0.3), np.zeros(5, int), 0.5, metrics.Draws(np.arange(5), 3, 1))
        self.assertIsNone(metrics.interval(one["auc"]))
        self.assertIsNone(metrics.interval(one["slope"]))
        self.assertAlmostEqual(one["brier"][0], 0.09)
        none = metrics.binary_figures(np.empty(0), np.empty(0, int), 0.5, metrics.Draws(np.empty(0, int), 3, 1))
        self.assertTrue(all(metrics.interval(value) is None for value in none.values()))


class Intervals(unittest.TestCase):
    def test_athletes_are_drawn_and_not_windows(self):
        # Two windows of an athlete are the same: the interval is that of half as many rows.
        rng = np.random.default_rng(1)
        value = rng.normal(0, 1, 100)
        draws = metrics.Draws(np.repeat(np.arange(100), 2), 2000, 1)
        mean = draws.sums(np.repeat(value, 2)) / draws.sums(np.ones(200))
        self.assertAlmostEqual(mean[1:].std(), value.std() / 10, 2)
        estimate, low, high = metrics.interval(mean)
        self.assertAlmostEqual(estimate, value.mean(), 4)
        self.assertAlmostEqual((high - low) / 2, 1.96 * value.std() / 10, 1)

    def test_one_athlete_has_no_width(self):
        draws = metrics.Draws(np.zeros(4, int), 20, 1)
        self.assertEqual(metrics.interval(draws.sums(np.ones(4)) / 2), [2.0, 2.0, 2.0])

    def test_a_part_shares_the_draws_of_the_whole(self):
        draws = metrics.Draws(np.array([3, 3, 5, 9]), 7, 1)
        part = draws.rows(np.array([True, False, True, False]))
        self.assertTrue((part.sums(np.array([1.0, 10.0])) == draws.sums(np.array([1.0, 0.0, 10.0, 0.0]))).all())

    def test_an_estimate_that_is_undefined_has_no_interval(self):
        self.assertIsNone(metrics.interval(np.array([np.nan, 1.0, 2.0])))


class Ceiling(unittest.TestCase):
    def test_share_of_the_way(self):
        self.assertAlmostEqual(metrics.share_of_ceiling(np.array([0.86]), np.array([0.9]))[0], 0.9)
        self.assertTrue(np.isnan(metrics.share_of_ceiling(np.array([0.6]), np.array([0.5]))[0]))

    def test_no_ceiling_is_said(self):
        p, y, who = sample()
        draws = metrics.Draws(who, 5, 1)
        for absent in (None, np.full(len(p), np.nan)):
            self.assertEqual(ceiling_figures(absent, {"binn": p}, y, draws), {"note": "no ceiling in this data set"})

    def test_windows_without_a_ceiling_are_left_out(self):
        p, y, who = sample()
        top = p.copy()
        top[::2] = np.nan
        got = ceiling_figures(top, {"binn": p}, y, metrics.Draws(who, 20, 1))
        self.assertEqual(got["windows"], len(p) // 2)
        self.assertEqual(got["shareOfTheWay"]["binn"], [1.0, 1.0, 1.0])
        self.assertEqual(got["aucDifference"]["binn"], [0.0, 0.0, 0.0])


class Rules(unittest.TestCase):
    def test_youden_threshold_separates(self):
        p, y = np.array([0.1, 0.2, 0.3, 0.8, 0.9]), np.array([0, 0, 0, 1, 1])
        self.assertAlmostEqual(metrics.youden_threshold(p, y), 0.55)
        self.assertEqual(metrics.youden_threshold(p, np.zeros(5, int)), 0.5)

    def test_running_mean_starts_anew_with_each_athlete(self):
        athletes = [Athlete(1, "test", np.arange(3)), Athlete(2, "test", np.arange(3, 5))]
        got = running_mean(np.array([1.0, 1.0, 4.0, 7.0, 9.0]), athletes, 1.0)
        np.testing.assert_allclose(got, [1.0, 1.0, (4 + 0.5 + 0.25) / 1.75, 7.0, (9 + 3.5) / 1.5])

    def test_net_benefit_of_calling_everybody(self):
        y = np.array([1, 0, 0, 0])
        self.assertAlmostEqual(net_benefit(np.ones(4), y, np.array([0.2]))[0], 0.25 - 0.75 * 0.25)

    def test_dump_is_json(self):
        import json

        value = {"a": [1, 2.5, None], "b": {"c": [], "d": {}}, "e": [{"f": [1]}, {"f": [2]}]}
        self.assertEqual(json.loads(dump(value)), value)


if __name__ == "__main__":
    unittest.main()
