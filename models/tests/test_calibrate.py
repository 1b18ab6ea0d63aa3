"""What calibration promises, and that the exported graph carries it."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn.calibrate import Calibration, alarms, fit_calibration, highest_rate, pick_calibration, sigmoid  # noqa: E402
from binn.export import export_graph, random_inputs, session  # noqa: E402
from binn.network import INPUTS, OUTPUTS, Binn  # noqa: E402


def windows(a: float, b: float, athletes: int = 200, each: int = 60, seed: int = 0):
    """Raw logits whose outcomes follow sigmoid(a * raw + b)."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0.5, 2.0, athletes * each)
    return raw, (rng.random(len(raw)) < sigmoid(a * raw + b)).astype(float), np.repeat(np.arange(athletes), each)


class Fit(unittest.TestCase):
    def test_affine_recovers_the_scale_and_the_shift(self):
        for a, b in ((0.5, 0.8), (1.7, -1.2), (1.0, 0.0)):
            raw, label, _ = windows(a, b)
            found = fit_calibration("affine", raw, label)
            self.assertAlmostEqual(found.scale, a, delta=0.08 * a)
            self.assertAlmostEqual(found.shift, b, delta=0.12)

    def test_temperature_undoes_overconfidence_and_shifts_nothing(self):
        raw, label, _ = windows(1 / 3, 0.0)
        found = fit_calibration("temperature", raw, label)
        self.assertAlmostEqual(found.scale, 1 / 3, delta=0.03)
        self.assertEqual(found.shift, 0.0)

    def test_a_broken_line_follows_a_bend_and_never_falls(self):
        raw, _, _ = windows(1, 0)
        true = np.where(raw < 0.5, 0.2 * raw, 2.5 * raw - 1.15)
        label = (np.random.default_rng(1).random(len(raw)) < sigmoid(true)).astype(float)
        found = fit_calibration("isotonic", raw, label)
        middle = np.abs(raw - 0.5) < 3
        self.assertLess(np.abs(found(raw) - true)[middle].mean(), 0.3)
        self.assertTrue((np.diff(found(np.linspace(-9, 9, 200))) > 0).all())

    def test_a_piece_with_one_outcome_stays_finite(self):
        raw = np.linspace(-4, 4, 2000)
        label = np.where(raw < 1, (np.arange(2000) % 7 == 0), True).astype(float)
        for form in ("temperature", "affine", "isotonic"):
            found = fit_calibration(form, raw, label)
            slopes = np.diff(found(np.linspace(-6, 6, 500))) / (12 / 499)
            self.assertTrue((slopes > 0.04).all() and (slopes < 8.1).all(), f"{form}: {slopes.min()} to {slopes.max()}")

    def test_one_outcome_only_is_refused(self):
        with self.assertRaises(ValueError):
            fit_calibration("affine", np.array([0.1, 0.2]), np.ones(2))

    def test_athletes_decide_and_the_form_that_predicts_new_ones_wins(self):
        raw, label, who = windows(0.6, 1.0)
        found, reached = pick_calibration(raw, label, who)
        self.assertIn(found.form, ("affine", "isotonic"))
        self.assertLess(reached["crossEntropy"]["affine"], reached["crossEntropy"]["temperature"])
        # An athlete with a hundred times the windows weighs no more than another.
        many = np.concatenate((raw, np.full(6000, -3.0))), np.concatenate((label, np.ones(6000))), np.concatenate((who, np.full(6000, 999)))
        self.assertAlmostEqual(pick_calibration(*many)[0].shift, found.shift, delta=0.3)


class Graph(unittest.TestCase):
    def test_the_exported_graph_carries_the_calibration_and_the_spread_grows_with_it(self):
        torch.manual_seed(0)
        model = Binn().eval()
        feeds = random_inputs(model.sizes, 8, 0)
        with torch.no_grad():
            raw = dict(zip(OUTPUTS, model(*(torch.from_numpy(feeds[name]) for name in INPUTS))))
        logit, sd = raw["state_logit"].double().numpy()[:, 0], raw["logit_sd"].double().numpy()[:, 0]
        for calibration in (Calibration("affine", 0.5, 1.25), Calibration("isotonic", 0.5, -0.25, (-0.5, 0.3), (1.0, -0.75))):
            calibration.put_into(model)
            with tempfile.TemporaryDirectory() as folder:
                export_graph(model, Path(folder) / "binn.onnx")
                out = dict(zip(OUTPUTS, session(Path(folder) / "binn.onnx").run(list(OUTPUTS), feeds)))
            np.testing.assert_allclose(out["state_logit"][:, 0], calibration(logit), atol=1e-5)
            slope = (calibration(logit + 1e-4) - calibration(logit - 1e-4)) / 2e-4
            np.testing.assert_allclose(out["logit_sd"][:, 0], sd * slope, rtol=1e-3)
        Calibration().put_into(model)
        self.assertFalse(model.bent)


class Alarms(unittest.TestCase):
    def test_alarm_needs_k_of_n_and_does_not_repeat_while_open(self):
        p = np.array([0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
        self.assertEqual(alarms(p, np.ones(9, bool), np.arange(9), 0.8, 0.4), [4])
        self.assertEqual(alarms(p, np.zeros(9, bool), np.arange(9), 0.8, 0.4), [])

    def test_the_highest_rate_is_the_exact_poisson_bound(self):
        # Garwood's table, one-sided 95 %: 3.00 for no event, 4.74 for one, 13.15 for seven.
        for count, expected in ((0, 2.996), (1, 4.744), (7, 13.148)):
            self.assertAlmostEqual(highest_rate(count, 2.0), expected / 2, places=3)


if __name__ == "__main__":
    unittest.main()
