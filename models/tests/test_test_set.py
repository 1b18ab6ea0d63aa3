"""Two folders as one set: who is in which split, whose rows are whose, and that the weights of a graph are found again."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn.channels import BIO, CONTEXT, PERF, PHYS, WINDOW_SAMPLES  # noqa: E402
from binn.export import load_checkpoint, verify  # noqa: E402
from binn.test_set import TEST_NUMBERS, WithTestSet  # noqa: E402

MODELS = Path(__file__).resolve().parents[1]
SPLITS = ["train", "train", "validation", "test"]


def write_set(folder: Path, value: float, priors: float = 0.0) -> None:
    """Four athletes of two windows each, all inputs `value`."""
    rows, wide = 2 * len(SPLITS), WINDOW_SAMPLES * len(BIO)

    def full(width: int) -> pa.Array:
        return pa.FixedSizeListArray.from_arrays(pa.array(np.full(rows * width, value, np.float32)), width)

    columns = {"bio": full(wide), "bio_mask": full(wide), "domain": full(5), "activity": pa.array(["walk"] * rows), "split": pa.array(np.repeat(SPLITS, 2))}
    columns |= {f"{name}{end}": full(len(rows_of)) for name, rows_of in (("phys", PHYS), ("perf", PERF), ("context", CONTEXT)) for end in ("", "_mask")}
    columns |= {name: pa.array(np.full(rows, value, np.float32)) for name in ("elapsed", "label_altered", "label_rehab", "label_performance")}
    columns |= {"athlete": pa.array(np.repeat(np.arange(4), 2)), "window_index": pa.array(np.tile([0, 1], 4))}
    table = pa.table(columns)
    with pa.ipc.new_file(str(folder / "windows-0000.arrow"), table.schema) as sink:
        sink.write_table(table)
    (folder / "dataset.json").write_text(json.dumps({"seed": value, "contract": {"priors": priors}}))


class TwoFolders(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.first, self.second = Path(self.place.name) / "first", Path(self.place.name) / "second"
        for folder in (self.first, self.second):
            folder.mkdir()
        write_set(self.first, 1.0)
        write_set(self.second, 2.0)

    def tearDown(self):
        self.place.cleanup()

    def test_the_test_athletes_are_all_of_the_second_folder_and_nobody_of_the_first(self):
        windows = WithTestSet(self.first, self.second)
        self.assertEqual([a.athlete for a in windows.of("train")], [0, 1])
        self.assertEqual([a.athlete for a in windows.of("validation")], [2])
        self.assertEqual([a.athlete for a in windows.of("test")], [TEST_NUMBERS + i for i in range(4)])
        self.assertEqual(windows.test_description["seed"], 2.0)

    def test_rows_are_read_from_the_folder_they_lie_in(self):
        windows = WithTestSet(self.first, self.second)
        for split, value in (("train", 1.0), ("validation", 1.0), ("test", 2.0)):
            rows = np.concatenate([a.rows for a in windows.of(split)])
            block = windows.read(rows)
            self.assertEqual({float(v) for v in np.unique(block["bio"])}, {value})
            self.assertEqual({float(v) for v in np.unique(windows.columns["label_altered"][rows])}, {value})

    def test_other_priors_are_refused(self):
        write_set(self.second, 2.0, priors=0.5)
        with self.assertRaisesRegex(ValueError, "--priors"):
            WithTestSet(self.first, self.second)


class Graph(unittest.TestCase):
    def test_the_weights_of_the_shipped_graph_give_its_outputs(self):
        model, stored = load_checkpoint(MODELS / "binn.onnx")
        self.assertLess(verify(model, MODELS / "binn.onnx")["torch"], 1e-5)
        self.assertIn("passes", stored["training"])


if __name__ == "__main__":
    unittest.main()
