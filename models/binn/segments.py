"""Equations 40 to 44 on temporal segments: precision, recall, IoU, mIoU and mAP, with Dice, on test athletes.

    python -m binn.segments --data DIR --model models --steps steps.json --out models/segments.json

Three kinds of segments. Altered movement: runs of windows with the label, against runs of a state that starts above one threshold and ends below a lower
one. Sensor faults: what the service's own detectors found against the truth, from sessions.json of `npm run dataset`, a recording for each IMU and kind of
fault, in hundredths of a second. Steps: what the service's detector found against the annotation, from the steps.json that `npm run dataset -- --data DIR`
writes: [{"subject": name, "samples": n, "truth": [[start, end], ...], "predicted": [[start, end] or [start, end, score], ...]}, ...], ends exclusive.
Intervals are over athletes or subjects.

Precision, recall, Dice (F1) and IoU (Jaccard) are scikit-learn's, per time sample; mIoU is the mean over the two classes. mAP is the mean over temporal
IoU 0.5, 0.55, ... 0.95 of scikit-learn's average precision over predicted segments, times the share of true segments found: average_precision_score knows
the predicted segments only, and ones never predicted have precision 0. Matching, at each IoU: predicted segments by falling score, each takes the
free true segment of its own recording with the largest IoU if that reaches the level; what finds none is false. (torchmetrics' MeanAveragePrecision needs
torchvision, which has no CPU build here.)
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, jaccard_score, precision_score, recall_score

from .calibrate import CLEAR_FRACTION, sigmoid
from .data import WindowSet
from .metrics import Draws, interval, logit_of, youden_threshold
from .scoring import dump, movement_with_label, rows_of, score_exported
from .sessions import DETECTED, IMUS, Session, Spans, read_sessions, spans_of

LEVELS = np.round(np.arange(0.5, 0.96, 0.05), 2)
# scikit-learn is asked anew in every draw, so there are fewer than elsewhere.
SEGMENT_BOOTSTRAPS = 200
# Below this many recordings an interval says nothing.
FEWEST_RECORDINGS = 5
# Samples a second in which intervals of faults are compared: an IMU's slowest rate.
FAULT_HZ = 100

Segment = tuple[int, int]


def segments_of(flags: np.ndarray) -> list[Segment]:
    """Runs of true as (start, end), end exclusive. Nothing gives []."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], np.asarray(flags, bool).astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2])]


def hysteresis(p: np.ndarray, high: float, low: float) -> np.ndarray:
    """True from where p rises above `high` until it falls below `low`."""
    out, on = np.zeros(len(p), bool), False
    for at, value in enumerate(p):
        on = value >= low if on else value > high
        out[at] = on
    return out


def overlap(a: Segment, b: Segment) -> float:
    """Temporal IoU of two segments."""
    inside = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    both = (a[1] - a[0]) + (b[1] - b[0]) - inside
    return inside / both if both > 0 else 0.0


def match(predicted: list[tuple[int, int, float]], truth: list[Segment], level: float) -> np.ndarray:
    """1 for each predicted segment that finds a true one, in the given order; see the module's docblock."""
    hit, free = np.zeros(len(predicted), int), set(range(len(truth)))
    for at in sorted(range(len(predicted)), key=lambda i: -predicted[i][2]):
        best = max(free, key=lambda t: overlap(predicted[at][:2], truth[t]), default=None)
        if best is not None and overlap(predicted[at][:2], truth[best]) >= level:
            hit[at] = 1
            free.remove(best)
    return hit


def segment_precision(hit: np.ndarray, score: np.ndarray, truths: float, weight: np.ndarray | None = None) -> float:
    """Average precision of matched segments with everything that was never found counted. NaN without a true segment."""
    if truths <= 0:
        return float("nan")
    found = float((hit if weight is None else hit * weight).sum())
    return float(average_precision_score(hit, score, sample_weight=weight)) * found / truths if found > 0 else 0.0


class Recording:
    """One athlete or recording: flags per time sample and segments. `truth` and `called` [samples]; predicted segments carry a score."""

    def __init__(self, who: int, truth: np.ndarray, called: np.ndarray, predicted: list[tuple[int, int, float]], segments: list[Segment]) -> None:
        self.who, self.truth, self.called = who, np.asarray(truth, bool), np.asarray(called, bool)
        self.predicted, self.segments = predicted, segments

    @staticmethod
    def of_flags(who: int, truth: np.ndarray, called: np.ndarray, score: np.ndarray) -> "Recording":
        """Segments are the runs; the score of one is the mean of `score` over it."""
        predicted = [(a, b, float(np.mean(score[a:b]))) for a, b in segments_of(called)]
        return Recording(who, truth, called, predicted, segments_of(truth))

    @staticmethod
    def of_segments(who: int, samples: int, truth: list, predicted: list) -> "Recording":
        """From segments; without a score all predicted ones count the same."""
        flags = []
        for group in (truth, predicted):
            flag = np.zeros(samples, bool)
            for segment in group:
                flag[int(segment[0]) : int(segment[1])] = True
            flags.append(flag)
        scored = [(int(s[0]), int(s[1]), float(s[2]) if len(s) > 2 else 1.0) for s in predicted]
        return Recording(who, flags[0], flags[1], scored, [(int(s[0]), int(s[1])) for s in truth])


def sample_figures(table: np.ndarray) -> dict[str, float]:
    """From counts [true negative, false positive, false negative, true positive], which weight four samples. NaN where a figure is undefined."""
    truth, called = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    undefined = float("nan")
    given = {"sample_weight": table, "zero_division": undefined}
    return {
        "precision": float(precision_score(truth, called, **given)) if table[1] + table[3] > 0 else undefined,
        "recall": float(recall_score(truth, called, **given)) if table[2] + table[3] > 0 else undefined,
        "dice": float(f1_score(truth, called, **given)) if table[1:].sum() > 0 else undefined,
        "iou": float(jaccard_score(truth, called, sample_weight=table, zero_division=0)) if table[1:].sum() > 0 else undefined,
        "mIoU": float(jaccard_score(truth, called, sample_weight=table, average="macro", zero_division=0)) if table[1:].sum() > 0 and table[:3].sum() > 0 else undefined,
    }


def suite(recordings: list[Recording], seed: int) -> dict:
    """The whole suite with intervals over athletes. Recordings without samples count for nothing; no truth at all gives a note."""
    recordings = [r for r in recordings if len(r.truth)]
    true_segments = sum(len(r.segments) for r in recordings)
    if true_segments == 0:
        return {"note": "no true segment"}
    who = np.array([r.who for r in recordings])
    draws = Draws(who, SEGMENT_BOOTSTRAPS if len(recordings) >= FEWEST_RECORDINGS else 0, seed)
    tables = np.stack([np.bincount(2 * r.truth.astype(int) + r.called, minlength=4) for r in recordings]).astype(float)
    sampled = [sample_figures(table) for table in draws.sums(tables)]
    out = {name: interval(np.array([figures[name] for figures in sampled])) for name in sampled[0]}
    return {
        "recordings": len(recordings), "trueSegments": true_segments, "predictedSegments": sum(len(r.predicted) for r in recordings),
        **({} if len(recordings) >= FEWEST_RECORDINGS else {"note": f"fewer than {FEWEST_RECORDINGS} recordings: no intervals"}), **out, **mean_precision(recordings, draws),
    }


def mean_precision(recordings: list[Recording], draws: Draws) -> dict:
    """mAP over LEVELS with its interval, and the average precision at 0.5 and 0.75. A recording is a row of `draws`."""
    truths = draws.sums(np.array([float(len(r.segments)) for r in recordings]))
    owner = np.repeat(draws.of, [len(r.predicted) for r in recordings])
    score = np.array([s[2] for r in recordings for s in r.predicted])
    at_level = []
    for level in LEVELS:
        hits = [match(r.predicted, r.segments, float(level)) for r in recordings]
        hit = np.concatenate(hits) if len(score) else np.empty(0, int)
        at_level.append([segment_precision(hit, score, total, weights[owner]) for weights, total in zip(draws.weights, truths)])
    by_level = np.array(at_level)
    named = {f"ap{round(100 * level)}": interval(by_level[list(LEVELS).index(level)]) for level in (0.5, 0.75)}
    return {"mAP": interval(by_level.mean(axis=0)), **named}


def movement_of(windows: WindowSet, athlete) -> np.ndarray:
    """Mask over an athlete's rows: windows of movement with a label. Segments run over these alone: rest is cut out."""
    return movement_with_label(windows, athlete.rows)


def altered_recordings(windows: WindowSet, athletes: list, p: np.ndarray, high: float, low: float) -> list[Recording]:
    out, at = [], 0
    for athlete in athletes:
        kept = movement_of(windows, athlete)
        mine, at = p[at : at + len(athlete.rows)][kept], at + len(athlete.rows)
        truth = windows.columns["label_altered"][athlete.rows][kept] == 1
        out.append(Recording.of_flags(athlete.athlete, truth, hysteresis(mine, high, low), mine))
    return out


def operating_thresholds(p: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """High: largest sensitivity + specificity; low: as for alerts, part of the way in logit to the median of windows that are not altered."""
    high = youden_threshold(p, y)
    middle = float(np.median(logit_of(p[y == 0]))) if (y == 0).any() else -1.0
    top = float(logit_of(np.array([high]))[0])
    return high, float(sigmoid(np.array(middle + CLEAR_FRACTION * (top - middle)))) if top > middle else high


def altered_movement(windows: WindowSet, model: Path, stored: dict, seed: int) -> dict:
    validation, test = windows.of("validation"), windows.of("test")
    held, p = (sigmoid(score_exported(windows, group, model / "binn.onnx", stored["minimum"])["state_logit"].astype(float)) for group in (validation, test))
    rows = rows_of(validation)
    known = movement_with_label(windows, rows)
    chosen = operating_thresholds(held[known], windows.columns["label_altered"][rows][known].astype(int))
    out = {}
    for name, (high, low) in (("operating point", chosen), ("alert thresholds", (stored["thresholds"]["high"], stored["thresholds"]["low"]))):
        out[name] = {"high": round(high, 4), "low": round(low, 4), **suite(altered_recordings(windows, test, p, high, low), seed)}
    return out


def fault_recordings(sessions: list[Session], kinds: tuple[str, ...]) -> list[Recording]:
    """One for each session, IMU and kind: the true intervals and those found of the same kind."""

    def samples(spans: Spans) -> list[Segment]:
        return [(round(start * FAULT_HZ), round(end * FAULT_HZ)) for start, end in spans]

    return [
        Recording.of_segments(one.athlete, round(one.seconds * FAULT_HZ), samples(spans_of(one.truth, place, kind)), samples(spans_of(one.found, place, kind)))
        for one in sessions for place in IMUS for kind in kinds
    ]


def sensor_faults(windows: WindowSet, folder: Path, kinds: tuple[str, ...], seed: int) -> dict:
    if kinds == ("swapped",):
        return {"note": "judged for the whole session, not in intervals: models/robustness.json"}
    if not set(kinds) <= set(DETECTED):
        return {"note": "no detector"}
    sessions = read_sessions(folder)
    if sessions is None:
        return {"note": "no sessions.json in this data set: sensor-fault intervals are not measured on it"}
    known = [sessions[athlete.athlete] for athlete in windows.of("test") if athlete.athlete in sessions]
    detection = f"the service's own detectors (sessions.json), {len(known)} athletes, a recording for each IMU and kind of {', '.join(kinds)}"
    return {"detection": detection, **suite(fault_recordings(known, kinds), seed)}


def steps(path: Path | None, seed: int) -> dict:
    if path is None:
        return {"note": "no file of steps was given; test/ compares steps in TypeScript"}
    rows = json.loads(path.read_text())
    subjects = {name: number for number, name in enumerate(dict.fromkeys(row["subject"] for row in rows))}
    detection = f"the service's step detector, {len(subjects)} subjects, a recording each foot of a trial; its constants were fitted on the gait-imu recordings"
    return {"detection": detection, **suite([Recording.of_segments(subjects[row["subject"]], row["samples"], row["truth"], row["predicted"]) for row in rows], seed)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder with binn.onnx and binn.json")
    parser.add_argument("--steps", type=Path, help="steps.json of `npm run dataset -- --data DIR`")
    parser.add_argument("--fault-data", action="append", default=[], metavar="KIND=DIR", help="data sets whose athletes all have the fault")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    stored = json.loads((args.model / "binn.json").read_text())
    windows = WindowSet(args.data)
    print(f"segments of {len(windows.of('test'))} athletes", file=sys.stderr)
    faults = {"this set": sensor_faults(windows, args.data, DETECTED, args.seed)}
    for entry in args.fault_data:
        kind, _, folder = entry.partition("=")
        faults[kind] = sensor_faults(WindowSet(Path(folder)), Path(folder), (kind,), args.seed)
    report = {
        "split": "test", "modelVersion": stored["version"], "modelSha256": stored["sha256"], "levels": LEVELS.tolist(),
        "altered": altered_movement(windows, args.model, stored, args.seed), "faults": faults, "steps": steps(args.steps, args.seed),
    }
    if args.out:
        args.out.write_text(dump(report))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
