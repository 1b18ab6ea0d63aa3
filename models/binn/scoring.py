"""What an evaluation needs of a data set: the exported graph's scores as the service would give them, and columns beside the model's inputs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from .channels import Z_CLIP, sensor_groups
from .data import Athlete, WindowSet
from .export import session
from .network import INPUTS

STATES = (("state_final", "next_final"), ("state_a", "next_a"), ("state_h", "next_h"))
OUTPUT_NAMES = ("state_logit", "rehab", "performance", "logit_sd")
ATHLETES_AT_ONCE = 64
# A z at the edge was clipped; half precision may round it a little down.
EDGE = Z_CLIP - 0.01


def score_exported(windows: WindowSet, athletes: list[Athlete], graph: Path, minimum: dict, hide=None) -> dict[str, np.ndarray]:
    """
    Runs the exported graph as the service does, athlete by athlete with carried state, many athletes a batch. `hide(block)` may mask inputs first.
    Gives arrays [rows] in the order of the athletes' rows: the graph's outputs, `observed` (movement channels seen over at least
    `minimum["observedFraction"]` of the window) and `clipped` (share of observed samples at the edge of the z-scores).
    A window below the minimum is scored all the same; whether its score counts is the caller's question.
    """
    runner = session(graph)
    parts = [_score_batch(runner, windows, athletes[at : at + ATHLETES_AT_ONCE], minimum, hide) for at in range(0, len(athletes), ATHLETES_AT_ONCE)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _score_batch(runner, windows: WindowSet, athletes: list[Athlete], minimum: dict, hide) -> dict[str, np.ndarray]:
    widths = {spec.name: spec.shape[1] for spec in runner.get_inputs() if spec.name.startswith("state_")}
    names = [spec.name for spec in runner.get_outputs()]
    out = {name: [np.empty(len(a.rows), np.float32) for a in athletes] for name in (*OUTPUT_NAMES, "observed", "clipped")}
    state = {name: np.zeros((len(athletes), width), np.float32) for name, width in widths.items()}
    for step in range(max(len(a.rows) for a in athletes)):
        live = [i for i, a in enumerate(athletes) if step < len(a.rows)]
        block = windows.read(np.array([athletes[i].rows[step] for i in live]))
        if hide is not None:
            hide(block)
        if step == 0:
            block["elapsed"][:] = 0.0
        given = dict(zip(names, runner.run(None, {name: block[name] if name in block else state[name][live] for name in INPUTS})))
        for into, source in STATES:
            state[into][live] = given[source]
        seen = _seen(block, minimum["observedFraction"])
        for at, i in enumerate(live):
            for name in OUTPUT_NAMES:
                out[name][i][step] = given[name][at, 0]
            for name, values in seen.items():
                out[name][i][step] = values[at]
    return {name: np.concatenate(parts) for name, parts in out.items()}


def _seen(block: dict[str, np.ndarray], fraction: float) -> dict[str, np.ndarray]:
    """Per window: channels observed long enough, and the share of observed samples whose z was clipped."""
    mask = block["bio_mask"]
    count = mask.sum(axis=(1, 2))
    edge = (np.abs(block["bio"]) >= EDGE) & (mask > 0)
    return {"observed": (mask.mean(axis=1) >= fraction).sum(axis=1), "clipped": edge.sum(axis=(1, 2)) / np.maximum(count, 1)}


def time_graph(windows: WindowSet, rows: np.ndarray, graph: Path, batch: int = 8, runs: int = 100) -> dict:
    """Size of the file, and milliseconds of CPU a window on one thread (the median run: waiting for a busy machine is not the graph's cost)."""
    runner = session(graph)
    block = windows.read(rows[np.arange(batch) % len(rows)])
    widths = {spec.name: spec.shape[1] for spec in runner.get_inputs() if spec.name.startswith("state_")}
    feeds = {name: block[name] if name in block else np.zeros((batch, widths[name]), np.float32) for name in INPUTS}
    took = []
    for _ in range(runs + 10):
        start = time.process_time()
        runner.run(None, feeds)
        took.append(time.process_time() - start)
    return {"bytes": graph.stat().st_size, "msPerWindow": round(float(np.median(took[10:])) * 1000 / batch, 4), "batch": batch}


def extra_column(folder: Path | list[Path], name: str) -> np.ndarray | None:
    """A column that data.py does not read, over the rows in the same order (folder by folder, files by name, batches as they lie); None where a file has none."""
    parts = []
    for file in (file for one in (folder if isinstance(folder, list) else [folder]) for file in sorted(one.glob("*.arrow"))):
        reader = pa.ipc.open_file(pa.memory_map(str(file)))
        if name not in reader.schema.names:
            return None
        for index in range(reader.num_record_batches):
            parts.append(np.asarray(reader.get_batch(index).column(name).to_pylist()))
    return np.concatenate(parts) if parts else None


def float_column(folder: Path | list[Path], name: str, rows: np.ndarray) -> np.ndarray | None:
    """A column of numbers at these rows, or None where it is absent or NaN throughout."""
    column = extra_column(folder, name)
    values = None if column is None else column.astype(np.float64)[rows]
    return values if values is not None and np.isfinite(values).any() else None


def rows_of(athletes: list[Athlete]) -> np.ndarray:
    return np.concatenate([athlete.rows for athlete in athletes]) if athletes else np.empty(0, np.int64)


def movement_with_label(windows: WindowSet, rows: np.ndarray) -> np.ndarray:
    """Mask [rows]: the window has a label and is no rest ("state" is about movement: rest shows none)."""
    return np.isfinite(windows.columns["label_altered"][rows]) & (windows.columns["activity"][rows] != "rest")


def sensors_of(windows: WindowSet, athletes: list[Athlete]) -> dict[str, np.ndarray]:
    """Mask over the athletes' rows for each way of being equipped: what an athlete had in at least half of the windows that were looked at (every tenth)."""
    had: dict[str, list[np.ndarray]] = {}
    groups = sensor_groups()
    for athlete in athletes:
        block = windows.read(athlete.rows[::10])
        share = {name: float((block["bio_mask"][..., indices].mean(axis=(1, 2)) > 0.5).mean()) for name, indices in groups.items()}
        share |= {name: float((block[f"{name}_mask"].sum(axis=1) > 0).mean()) for name in ("phys", "perf")}
        there = {name: value >= 0.5 for name, value in share.items()}
        feet_and_trunk = there["foot-left"] and there["foot-right"] and there["trunk"]
        kinds = {
            "both feet and trunk": feet_and_trunk, "a foot or the trunk missing": not feet_and_trunk,
            "force plates": there["force-left"] or there["force-right"], "no force plates": not (there["force-left"] or there["force-right"]),
            "watch": there["phys"], "no watch": not there["phys"], "position": there["perf"], "no position": not there["perf"],
        }
        for name, value in kinds.items():
            had.setdefault(name, []).append(np.full(len(athlete.rows), value))
    return {name: np.concatenate(parts) for name, parts in had.items()}


def hide_groups(names: tuple[str, ...]):
    """A function that masks these sensors or branches (names of sensor_groups, phys, perf, context) in a block of numpy arrays or tensors, in place."""
    groups = sensor_groups()
    unknown = [name for name in names if name not in groups and name not in ("phys", "perf", "context")]
    if unknown:
        raise ValueError(f"no such sensor or branch: {', '.join(unknown)}")

    def hide(block: dict) -> None:
        for name in names:
            if name in groups:
                block["bio_mask"][..., groups[name]] = 0.0
            else:
                block[f"{name}_mask"][:] = 0.0

    return hide


def dump(report: dict) -> str:
    """JSON with indents, but lists of numbers (and of such lists) on one line."""
    return _dump(report, "") + "\n"


def _dump(value, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, dict) and value:
        return "{\n" + ",\n".join(f"{inner}{json.dumps(key)}: {_dump(item, inner)}" for key, item in value.items()) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "[\n" + ",\n".join(inner + _dump(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, allow_nan=False)
