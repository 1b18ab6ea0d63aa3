"""The data set of `npm run dataset:season`: one row a landmark day of one athlete at risk, and the features of the hazard made from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

# Sessions an athlete must have had before a change from the own reference is known. (chosen)
REFERENCE_SESSIONS = 2
# Below these there is no figure. (chosen: a pooled F_attn is a mean over at least three windows that do not overlap; load as science.md has it)
MINIMUM = {"activeWindows": 5, "loadDays": 28, "referenceSessions": REFERENCE_SESSIONS}


@dataclass(frozen=True)
class Rows:
    """Landmark rows, by athlete and day. `columns` has one array a name; f_attn is [rows, width]; reference is NaN where not known."""

    columns: dict[str, np.ndarray]
    split: np.ndarray
    f_attn: np.ndarray
    reference: np.ndarray
    reference_logit: np.ndarray
    reference_rehab: np.ndarray

    def __len__(self) -> int:
        return len(self.split)

    def take(self, rows: np.ndarray) -> "Rows":
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Rows(columns, self.split[rows], self.f_attn[rows], self.reference[rows], self.reference_logit[rows], self.reference_rehab[rows])


def earlier_mean(values: np.ndarray, athlete: np.ndarray) -> np.ndarray:
    """Mean over the athlete's earlier rows with values, row by row; NaN before REFERENCE_SESSIONS of them. Rows lie by athlete and day."""
    out = np.full(values.shape, np.nan)
    total, count, last = np.zeros(values.shape[1]), 0, None
    for i, own in enumerate(athlete):
        if own != last:
            total, count, last = np.zeros(values.shape[1]), 0, own
        if count >= REFERENCE_SESSIONS:
            out[i] = total / count
        if np.isfinite(values[i]).all():
            total, count = total + values[i], count + 1
    return out


def read_rows(folder: Path) -> tuple[Rows, dict]:
    """All rows of a folder, and season.json."""
    files = sorted(folder.glob("season-*.arrow"))
    if not files:
        raise FileNotFoundError(f"no season-*.arrow in {folder}: run `npm run dataset:season -- --out {folder}` first")
    table = pa.concat_tables([pa.ipc.open_file(pa.memory_map(str(file))).read_all() for file in files])
    columns = {name: table[name].to_numpy().astype(np.float64) for name in table.column_names if name not in ("split", "fAttn", "fAttnReference")}
    f_attn = table["fAttn"].combine_chunks().flatten().to_numpy().reshape(len(table), -1).astype(np.float64)
    order = np.lexsort((columns["day"], columns["athlete"]))
    columns = {name: values[order] for name, values in columns.items()}
    f_attn, split = f_attn[order], np.array(table["split"].to_pylist())[order]
    own = earlier_mean(np.column_stack((f_attn, columns["stateLogit"], columns["rehab"])), columns["athlete"])
    rows = Rows(columns, split, f_attn, own[:, :-2], own[:, -2], own[:, -1])
    return rows, json.loads((folder / "season.json").read_text())


def usable(rows: Rows) -> np.ndarray:
    """Rows with a matured label and enough data for a figure: 28 days of load is kept by the landmark days themselves."""
    enough = (rows.columns["activeWindows"] >= MINIMUM["activeWindows"]) & np.isfinite(rows.columns["acuteExcess"])
    return np.flatnonzero(np.isfinite(rows.columns["label"]) & enough)


# Name, unit, group; values() gives them. What the records say, without BINN.
RECORDS = (
    ("relativeFatigue", "1", "load"),
    ("acuteExcess", "1", "load"),
    ("lnAcuteChronic", "ln", "load"),
    ("lnChronicAu", "ln AU", "load"),
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
        "lnChronicAu": np.log(np.maximum(c["chronicAu"], 1.0)),
        "lnPastInjuries": np.log1p(c["pastInjuries"]),
    }
    return np.column_stack([made.get(name, c.get(name)) for name, _, _ in RECORDS])


def binn_values(rows: Rows) -> tuple[np.ndarray, list[tuple[str, str, str]]]:
    """State logit, rehabilitation estimate and their changes, F_attn, its change: [rows, 4 + 2 * width] and their names."""
    width = rows.f_attn.shape[1]
    logit, rehab = rows.columns["stateLogit"], rows.columns["rehab"]
    values = np.column_stack((logit, logit - rows.reference_logit, rehab, rehab - rows.reference_rehab, rows.f_attn, rows.f_attn - rows.reference))
    names = ["stateLogit", "stateLogitChange", "rehab", "rehabChange", *(f"fAttn[{i}]" for i in range(width)), *(f"fAttnChange[{i}]" for i in range(width))]
    return values, [(name, "logit" if name.startswith("state") else "1", "binn") for name in names]
