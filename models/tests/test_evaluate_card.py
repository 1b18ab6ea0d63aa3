"""The card from the least of files and from full ones, the plots that can be drawn, the views of missing sensors, the plain LSTM's inputs."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

MODELS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(MODELS))

from binn import baseline_lstm, card, metrics, plots, robustness  # noqa: E402
from binn.evaluate import curves  # noqa: E402
from binn.scoring import hide_groups  # noqa: E402

CONTRACT = {
    "version": "9.9.9", "sha256": "aa", "window": {"lengthS": 2, "rateHz": 100, "hopS": 1}, "bio": [{}] * 3, "phys": [{}], "perf": [{}], "context": [{}],
    "minimum": {"bioChannels": 6, "observedFraction": 0.5}, "thresholds": {"high": 0.9, "low": 0.5, "k": 3, "n": 5, "source": "a test"},
    "trainedOn": {"what": "simulated athletes only", "athletes": {"train": 3, "validation": 1, "test": 1}, "windows": {"train": 30, "validation": 10, "test": 10}},
}


def files(**given) -> dict:
    empty = {"contract": CONTRACT, "evaluation": None, "others": {}, "leak": None, "robustness": None, "segments": None, "experiments": None, "hazard": None, "gait": None, "notes": {}, "plots": set()}
    return {**empty, **given}


def evaluation(slope: float = 1.0) -> dict:
    line = {name: [0.8, 0.7, 0.9] for name in card.FIGURE_NAMES} | {"slope": [slope, slope - 0.1, slope + 0.1], "interceptAtSlopeOne": [0.0, -0.1, 0.1], "ece": [0.02, 0.01, 0.04]}
    rng = np.random.default_rng(1)
    p = rng.random(300)
    y = (rng.random(300) < p).astype(int)
    error = {"mae": [0.1, 0.09, 0.11], "rmse": [0.1, 0.09, 0.11], "r2": [0.5, 0.4, 0.6]}
    return {
        "format": 2, "split": "test", "athletes": 10, "windows": 300, "altered": 0.4, "bootstraps": 1000, "modelSha256": "aa", "thresholdRule": "a rule",
        "models": {"binn": line, "lstm": {**line, "aucDifference": [0.1, 0.05, 0.2], "brierDifference": [-0.1, -0.2, -0.05]}},
        "atAlertThreshold": {"threshold": 0.9, "sensitivity": [0.5, 0.4, 0.6], "specificity": [1.0, 1.0, 1.0], "f1": None},
        "ceiling": {"note": "no ceiling in this data set"}, "oracle": {"auc": [1.0, 1.0, 1.0], "note": "1 by definition"},
        "rehab": error, "rehabAltered": error, "performance": error, "byActivity": {"jump": {"windows": 2, "athletes": 1, "note": "too few"}}, "bySensors": {},
        "selective": {"notEnoughData": [0.0, 0.0, 0.0], "answered": None},
        "alerts": {"healthyActiveHours": 1.0, "falseAlerts": 0, "healthyState": None, "becameAltered": 0, "alerted": 0, "delayS": None, "stateOfLast15WindowsMedian": None},
        "dataset": {"seed": 5}, "curves": curves({"binn": p, "lstm": 1 - p}, y),
    }


class Card(unittest.TestCase):
    def test_without_any_figure_every_section_says_so(self):
        text = card.render(files())
        self.assertTrue(text.startswith("# Model card: BINN 9.9.9\n\nNot for diagnosis"))
        for title, _ in card.SECTIONS:
            self.assertEqual(f"## {title}\n" in text, title != "What was looked at before", title)
        self.assertGreaterEqual(text.count("Not measured yet."), 14)
        self.assertIn("| Item | What | Where |", text)

    def test_verdicts_follow_the_figures(self):
        good, bad = card.render(files(evaluation=evaluation())), card.render(files(evaluation=evaluation(1.3)))
        self.assertRegex(good, r"State: calibration slope \| 0.9 to 1.1 \| 1.000 .* \| pass \|")
        self.assertRegex(bad, r"State: calibration slope \| .* \| \*\*falls short\*\* \|")
        self.assertRegex(good, r"share of the way .* \| no ceiling in this data set \| not measured yet \|")
        self.assertRegex(good, r"minus that of every baseline \| interval above 0 \| least: 0.100 \(0.050 to 0.200\) \| pass \|")

    def test_a_report_of_another_graph_is_named(self):
        self.assertIn("Figures of another graph", card.render(files(evaluation={**evaluation(), "modelSha256": "bb"})))
        self.assertNotIn("Figures of another graph", card.render(files(evaluation=evaluation())))

    def test_sets_whose_calibration_fails_are_named(self):
        text = card.render(files(others={"evaluation-seed5.json": evaluation(1.3)}))
        self.assertIn("evaluation-seed5.json: the slope's interval excludes 1", text)

    def test_an_ablation_without_a_cost_is_named(self):
        row = {"parameters": 5, "auc": [0.8, 0.7, 0.9]}
        summary = {"ablation": {"split": "test", "updates": 10, "rows": [
            {"name": "full", **row, "minusFull": None}, {"name": "no attention", **row, "minusFull": {"auc": [-0.01, -0.02, 0.01]}},
            {"name": "no state", **row, "minusFull": {"auc": [-0.2, -0.3, -0.1]}},
        ]}}
        text = card.render(files(experiments=summary))
        self.assertIn("No cost in AUC was shown for: no attention.", text)
        self.assertIn("1 of 2 lower the AUC", text)

    def test_an_older_report_counts_as_not_measured(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "binn.json").write_text(json.dumps(CONTRACT))
            (Path(folder) / "evaluation.json").write_text(json.dumps({"binn": {"auc": [1, 1, 1]}}))
            self.assertIsNone(card.read(Path(folder))["evaluation"])

    def test_gait_figures_and_their_search_are_shown(self):
        report = {
            "auc": {"binn": [0.96, 0.9, 0.99], "age": [0.6, 0.5, 0.7], "standing": [None, None, None]}, "difference": {"binn": {"age": [0.36, 0.2, 0.4]}},
            "adjusted": {"binn": {"both": {"residualAuc": [0.7, 0.6, 0.8], "matchedC": None, "pairs": 4, "likelihoodRatio": {"p": 0.01}}}},
        }
        text = card.render(files(gait=report))
        self.assertIn("| BINN | both | 0.700 (0.600 to 0.800) | - | 4 | 0.0100 |", text)
        self.assertRegex(text, r"AUC beside the age baseline \| ahead \| .* difference 0.360 \(0.200 to 0.400\) \| pass \|")
        self.assertRegex(text, r"AUC beside the speed baseline .* not measured yet \|")
        self.assertRegex(text, r"Real gait: no AUC above 0.95 .* search missing \| \*\*falls short\*\* \|")
        text = card.render(files(gait={**report, "leak": {"shuffledLabels": {"shuffles": 20, "mean": 0.5, "least": 0.4, "most": 0.6}, "evenPartOnly": [0.8, 0.7, 0.9]}}))
        self.assertRegex(text, r"search below \| pass \|")
        self.assertIn("| evenPartOnly | 0.800 (0.700 to 0.900) |", text)


class Plots(unittest.TestCase):
    def test_what_is_there_is_drawn_and_the_rest_skipped_with_a_reason(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            (out / "ablation.svg").write_text("old")
            done = plots.draw({"evaluation": evaluation(), "experiments": None, "hazard": {"calibrationBins": {"predicted": [0.01, 0.02], "observed": [0.0, 0.03]}}, "robustness": None}, out)
            drawn = {path.stem for path in out.glob("*.svg")}
            self.assertEqual(drawn, {"roc", "precision-recall", "calibration", "decision", "hazard-calibration"})
            self.assertEqual(done["ablation"], "skipped: no experiments/summary.json")
            self.assertTrue(all((out / f"{name}.svg").stat().st_size < plots.MAX_BYTES for name in drawn))


class Views(unittest.TestCase):
    def test_hidden_sensors_are_masked_and_nothing_else(self):
        block = {"bio_mask": np.ones((2, 4, 32)), **{f"{name}_mask": np.ones((2, 3)) for name in ("phys", "perf", "context")}}
        hide_groups(robustness.views()["feet only"])(block)
        self.assertEqual(block["bio_mask"][0, 0].sum(), 12)
        self.assertEqual(sum(block[f"{name}_mask"].sum() for name in ("phys", "perf", "context")), 0)
        with self.assertRaises(ValueError):
            hide_groups(("nose",))

    def test_every_view_names_sensors_that_exist(self):
        for hidden in robustness.views().values():
            self.assertTrue(hidden)
            hide_groups(hidden)


class Lstm(unittest.TestCase):
    def test_25_hz_is_the_mean_of_what_was_observed(self):
        bio, mask = np.arange(8.0).reshape(1, 8, 1), np.ones((1, 8, 1))
        mask[0, 1], mask[0, 4:] = 0, 0
        got = baseline_lstm.to_25_hz(bio, mask)
        self.assertEqual(got.shape, (1, 2, 2))
        np.testing.assert_allclose(got[0], [[5 / 3, 0.75], [0, 0]], rtol=1e-3)


class Alone(unittest.TestCase):
    def test_metrics_names_match_the_cards(self):
        names = metrics.binary_figures(np.array([0.2, 0.7]), np.array([0, 1]), 0.5, metrics.Draws(np.array([0, 1]), 2, 1))
        self.assertEqual(set(names), set(card.FIGURE_NAMES))


if __name__ == "__main__":
    unittest.main()
