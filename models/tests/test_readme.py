"""The table in README.md names lines: they move, so they are checked."""

from __future__ import annotations

import re
import unittest
from pathlib import Path

MODELS = Path(__file__).resolve().parents[1]
# What the line a row points at must contain.
NEEDLES = {
    "2": "def logistic_baseline", "3": "class PlainLstm", "9": "class MultiScaleEncoder", "10": "self.lstm(", "11": "def residual", "12": "def cumulative", "13": "class SequenceAttention",
    "14, 15": "class Branch", "16": "# eq. 16", "17": "class GatedUpdate", "18": "# eq. 20", "19": "class TokenAttention", "20": "# eq. 20", "21": "# eq. 21",
    "22": "def consistency_loss", "23": "def regularisation", "24 (46)": "def total",
}


class Table(unittest.TestCase):
    def test_every_row_points_at_its_line(self):
        rows = re.findall(r"^\| ([\d, ()]+) \|[^|]*\| \[`([a-z_]+\.py):(\d+)`\]", (MODELS / "README.md").read_text(), re.M)
        self.assertEqual([row[0] for row in rows], list(NEEDLES))
        for equation, file, line in rows:
            text = (MODELS / "binn" / file).read_text().splitlines()[int(line) - 1]
            self.assertIn(NEEDLES[equation], text, f"equation {equation}")


if __name__ == "__main__":
    unittest.main()
