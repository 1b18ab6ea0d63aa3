"""Baselines and the pairing of data sets on a small made-up set: test labels must not matter, a second LSTM comes from its file."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn import baseline_lstm, baselines  # noqa: E402
from binn.channels import BIO, CONTEXT, PERF, PHYS, WINDOW_SAMPLES  # noqa: E402
from binn.data import Athlete  # noqa: E402
from binn.metrics import logit_of  # noqa: E402
from binn.robustness import common, shared_rows  # noqa: E402
from binn.scoring import rows_of  # noqa: E402

SPLITS = ("train",) * 6 + ("validation",) * 3 + ("test",) * 3
EACH = 20


class MadeUp:
    """A WindowSet of twelve athletes: half of them altered, which their first channel shows; force plates nobody has."""

    def __init__(self, test_labels: float | None = None) -> None:
        rng = np.random.default_rng(0)
        rows = len(SPLITS) * EACH
        athlete = np.repeat(np.arange(len(SPLITS)), EACH)
        altered = (athlete % 2).astype(np.float32)
        self.bio = rng.normal(0, 1, (rows, WINDOW_SAMPLES, len(BIO))).astype(np.float32)
        self.bio[..., 0] += altered[:, None]
        self.mask = np.ones_like(self.bio)
        self.mask[..., [i for i, channel in enumerate(BIO) if channel["kind"] == "force-plate"]] = 0
        self.columns = {"athlete": athlete, "window_index": np.tile(np.arange(EACH), len(SPLITS)), "activity": np.array(["walk"] * (rows - 1) + ["rest"]), "label_altered": altered.copy()}
        for name, channels in (("phys", PHYS), ("perf", PERF), ("context", CONTEXT)):
            self.columns[name] = rng.normal(0, 1, (rows, len(channels))).astype(np.float32)
            self.columns[f"{name}_mask"] = (rng.random((rows, len(channels))) > 0.3).astype(np.float32)
        self.columns["domain"] = np.where(rng.random((rows, 5)) > 0.5, altered[:, None] + rng.normal(0, 1, (rows, 5)), np.nan).astype(np.float32)
        if test_labels is not None:
            self.columns["label_altered"][athlete >= 9] = test_labels
        self.description: dict = {}

    def of(self, split: str) -> list[Athlete]:
        return [Athlete(i, name, np.arange(i * EACH, (i + 1) * EACH)) for i, name in enumerate(SPLITS) if name == split]

    def read(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        return {"bio": self.bio[rows].copy(), "bio_mask": self.mask[rows].copy()}


class Baselines(unittest.TestCase):
    def test_labels_of_test_athletes_do_not_matter(self):
        sets = [MadeUp(), MadeUp(0.0), MadeUp(np.nan)]
        rows = rows_of(sets[0].of("test"))
        for fitted in (baselines.logistic_baseline, lambda s, r: baselines.trees_baseline(s, r)[0]):
            given = [fitted(s, rows) for s in sets]
            self.assertTrue(np.isfinite(given[0]).all() and ((given[0] >= 0) & (given[0] <= 1)).all())
            np.testing.assert_array_equal(given[0], given[1])
            np.testing.assert_array_equal(given[0], given[2])

    def test_trees_find_a_channel_that_shows_it(self):
        windows = MadeUp()
        rows = rows_of(windows.of("test"))
        p, _ = baselines.trees_baseline(windows, rows)
        label = windows.columns["label_altered"][rows]
        self.assertGreater(p[label == 1].min(), p[label == 0].max())

    def test_summaries_are_nan_where_nothing_was_observed_and_right_where_something_was(self):
        windows = MadeUp()
        windows.mask[3, 50:, 0] = 0
        got = baselines.window_summaries(windows, np.array([3]))[0]
        force = [i for i, channel in enumerate(BIO) if channel["kind"] == "force-plate"]
        self.assertTrue(np.isnan(got[force]).all())
        seen = windows.bio[3, :50, 0]
        self.assertAlmostEqual(got[0], seen.mean(), 4)
        self.assertAlmostEqual(got[len(BIO)], seen.std(), 3)
        self.assertAlmostEqual(got[3 * len(BIO)], seen.min(), 4)
        self.assertAlmostEqual(got[5 * len(BIO)], np.sqrt((np.diff(seen) ** 2).mean()), 3)

    def test_running_mean_is_offered_beside_the_window_and_calibrated_on_validation(self):
        windows = MadeUp()
        validation, test = windows.of("validation"), windows.of("test")
        rng = np.random.default_rng(2)
        truth = windows.columns["label_altered"][rows_of([*validation, *test])]
        raw = 1 / (1 + np.exp(-(2 * truth - 1 + rng.normal(0, 3, len(truth)))))
        held = rows_of(validation)
        out, half_life = baselines.with_running_mean(raw, validation, np.ones(len(held), bool), windows.columns["label_altered"][held].astype(int), test)
        self.assertIn(half_life, baselines.HALF_LIVES)
        self.assertGreater(half_life, 1)
        self.assertEqual([len(part) for part in out["running"]], [len(held), 3 * EACH])
        order = np.argsort(logit_of(raw))
        calibrated = np.concatenate(out["window"])[order]
        self.assertTrue((np.diff(calibrated) >= -1e-12).all())

    def test_the_second_lstm_comes_from_its_file(self):
        windows = MadeUp()
        rows = rows_of(windows.of("test"))
        with tempfile.TemporaryDirectory() as folder:
            quiet = lambda line: None  # noqa: E731
            first, facts = baseline_lstm.load_or_fit(windows, Path(folder), 1, 1, quiet)
            again, kept = baseline_lstm.load_or_fit(windows, Path(folder), 1, 1, quiet)
            self.assertEqual((facts["cached"], kept["cached"]), (False, True))
            np.testing.assert_array_equal(baseline_lstm.predict(first, windows, rows), baseline_lstm.predict(again, windows, rows))
            # What it was fitted on decides, not whom it is tested on.
            self.assertEqual(baseline_lstm.digest_of(windows, Path(folder)), baseline_lstm.digest_of(MadeUp(0.0), Path(folder)))
            windows.columns["label_altered"][0] = 1 - windows.columns["label_altered"][0]
            self.assertNotEqual(baseline_lstm.digest_of(windows, Path(folder)), baseline_lstm.digest_of(MadeUp(), Path(folder)))


class Pairing(unittest.TestCase):
    def test_athletes_and_windows_that_both_sets_have(self):
        windows, other = MadeUp(), MadeUp()
        theirs = other.of("test")[::-1][:2]
        mine, hurt = common(windows.of("test"), theirs)
        self.assertEqual([a.athlete for a in mine], [a.athlete for a in hurt])
        self.assertEqual([a.athlete for a in mine], [10, 11])
        other.columns["window_index"] = other.columns["window_index"] + 5
        here, there = shared_rows(windows, mine, other, hurt)
        self.assertEqual(len(here), 2 * (EACH - 5))
        rows, others = rows_of(mine)[here], rows_of(hurt)[there]
        np.testing.assert_array_equal(windows.columns["window_index"][rows], other.columns["window_index"][others])
        np.testing.assert_array_equal(windows.columns["athlete"][rows], other.columns["athlete"][others])


if __name__ == "__main__":
    unittest.main()
