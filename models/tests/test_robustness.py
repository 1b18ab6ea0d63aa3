"""What the service notices of a fault, on sessions made by hand."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn import robustness as r  # noqa: E402
from binn.sessions import length, read_sessions, shared, spans_of  # noqa: E402

HEAD = {"seed": 3, "secondsPerAthlete": 100, "fault": "none"}


def write(folder: Path, rows: list[dict], **head) -> Path:
    folder.mkdir()
    (folder / "dataset.json").write_text(json.dumps(HEAD | head))
    (folder / "sessions.json").write_text(json.dumps(HEAD | head | {"sessions": rows}))
    return folder


def row(athlete: int, sides: str = "right", found: list = (), truth: list = ()) -> dict:
    return {"athlete": athlete, "sides": sides, "found": list(found), "truth": list(truth)}


class Spans(unittest.TestCase):
    def test_joined_in_order_at_one_sensor(self):
        given = [("trunk", "drift", 5.0, 7.0), ("trunk", "drift", 1.0, 2.0), ("trunk", "drift", 2.0, 3.0), ("trunk", "flat", 0.0, 9.0), ("foot-left", "drift", 0.0, 9.0)]
        got = spans_of(given, "trunk", "drift")
        self.assertEqual(got, [(1.0, 3.0), (5.0, 7.0)])
        self.assertEqual((length(got), shared(got, [(2.5, 6.0)]), shared(got, [])), (4.0, 1.5, 0.0))


class Noticed(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def noticed(self, clean: list[dict], hurt: list[dict], kind: str) -> dict:
        sets = write(self.folder / "clean", clean), write(self.folder / "hurt", hurt, fault=kind)
        return r.noticed(*sets, [one["athlete"] for one in hurt], kind, 1)

    def test_sides_are_counted_by_athlete(self):
        truth = [["foot-left", "swapped", 0, 100], ["foot-right", "swapped", 0, 100]]
        clean = [row(1), row(2, "swapped"), row(3, "undecided"), row(4, "swapped", truth=truth)]
        got = self.noticed(clean, [row(1, "swapped"), row(2, "swapped"), row(3, "undecided"), row(4, "swapped")], "swapped")
        self.assertEqual((got["athletes"], got["share"][0], got["undecided"][0]), (4, 0.75, 0.25))
        # Athlete 4 came exchanged: no false alarm, and not among those that could give one.
        self.assertEqual((got["false"][0], got["undecidedWithout"][0]), (0.3333, 0.3333))
        self.assertTrue(got["share"][1] < 0.75 < got["share"][2])

    def test_intervals_are_counted_by_time_at_the_faulty_sensor(self):
        hurt = [row(1, found=[["foot-left", "dropout", 10, 15], ["trunk", "dropout", 12, 20]], truth=[["foot-left", "dropout", 10, 20]])]
        clean = [row(1, found=[["foot-left", "dropout", 0, 3], ["foot-right", "dropout", 50, 52]], truth=[["foot-right", "dropout", 50, 52]])]
        got = self.noticed(clean, hurt, "dropout")
        self.assertEqual((got["of"], got["share"][0]), ("fault time", 0.5))
        self.assertAlmostEqual(got["false"][0], 3 / (300 - 2), 4)

    def test_a_kind_without_detector_says_what_is_found_instead(self):
        hurt = [row(1, found=[["foot-left", "dropout", 0, 20], ["trunk", "flat", 0, 50]], truth=[["foot-left", "rate", 0, 100]])]
        got = self.noticed([row(1, found=[["foot-left", "dropout", 40, 45]])], hurt, "rate")
        self.assertEqual(got["note"], "no detector")
        self.assertEqual({name: (pair["during"][0], pair["without"][0]) for name, pair in got["seenAs"].items()}, {"dropout": (0.2, 0.05)})

    def test_what_is_not_known_is_said(self):
        self.assertIn("not known", r.noticed(self.folder, self.folder, [1], "drift", 1)["note"])
        self.assertIn("not known", self.noticed([row(1)], [row(2)], "drift")["note"])

    def test_another_sets_file_is_refused(self):
        folder = write(self.folder / "one", [row(1)])
        (folder / "dataset.json").write_text(json.dumps(HEAD | {"seed": 4}))
        with self.assertRaisesRegex(ValueError, "seed is 3, not 4"):
            read_sessions(folder)


if __name__ == "__main__":
    unittest.main()
