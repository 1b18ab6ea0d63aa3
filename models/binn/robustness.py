"""What the state does when sensors are missing or at fault, on test athletes, with the exported graph as it is served.

    python -m binn.robustness --data DIR --model models --fault-data dropout=DIR --fault-data swapped=DIR --out models/robustness.json

Missing sensors are masked in the data set itself. Faults come from data sets of the same athletes that `npm run dataset -- --fault KIND --split test`
wrote; an athlete counts where both sets have them, and differences use the same draws of athletes. The set beside it is as athletes come: some have
faults of their own. A fault may last for a part of the session only, so the windows during which it is on are shown apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from .calibrate import sigmoid
from .channels import sensor_groups
from .data import Athlete, WindowSet
from .evaluate import BOOTSTRAPS
from .metrics import Draws, auc, calibration_error, interval, ratio
from .scoring import dump, float_column, hide_groups, movement_with_label, rows_of, score_exported

FAULTS = ("dropout", "saturation", "drift", "swapped", "moved", "misaligned", "rate")


def views() -> dict[str, tuple[str, ...]]:
    """What is hidden, by name: a sensor or branch that is missing, or ("... only") all others."""
    groups = tuple(sensor_groups())
    starting = {prefix: tuple(name for name in groups if name.startswith(prefix)) for prefix in ("force", "emg", "angle")}
    return {
        "left foot": ("foot-left",), "right foot": ("foot-right",), "trunk": ("trunk",), "force plates": starting["force"], "EMG": starting["emg"],
        "joint angles": starting["angle"], "physiology": ("phys",), "performance": ("perf",), "context": ("context",),
        "feet only": (*(name for name in groups if name not in ("foot-left", "foot-right")), "phys", "perf", "context"),
        "watch only": (*groups, "perf", "context"),
    }


class View:
    """Scores of one way of seeing the athletes, as draws over the windows of movement with a label."""

    def __init__(self, given: dict[str, np.ndarray], labels: np.ndarray, known: np.ndarray, draws: Draws, minimum: dict) -> None:
        """`given`, `labels` and `known` [rows]: outputs of the graph, labels, and which rows count."""
        self.p = sigmoid(given["state_logit"].astype(np.float64))[known]
        self.y, self.draws = (y := labels[known].astype(int)), draws.rows(known)
        one = self.draws.sums(np.ones(len(y)))
        self.auc = auc(self.p, y, self.draws)
        self.ece = calibration_error(self.p, y, self.draws)
        self.brier = ratio(self.draws.sums((self.p - y) ** 2), one)
        self.spread = ratio(self.draws.sums(given["logit_sd"][known].astype(np.float64)), one)
        self.not_enough = ratio(self.draws.sums((given["observed"][known] < minimum["bioChannels"]).astype(float)), one)

    def figures(self) -> dict:
        return {
            "windows": len(self.y), "auc": interval(self.auc), "ece": interval(self.ece), "brier": interval(self.brier),
            "meanLogitSd": interval(self.spread), "notEnoughData": interval(self.not_enough),
        }

    def against(self, whole: "View") -> dict:
        """Differences to another view on the same draws."""
        return {
            **self.figures(), "aucDifference": interval(self.auc - whole.auc), "logitSdDifference": interval(self.spread - whole.spread),
            "widens": bool(self.spread[0] > whole.spread[0]),
        }


def labels_of(windows: WindowSet, athletes: list[Athlete]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Athlete of each row, mask of rows that count, and label of each row."""
    rows = rows_of(athletes)
    return windows.columns["athlete"][rows], movement_with_label(windows, rows), windows.columns["label_altered"][rows]


def missing_sensors(windows: WindowSet, athletes: list[Athlete], model: Path, minimum: dict, seed: int, log) -> tuple[View, dict]:
    """The view with every sensor, and {name: figures beside it} of each view with some hidden."""
    who, known, labels = labels_of(windows, athletes)
    draws = Draws(who, BOOTSTRAPS, seed)
    whole = View(score_exported(windows, athletes, model / "binn.onnx", minimum), labels, known, draws, minimum)
    groups, out = sensor_groups(), {}
    probe = windows.read(rows_of(athletes)[::7])
    for name, hidden in views().items():
        started = time.monotonic()
        there = any((probe["bio_mask"][..., groups[h]] if h in groups else probe[f"{h}_mask"]).any() for h in hidden)
        if not there:
            out[name] = {"hidden": list(hidden), "note": "no athlete of this set has it"}
            continue
        view = View(score_exported(windows, athletes, model / "binn.onnx", minimum, hide_groups(hidden)), labels, known, draws, minimum)
        out[name] = {"hidden": list(hidden), **view.against(whole)}
        log(f"{name}: AUC {out[name]['auc']}, {time.monotonic() - started:.0f} s")
    return whole, out


def common(athletes: list[Athlete], others: list[Athlete]) -> tuple[list[Athlete], list[Athlete]]:
    """Those that both lists have, in the order of their numbers."""
    mine, theirs = ({athlete.athlete: athlete for athlete in group} for group in (athletes, others))
    both = sorted(mine.keys() & theirs.keys())
    return [mine[number] for number in both], [theirs[number] for number in both]


def shared_rows(windows: WindowSet, athletes: list[Athlete], others: WindowSet, theirs: list[Athlete]) -> tuple[np.ndarray, np.ndarray]:
    """Places, in either list's order of rows, of the windows that both sets have of the same athlete."""
    keys = [
        {(int(a), int(w)): at for at, (a, w) in enumerate(zip(source.columns["athlete"][rows], source.columns["window_index"][rows]))}
        for source, rows in ((windows, rows_of(athletes)), (others, rows_of(theirs)))
    ]
    both = [key for key in keys[1] if key in keys[0]]
    return np.array([keys[0][key] for key in both], int), np.array([keys[1][key] for key in both], int)


def fault_on(windows: WindowSet, folder: Path, athletes: list[Athlete], kind: str) -> np.ndarray | None:
    """Mask [rows]: this fault is on. None where the data set does not say (no column `fault` or no list of kinds)."""
    codes, kinds = float_column(folder, "fault", rows_of(athletes)), windows.description.get("faultKinds", [])
    return codes == kinds.index(kind) if codes is not None and kind in kinds else None


def at_fault(windows: WindowSet, folder: Path, kind: str, model: Path, minimum: dict, seed: int) -> dict:
    """Figures with a fault beside the same athletes as they come. Draws agree because both sets have the same athletes."""
    faulty = WindowSet(folder)
    clean, hurt = common(windows.of("test"), faulty.of("test"))
    if not clean:
        return {"note": "no test athlete in common with the clean set"}
    sides = []
    for source, athletes in ((windows, clean), (faulty, hurt)):
        who, known, labels = labels_of(source, athletes)
        sides.append((score_exported(source, athletes, model / "binn.onnx", minimum), labels, known, Draws(who, BOOTSTRAPS, seed)))
    whole = [View(*side, minimum) for side in sides]
    out = {"athletes": len(clean), "clean": interval(whole[0].auc), **whole[1].against(whole[0])}
    on = fault_on(faulty, folder, hurt, kind)
    if on is not None and on.any():
        places = shared_rows(windows, clean, faulty, hurt)
        keep = on[places[1]] & sides[1][2][places[1]] & sides[0][2][places[0]]
        during = []
        for (given, labels, known, draws), at in zip(sides, places):
            mask = np.zeros(len(known), bool)
            mask[at[keep]] = True
            during.append(View(given, labels, mask, draws, minimum))
        out["whileOn"] = {"clean": interval(during[0].auc), **during[1].against(during[0])}
    noticed = float_column(folder, "fault_detected", rows_of(hurt))
    return out if noticed is None else {**out, "noticedWindows": round(float(np.nanmean(noticed)), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder with binn.onnx and binn.json")
    parser.add_argument("--fault-data", action="append", default=[], metavar="KIND=DIR", help=f"kinds: {', '.join(FAULTS)}")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    stored = json.loads((args.model / "binn.json").read_text())
    windows = WindowSet(args.data)
    athletes = windows.of("test")
    started = time.monotonic()
    whole, missing = missing_sensors(windows, athletes, args.model, stored["minimum"], args.seed, log)
    faults = {}
    for entry in args.fault_data:
        kind, _, folder = entry.partition("=")
        if kind not in FAULTS or not folder:
            parser.error(f"--fault-data takes KIND=DIR with KIND one of {', '.join(FAULTS)}, not {entry}")
        faults[kind] = at_fault(windows, Path(folder), kind, args.model, stored["minimum"], args.seed)
        log(f"{kind}: {faults[kind].get('auc', faults[kind].get('note'))}")
    report = {
        "split": "test", "athletes": len(athletes), "bootstraps": BOOTSTRAPS, "modelVersion": stored["version"], "modelSha256": stored["sha256"],
        "everything": whole.figures(), "missing": missing, "faults": faults,
        "faultsLeftOut": [kind for kind in FAULTS if kind not in faults], "seconds": round(time.monotonic() - started, 1),
    }
    if args.out:
        args.out.write_text(dump(report))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
