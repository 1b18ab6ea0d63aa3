"""What the state does when sensors are missing or at fault, on test athletes, with the exported graph as it is served.

    python -m binn.robustness --data DIR --model models --fault-data dropout=DIR --fault-data swapped=DIR --out models/robustness.json

Missing sensors are masked in the data set itself. Faults come from data sets of the same athletes that `npm run dataset -- --fault KIND --split test`
wrote; an athlete counts where both sets have them, and differences use the same draws of athletes. The set beside it is as athletes come: some have
faults of their own. A fault may last for a part of the session only, so the windows during which it is on are shown apart.

Whether the service notices a fault comes from sessions.json of both sets: for exchanged sides the share of athletes whose session says so, and of the
same athletes without the fault; for intervals the share of the fault's time that found intervals of its kind cover at the faulty sensor, and of the time
without it, over all IMUs of the same athletes in the clean set. A kind without a detector says so, with what else is found at the sensor meanwhile.
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
from .sessions import DETECTED, IMUS, Session, length, read_sessions, shared, spans_of

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


def share(above: list[float], below: list[float], draws: Draws) -> list[float] | None:
    """Sum over sum with its interval over athletes; one value each an athlete."""
    return interval(ratio(draws.sums(np.array(above, float)), draws.sums(np.array(below, float))))


def sides_noticed(clean: list[Session], hurt: list[Session], seed: int) -> dict:
    """The same athletes in the same order. Those whose sides are exchanged by chance count for no false alarm."""
    draws = Draws(np.arange(len(hurt)), BOOTSTRAPS, seed)
    ones = [1.0] * len(hurt)
    sound = [float(all(kind != "swapped" for _, kind, _, _ in session.truth)) for session in clean]
    return {
        "of": "athletes", "share": share([s.sides == "swapped" for s in hurt], ones, draws), "undecided": share([s.sides == "undecided" for s in hurt], ones, draws),
        "false": share([ok * (s.sides == "swapped") for s, ok in zip(clean, sound)], sound, draws),
        "undecidedWithout": share([ok * (s.sides == "undecided") for s, ok in zip(clean, sound)], sound, draws),
    }


def under_found(session: Session, others: Session, kind: str, found: str) -> tuple[float, float]:
    """Seconds of true `kind` in `others` that intervals of kind `found` in `session` cover at the same sensor, and seconds of true `kind`."""
    true = {place: spans_of(others.truth, place, kind) for place in IMUS}
    return sum(shared(true[place], spans_of(session.found, place, found)) for place in IMUS), sum(length(spans) for spans in true.values())


def intervals_noticed(clean: list[Session], hurt: list[Session], kind: str, seed: int) -> dict:
    """As sides_noticed, for a fault with a start and an end."""
    draws = Draws(np.arange(len(hurt)), BOOTSTRAPS, seed)
    covered = {}
    for found in (*DETECTED, "flat"):
        during, without = [under_found(s, s, kind, found) for s in hurt], [under_found(c, s, kind, found) for c, s in zip(clean, hurt)]
        covered[found] = [share([a for a, _ in pairs], [b for _, b in pairs], draws) for pairs in (during, without)]
    if kind not in DETECTED:
        seen = {found: {"during": pair[0], "without": pair[1]} for found, pair in covered.items() if any(value and value[0] > 0 for value in pair)}
        return {"note": "no detector", "seenAs": seen}
    inside = [under_found(c, c, kind, kind) for c in clean]
    called = [sum(length(spans_of(c.found, place, kind)) for place in IMUS) for c in clean]
    false = [total - hit for total, (hit, _) in zip(called, inside)]
    return {"of": "fault time", "share": covered[kind][0], "false": share(false, [len(IMUS) * c.seconds - on for c, (_, on) in zip(clean, inside)], draws)}


def noticed(folder: Path, other: Path, athletes: list[int], kind: str, seed: int) -> dict:
    """What the service's detectors say with the fault (`other`) and without it (`folder`), on the athletes that both files have."""
    without, with_it = read_sessions(folder), read_sessions(other)
    if without is None or with_it is None:
        return {"note": "not known: a set without sessions.json"}
    both = [number for number in athletes if number in without and number in with_it]
    if not both:
        return {"note": "not known: no session of these athletes"}
    clean, hurt = [without[number] for number in both], [with_it[number] for number in both]
    figures = sides_noticed(clean, hurt, seed) if kind == "swapped" else intervals_noticed(clean, hurt, kind, seed)
    return {"athletes": len(both), **figures}


def at_fault(windows: WindowSet, data: Path, folder: Path, kind: str, model: Path, minimum: dict, seed: int) -> dict:
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
    return {**out, "noticed": noticed(data, folder, [athlete.athlete for athlete in hurt], kind, seed)}


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
        faults[kind] = at_fault(windows, args.data, Path(folder), kind, args.model, stored["minimum"], args.seed)
        log(f"{kind}: {faults[kind].get('auc', faults[kind].get('note'))}, noticed {faults[kind].get('noticed')}")
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
