"""Temporal segments on cases made by hand."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn import segments as s  # noqa: E402
from binn.sessions import Session  # noqa: E402


class Runs(unittest.TestCase):
    def test_runs_of_true(self):
        self.assertEqual(s.segments_of(np.array([1, 1, 0, 1, 0, 0, 1])), [(0, 2), (3, 4), (6, 7)])
        self.assertEqual(s.segments_of(np.zeros(3)), [])
        self.assertEqual(s.segments_of(np.empty(0)), [])

    def test_hysteresis_holds_between_the_thresholds(self):
        got = s.hysteresis(np.array([0.5, 0.9, 0.5, 0.3, 0.5, 0.9]), 0.8, 0.4)
        self.assertEqual(got.tolist(), [False, True, True, False, False, True])

    def test_overlap(self):
        self.assertAlmostEqual(s.overlap((0, 10), (5, 15)), 5 / 15)
        self.assertEqual(s.overlap((0, 5), (5, 9)), 0.0)
        self.assertEqual(s.overlap((2, 2), (2, 2)), 0.0)


class Matching(unittest.TestCase):
    def test_each_true_segment_is_taken_once_by_the_highest_score(self):
        predicted = [(0, 10, 0.5), (1, 10, 0.9), (20, 30, 0.7)]
        self.assertEqual(s.match(predicted, [(0, 10)], 0.5).tolist(), [0, 1, 0])
        self.assertEqual(s.match(predicted, [(0, 10)], 0.95).tolist(), [1, 0, 0])
        self.assertEqual(s.match(predicted, [], 0.5).tolist(), [0, 0, 0])

    def test_missed_segments_lower_the_average_precision(self):
        hit, score = np.array([1, 0, 1]), np.array([0.9, 0.8, 0.7])
        # Recall 1/4 at precision 1, then 2/4 at precision 2/3.
        self.assertAlmostEqual(s.segment_precision(hit, score, 4), 0.25 * 1 + 0.25 * 2 / 3)
        self.assertEqual(s.segment_precision(np.array([0]), np.array([0.9]), 2), 0.0)
        self.assertEqual(s.segment_precision(np.empty(0, int), np.empty(0), 2), 0.0)
        self.assertTrue(np.isnan(s.segment_precision(hit, score, 0)))


class Suite(unittest.TestCase):
    def one(self, truth: list, predicted: list, samples: int = 100) -> dict:
        return s.suite([s.Recording.of_segments(1, samples, truth, predicted)], 1)

    def test_perfect(self):
        got = self.one([[0, 10], [20, 30]], [[0, 10], [20, 30]])
        for name in ("precision", "recall", "dice", "iou", "mIoU", "mAP"):
            self.assertEqual(got[name][0], 1.0, name)

    def test_half_found(self):
        got = self.one([[0, 10], [20, 30]], [[0, 10, 0.9], [50, 60, 0.3]])
        self.assertEqual([got[name][0] for name in ("precision", "recall", "dice")], [0.5, 0.5, 0.5])
        self.assertAlmostEqual(got["iou"][0], 1 / 3, 4)
        self.assertAlmostEqual(got["mIoU"][0], (1 / 3 + 70 / 90) / 2, 4)
        self.assertEqual(got["mAP"][0], 0.5)

    def test_map_counts_the_levels_that_the_overlap_reaches(self):
        # IoU 0.8 passes 0.5 to 0.8: seven of ten levels.
        self.assertEqual(self.one([[0, 10]], [[0, 8]])["mAP"][0], 0.7)

    def test_a_false_segment_with_a_higher_score_costs(self):
        self.assertEqual(self.one([[0, 10]], [[0, 10, 0.4], [50, 60, 0.9]])["mAP"][0], 0.5)

    def test_nothing_predicted_and_nothing_true(self):
        got = self.one([[0, 10]], [])
        self.assertEqual((got["recall"][0], got["mAP"][0], got["precision"]), (0.0, 0.0, None))
        self.assertEqual(self.one([], [[0, 10]]), {"note": "no true segment"})
        self.assertEqual(s.suite([], 1), {"note": "no true segment"})

    def test_segments_are_not_matched_across_recordings(self):
        rows = [s.Recording.of_segments(1, 50, [[0, 10]], []), s.Recording.of_segments(2, 50, [], [[0, 10]])]
        self.assertEqual(s.suite(rows, 1)["mAP"][0], 0.0)

    def test_enough_recordings_give_intervals(self):
        rows = [s.Recording.of_segments(i, 50, [[0, 10]], [[0, 10]] if i % 2 else [[30, 40]]) for i in range(8)]
        got = s.suite(rows, 1)
        self.assertEqual(got["recall"][0], 0.5)
        self.assertLess(got["recall"][1], 0.5)
        self.assertGreater(got["recall"][2], 0.5)


class SensorFaults(unittest.TestCase):
    def one(self, found: list, truth: list, kinds: tuple[str, ...] = ("dropout", "drift")) -> dict:
        return s.suite(s.fault_recordings([Session(1, 10.0, "right", found, truth)], kinds), 1)

    def test_found_intervals_count_at_their_own_sensor_and_kind(self):
        truth = [("foot-left", "dropout", 2.0, 4.0), ("foot-left", "drift", 0.0, 10.0)]
        self.assertEqual(self.one([("foot-left", "dropout", 2.0, 4.0), ("foot-left", "drift", 0.0, 10.0)], truth)["iou"][0], 1.0)
        self.assertEqual(self.one([("foot-right", "dropout", 2.0, 4.0), ("trunk", "drift", 0.0, 10.0)], truth)["recall"][0], 0.0)
        self.assertEqual(self.one([("foot-left", "drift", 2.0, 4.0)], truth, ("dropout",))["recall"][0], 0.0)

    def test_overlapping_true_intervals_of_a_sensor_are_one(self):
        got = self.one([("trunk", "dropout", 1.0, 4.0)], [("trunk", "dropout", 1.0, 3.0), ("trunk", "dropout", 2.5, 4.0)])
        self.assertEqual((got["trueSegments"], got["mAP"][0]), (1, 1.0))

    def test_kinds_without_a_detector_say_so(self):
        self.assertEqual(s.sensor_faults(None, Path("."), ("moved",), 1), {"note": "no detector"})
        self.assertIn("whole session", s.sensor_faults(None, Path("."), ("swapped",), 1)["note"])


class Steps(unittest.TestCase):
    def test_intervals_are_over_subjects(self):
        rows = [{"subject": f"p{i // 4}", "samples": 50, "truth": [[0, 10]], "predicted": [[0, 10]] if i // 4 == 0 else [[30, 40]]} for i in range(8)]
        with tempfile.TemporaryDirectory() as folder:
            (file := Path(folder) / "steps.json").write_text(json.dumps(rows))
            got = s.steps(file, 1)
        # Two subjects, one found and one not: a draw may hold the same one twice.
        self.assertEqual(got["recall"], [0.5, 0.0, 1.0])
        self.assertEqual((got["recordings"], got["trueSegments"]), (8, 8))


if __name__ == "__main__":
    unittest.main()
