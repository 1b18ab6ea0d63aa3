"""The stored known answers of the feedback are those the script makes."""

from __future__ import annotations

import json
import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn.feedback_vectors import vectors  # noqa: E402

STORED = Path(__file__).resolve().parents[2] / "test/unit/feedback-vectors.json"


def numbers(value) -> list[float]:
    if isinstance(value, dict):
        return [n for key in sorted(value) for n in numbers(value[key])]
    return [n for one in value for n in numbers(one)] if isinstance(value, list) else [float(value)]


class Vectors(unittest.TestCase):
    def test_the_stored_file_is_what_the_script_makes(self):
        made, stored = numbers(vectors()), numbers(json.loads(STORED.read_text()))
        self.assertEqual(len(made), len(stored))
        np.testing.assert_allclose(made, stored, rtol=1e-6, atol=1e-7)


if __name__ == "__main__":
    unittest.main()
