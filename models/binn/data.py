"""The data set of `npm run dataset`: Arrow IPC files, memory-mapped, one row a window of one athlete, and dataset.json beside them.

Columns: bio, bio_mask (fixed-size lists, T * channels), phys, phys_mask, perf, perf_mask, context, context_mask, elapsed, activity,
label_altered, label_rehab, label_performance, domain (fixed-size list, NaN = not measured), athlete, window_index, split.
Labels may be NaN: such a row counts in no loss. Rows of one athlete lie in order of window_index.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from . import channels

WIDE = ("bio", "bio_mask")
NARROW = ("phys", "phys_mask", "perf", "perf_mask", "context", "context_mask", "domain")
SCALAR = ("elapsed", "label_altered", "label_rehab", "label_performance", "athlete", "window_index")
SPLITS = ("train", "validation", "test")


def _column(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """A column as an array without a copy: [rows] or [rows, width]."""
    column = batch.column(name)
    if pa.types.is_fixed_size_list(column.type):
        return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)
    return column.to_numpy(zero_copy_only=False)


def split_of(athlete: int) -> str:
    """60 % train, 20 % validation, 20 % test by a hash of the athlete (splitmix64), so that a larger data set keeps everybody's place."""
    x = (athlete + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    place = (x ^ (x >> 31)) % 10
    return "train" if place < 6 else "validation" if place < 8 else "test"


@dataclass(frozen=True)
class Athlete:
    """Rows of one athlete, in order."""

    athlete: int
    split: str
    rows: np.ndarray


class WindowSet:
    """All windows of a folder. `read` gathers rows; nothing else is held in memory but the narrow columns."""

    def __init__(self, folder: Path) -> None:
        files = sorted(folder.glob("*.arrow"))
        if not files:
            raise FileNotFoundError(f"no .arrow file in {folder}: run `npm run dataset -- --out {folder}` first")
        self.description = json.loads((folder / "dataset.json").read_text()) if (folder / "dataset.json").exists() else {}
        self._wide: list[tuple[np.ndarray, np.ndarray]] = []
        narrow: dict[str, list[np.ndarray]] = {name: [] for name in (*NARROW, *SCALAR)}
        splits: list[str] = []
        activity: list[str] = []
        place: list[np.ndarray] = []
        for file in files:
            reader = pa.ipc.open_file(pa.memory_map(str(file)))
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                place.append(np.stack((np.full(len(batch), len(self._wide)), np.arange(len(batch))), axis=1))
                self._wide.append((_column(batch, "bio"), _column(batch, "bio_mask")))
                for name in narrow:
                    narrow[name].append(np.asarray(_column(batch, name), dtype=np.int64 if name in ("athlete", "window_index") else np.float32))
                activity.extend(_names(batch, "activity", channels.ACTIVITY_CLASSES))
                splits.extend(_names(batch, "split", SPLITS) if "split" in batch.schema.names else [])
        self._place = np.concatenate(place)
        self.columns = {name: np.concatenate(parts) for name, parts in narrow.items()}
        self.columns["activity"] = np.array(activity)
        self._check()
        self.athletes = self._group(np.array(splits) if splits else None)

    def __len__(self) -> int:
        return len(self._place)

    def _check(self) -> None:
        wanted = channels.WINDOW_SAMPLES * len(channels.BIO)
        if self._wide[0][0].shape[1] != wanted:
            raise ValueError(f"bio has {self._wide[0][0].shape[1]} values a window, the contract wants {wanted}")
        for name, rows in (("phys", channels.PHYS), ("perf", channels.PERF), ("context", channels.CONTEXT)):
            if self.columns[name].shape[1] != len(rows):
                raise ValueError(f"{name} has {self.columns[name].shape[1]} channels, the contract wants {len(rows)}")

    def _group(self, splits: np.ndarray | None) -> list[Athlete]:
        athlete, window = self.columns["athlete"], self.columns["window_index"]
        order = np.lexsort((window, athlete))
        edges = np.flatnonzero(np.diff(athlete[order])) + 1
        groups = []
        for rows in np.split(order, edges):
            number = int(athlete[rows[0]])
            named = set(splits[rows]) if splits is not None else {split_of(number)}
            if len(named) != 1:
                raise ValueError(f"athlete {number} lies in more than one split: {sorted(named)}")
            groups.append(Athlete(number, named.pop(), rows))
        return groups

    def of(self, split: str) -> list[Athlete]:
        return [athlete for athlete in self.athletes if athlete.split == split]

    def read(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Model inputs (without states) and labels of these rows, as float32."""
        shape = (len(rows), channels.WINDOW_SAMPLES, len(channels.BIO))
        bio, mask = np.empty(shape, np.float32), np.empty(shape, np.float32)
        for at, row in enumerate(rows):
            batch, inside = self._place[row]
            values, observed = self._wide[batch]
            bio[at] = values[inside].reshape(shape[1:])
            mask[at] = observed[inside].reshape(shape[1:])
        out = {"bio": bio, "bio_mask": mask}
        for name in (*NARROW, "elapsed", "label_altered", "label_rehab", "label_performance"):
            out[name] = self.columns[name][rows]
        out["elapsed"] = out["elapsed"][:, None]
        return out


def _names(batch: pa.RecordBatch, column: str, names: tuple[str, ...]) -> list[str]:
    """Strings, dictionary strings or small integers that index `names`."""
    values = batch.column(column).to_pylist()
    return [names[value] if isinstance(value, int) else str(value) for value in values]


def fill_chunks(athletes: list[Athlete], length: int, lanes: int, rng: np.random.Generator):
    """
    Chunks of `length` windows for stateful training: yields (rows [lanes, length], fresh [lanes]) where lane i goes on with the athlete
    that it had before unless fresh. Athletes are shuffled, and each starts at a random window so that chunk borders move. A lane that
    runs out takes the next athlete; the pass ends when no athlete is left, and lanes still empty take part again from the start.
    """
    waiting = [athletes[i] for i in rng.permutation(len(athletes)) if len(athletes[i].rows) >= length]
    if not waiting:
        raise ValueError(f"no athlete has {length} windows")
    left: list[np.ndarray] = [np.empty(0, np.int64)] * lanes
    at = 0
    done = False
    while not done:
        rows = np.empty((lanes, length), np.int64)
        fresh = np.zeros(lanes, bool)
        for lane in range(lanes):
            if len(left[lane]) < length:
                if at >= len(waiting):
                    done = True
                athlete = waiting[at % len(waiting)]
                at += 1
                left[lane] = athlete.rows[rng.integers(0, min(length, len(athlete.rows) - length + 1)) :]
                fresh[lane] = True
            rows[lane], left[lane] = left[lane][:length], left[lane][length:]
        yield rows, fresh
