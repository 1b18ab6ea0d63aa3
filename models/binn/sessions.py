"""sessions.json of `npm run dataset`: what the service's session metrics find in each simulated session, beside the truth about its sensors.

One entry an athlete: whether left and right were found exchanged (`sides`), and intervals of faults of its IMUs, found and true, in seconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

# What every simulated athlete wears and the detectors look at.
IMUS = ("foot-left", "foot-right", "trunk")
# Kinds of fault with a detector of intervals, which calls them by the same name. Exchanged sides are judged for the whole session.
DETECTED = ("dropout", "saturation", "drift")

Spans = list[tuple[float, float]]


@dataclass(frozen=True)
class Session:
    athlete: int
    seconds: float
    sides: str
    # (placement, kind, start, end)
    found: list[tuple[str, str, float, float]]
    truth: list[tuple[str, str, float, float]]


def read_sessions(folder: Path) -> dict[int, Session] | None:
    """By athlete; None where the folder has no such file. Another set's file beside dataset.json is refused (ValueError)."""
    file = folder / "sessions.json"
    if not file.exists():
        return None
    stored, described = json.loads(file.read_text()), json.loads((folder / "dataset.json").read_text())
    for name in ("seed", "secondsPerAthlete", "fault"):
        if stored[name] != described[name]:
            raise ValueError(f"{file} is of another set than dataset.json beside it: {name} is {stored[name]}, not {described[name]}")
    return {
        row["athlete"]: Session(row["athlete"], float(stored["secondsPerAthlete"]), row["sides"], [tuple(one) for one in row["found"]], [tuple(one) for one in row["truth"]])
        for row in stored["sessions"]
    }


def spans_of(intervals: list[tuple[str, str, float, float]], placement: str, kind: str) -> Spans:
    """Those of one sensor and kind, joined where they touch, in order."""
    out: Spans = []
    for start, end in sorted((start, end) for where, what, start, end in intervals if (where, what) == (placement, kind)):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def length(spans: Spans) -> float:
    return sum(end - start for start, end in spans)


def shared(a: Spans, b: Spans) -> float:
    """Seconds in both; each list without overlap in itself, as spans_of gives it."""
    return sum(max(0.0, min(x[1], y[1]) - max(x[0], y[0])) for x in a for y in b)
