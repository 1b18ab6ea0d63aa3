"""The data set of `npm run dataset:season`: one row a landmark day of one athlete at risk, and the features of the hazard made from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

# Below these there is no figure. (chosen: a pooled F_attn is a mean over at least three windows that do not overlap; load as science.md has it)
MINIMUM = {"activeWindows": 5, "loadDays": 28}


@dataclass(frozen=True)
class Rows:
    """
    Landmark rows, by athlete and day. `columns` has one array a name; f_attn is [rows, width]. sessions: F_attn of every session day that has one, [sessions, width], shared by
    all selections of rows; the athlete's sessions before row i are sessions[earlier[i, 0] : earlier[i, 1]].
    """

    columns: dict[str, np.ndarray]
    split: np.ndarray
    f_attn: np.ndarray
    sessions: np.ndarray
    earlier: np.ndarray

    def __len__(self) -> int:
        return len(self.split)

    def take(self, rows: np.ndarray) -> "Rows":
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Rows(columns, self.split[rows], self.f_attn[rows], self.sessions, self.earlier[rows])


def earlier_sessions(held: np.ndarray, athlete: np.ndarray) -> np.ndarray:
    """[rows, 2]: first and end, among the rows that held a session, of the athlete's sessions before each row. Rows lie by athlete and day."""
    end = np.cumsum(held) - held
    first = np.concatenate(([True], athlete[1:] != athlete[:-1]))
    return np.column_stack((np.maximum.accumulate(np.where(first, end, 0)), end)).astype(np.int64)


def read_rows(folder: Path) -> tuple[Rows, dict]:
    """All rows of a folder, and season.json."""
    files = sorted(folder.glob("season-*.arrow"))
    if not files:
        raise FileNotFoundError(f"no season-*.arrow in {folder}: run `npm run dataset:season -- --out {folder}` first")
    table = pa.concat_tables([pa.ipc.open_file(pa.memory_map(str(file))).read_all() for file in files])
    columns = {name: table[name].to_numpy().astype(np.float64) for name in table.column_names if name not in ("split", "fAttn")}
    f_attn = table["fAttn"].combine_chunks().flatten().to_numpy().reshape(len(table), -1).astype(np.float64)
    order = np.lexsort((columns["day"], columns["athlete"]))
    columns = {name: values[order] for name, values in columns.items()}
    f_attn, split = f_attn[order], np.array(table["split"].to_pylist())[order]
    held = np.isfinite(f_attn).all(axis=1)
    return Rows(columns, split, f_attn, f_attn[held], earlier_sessions(held, columns["athlete"])), json.loads((folder / "season.json").read_text())


def usable(rows: Rows) -> np.ndarray:
    """Rows with a matured label and enough data for a figure: 28 days of load is kept by the landmark days themselves."""
    enough = (rows.columns["activeWindows"] >= MINIMUM["activeWindows"]) & np.isfinite(rows.columns["acuteExcess"])
    return np.flatnonzero(np.isfinite(rows.columns["label"]) & enough)


# Name, unit, group; values() gives them. What the records say, without BINN.
RECORDS = (
    ("relativeFatigue", "1", "load"),
    ("acuteExcess", "1", "load"),
    ("lnAcuteChronic", "ln", "load"),
    ("lnChronicPlan", "ln", "load"),
    ("hrvFall", "ln ms", "hrv"),
    ("lnPastInjuries", "ln(1 + n)", "history"),
    ("returned", "1", "history"),
    ("age", "a", "context"),
)


def record_values(rows: Rows) -> np.ndarray:
    """[rows, len(RECORDS)], NaN where not known."""
    c = rows.columns
    made = {
        "lnAcuteChronic": np.log(np.maximum(c["acuteAu"], 1.0) / np.maximum(c["chronicAu"], 1.0)),
        # Over the athlete's own plan: low where training was missed, and more of it is to come than was done. The floor stands for hardly any load. (chosen)
        "lnChronicPlan": np.log(np.maximum(c["chronicAu"] / c["trainingDayAu"], 0.05)),
        "lnPastInjuries": np.log1p(c["pastInjuries"]),
    }
    return np.column_stack([made.get(name, c.get(name)) for name, _, _ in RECORDS])
