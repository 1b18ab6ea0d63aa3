"""Held-out simulated athletes: BINN as exported, beside the baselines and the ceiling.

    python -m binn.evaluate --data models/data/first --model models --out models/evaluation.json

    python -m binn.evaluate --data models/data/first --test-data models/data/test --model models --out models/evaluation.json

The second form takes all athletes of another folder as test athletes. Nothing is fitted or chosen on test athletes: models on training athletes, stopping, calibration and thresholds on validation athletes. Intervals are
percentiles of a bootstrap over athletes; comparisons use the same draws.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import precision_recall_curve, roc_curve
from threadpoolctl import threadpool_limits

from . import baseline_lstm
from .baselines import logistic_baseline, trees_baseline, with_running_mean
from .calibrate import alarms, sigmoid
from .data import Athlete, WindowSet
from .metrics import Draws, auc, binary_figures, decisions, error_figures, interval, intervals, ratio, share_of_ceiling, thin, youden_threshold
from .scoring import dump, float_column, movement_with_label, rows_of, score_exported, sensors_of, time_graph
from .test_set import WithTestSet

BOOTSTRAPS = 1000
CURVE_POINTS = 101
CALIBRATION_BINS = 10
# Below this many athletes with a label an interval says little: the figure is left out.
FEWEST_ATHLETES = 5


class Clock:
    """Seconds of each stage, in order."""

    def __init__(self, log) -> None:
        self.seconds: dict[str, float] = {}
        self._log, self._since = log, time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = round(now - self._since, 1)
        self._since = now
        self._log(f"{name}: {self.seconds[name]} s")


def alert_figures(windows: WindowSet, athletes: list[Athlete], p: np.ndarray, thresholds: dict) -> dict:
    """What a coach would see: false alerts of athletes never altered, and the delay from the first altered window of those who become it."""
    at, hours, false, delays, missed, quiet, drift_end = 0, 0.0, 0, [], 0, [], []
    for athlete in athletes:
        rows = athlete.rows
        mine, at = p[at : at + len(rows)], at + len(rows)
        label = windows.columns["label_altered"][rows]
        moving = windows.columns["activity"][rows] != "rest"
        raised = alarms(mine, moving, windows.columns["window_index"][rows], thresholds["high"], thresholds["low"])
        if not (label == 1).any():
            hours += moving.sum() / 3600
            false += len(raised)
            quiet.extend(mine[moving])
        elif label[0] == 0:
            onset = int(np.argmax(label == 1))
            later = [r for r in raised if r >= onset]
            drift_end.extend(mine[-15:])
            if later:
                delays.append(int(later[0] - onset))
            else:
                missed += 1
    return {
        "healthyActiveHours": round(hours, 3), "falseAlerts": false,
        "healthyState": {f"p{q}": round(float(np.percentile(quiet, q)), 4) for q in (50, 95, 99)} if quiet else None,
        "becameAltered": len(delays) + missed, "alerted": len(delays),
        "delayS": {f"p{q}": float(np.percentile(delays, q)) for q in (50, 90)} if delays else None,
        "stateOfLast15WindowsMedian": round(float(np.median(drift_end)), 4) if drift_end else None,
    }


def ceiling_figures(ceiling: np.ndarray | None, p: dict[str, np.ndarray], y: np.ndarray, draws: Draws) -> dict:
    """
    AUC of the best filter over what sensors can see, and how much of the way from 0.5 to it each model goes, on the windows where it is known.
    `ceiling` [rows] may hold NaN, or be None: {"note"} then.
    """
    if ceiling is None or not np.isfinite(ceiling).any():
        return {"note": "no ceiling in this data set"}
    known = np.isfinite(ceiling)
    part, outcome = draws.rows(known), y[known]
    top = auc(ceiling[known], outcome, part)
    shares, gaps = {}, {}
    for name, values in p.items():
        mine = auc(values[known], outcome, part)
        shares[name], gaps[name] = interval(share_of_ceiling(mine, top)), interval(mine - top)
    return {"windows": int(known.sum()), "auc": interval(top), "shareOfTheWay": shares, "aucDifference": gaps}


def part_figures(p: np.ndarray, y: np.ndarray, threshold: float, draws: Draws, mask: np.ndarray) -> dict | None:
    """The figures of a part of the rows, or None where it holds too few athletes or one class."""
    part = draws.rows(mask)
    athletes = len(np.unique(part.of))
    if athletes < FEWEST_ATHLETES or len(np.unique(y[mask])) < 2:
        return {"windows": int(mask.sum()), "athletes": athletes, "note": "too few"} if mask.any() else None
    return {"windows": int(mask.sum()), "athletes": athletes, "altered": round(float(y[mask].mean()), 4), **intervals(binary_figures(p[mask], y[mask], threshold, part))}


def parts(p: np.ndarray, y: np.ndarray, threshold: float, draws: Draws, masks: dict[str, np.ndarray]) -> dict:
    found = {name: part_figures(p, y, threshold, draws, mask) for name, mask in masks.items()}
    return {name: value for name, value in found.items() if value is not None}


def net_benefit(p: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Vickers and Elkin 2006: true positives minus false positives at the odds of the threshold, per window."""
    called = p[:, None] > at[None]
    return (called & (y == 1)[:, None]).mean(axis=0) - (called & (y == 0)[:, None]).mean(axis=0) * at / (1 - at)


def curves(p: dict[str, np.ndarray], y: np.ndarray) -> dict:
    """What plots.py draws, [[x], [y]] each: ROC, precision-recall, decision curve; and calibration bins with a histogram."""
    at = np.round(np.arange(0.02, 0.99, 0.02), 2)
    out: dict = {"decisionThresholds": at.tolist(), "treatAll": np.round(net_benefit(np.ones(len(y)), y, at), 4).tolist(), "models": {}}
    for name, values in p.items():
        false, true, _ = roc_curve(y, values)
        precision, recall, _ = precision_recall_curve(y, values)
        order = np.array_split(np.argsort(values, kind="stable"), CALIBRATION_BINS)
        out["models"][name] = {
            "roc": thin(false, true, CURVE_POINTS), "precisionRecall": thin(recall[::-1], precision[::-1], CURVE_POINTS),
            "netBenefit": np.round(net_benefit(values, y, at), 4).tolist(),
            "calibration": [[round(float(values[i].mean()), 4) for i in order if len(i)], [round(float(y[i].mean()), 4) for i in order if len(i)]],
            "histogram": np.histogram(values, bins=20, range=(0, 1))[0].tolist(),
        }
    return out


def fit_baselines(windows: WindowSet, folder: Path, validation: list[Athlete], test: list[Athlete], args: argparse.Namespace, clock: Clock, log) -> tuple[dict, dict]:
    """{name: (p on validation rows, p on test rows)} and what each baseline is."""
    rows = np.concatenate((rows_of(validation), rows_of(test)))
    held = rows_of(validation)
    known = movement_with_label(windows, held)
    y = windows.columns["label_altered"][held][known].astype(int)
    raw, facts = {}, {}
    raw["logistic"], facts["logistic"] = logistic_baseline(windows, rows, args.seed), {"what": "logistic regression on the simulator's domain features and scalars (eq. 2)"}
    clock.lap("logistic")
    trees, detail = trees_baseline(windows, rows, args.seed)
    raw["trees"], facts["trees"] = trees, {"what": "gradient-boosted trees on window summaries and scalars", **detail}
    clock.lap("trees")
    if args.lstm_minutes > 0:
        model, detail = baseline_lstm.load_or_fit(windows, folder, args.lstm_minutes, args.seed, log)
        raw["lstm"], facts["lstm"] = sigmoid(baseline_lstm.predict(model, windows, rows).astype(np.float64)), {"what": "plain LSTM over the window (eq. 3)", **detail}
        clock.lap("lstm")
    out = {}
    for name, values in raw.items():
        both, half_life = with_running_mean(values, validation, known, y, test)
        out[name], out[f"{name}Running"] = both["window"], both["running"]
        facts[f"{name}Running"] = {"what": f"{facts[name]['what']}, running mean over the athlete's past windows", "halfLifeWindows": half_life}
    clock.lap("running means")
    return out, facts


def own(description: dict) -> dict:
    """What dataset.json says of a set, without its long lists and the contract."""
    return {key: value for key, value in description.items() if key != "contract" and not isinstance(value, list)}


def evaluate(windows: WindowSet, folder: Path, model: Path, args: argparse.Namespace, log) -> dict:
    """The whole report. See the module's docblock; keys are read by card.py and plots.py."""
    clock = Clock(log)
    stored = json.loads((model / "binn.json").read_text())
    validation, test = windows.of("validation"), windows.of(args.split)
    if not test or not validation:
        raise ValueError("the data set needs validation and test athletes")
    scored = {split: score_exported(windows, athletes, model / "binn.onnx", stored["minimum"]) for split, athletes in (("validation", validation), ("test", test))}
    clock.lap("BINN")
    p_all = {"binn": (sigmoid(scored["validation"]["state_logit"]), sigmoid(scored["test"]["state_logit"]))}
    baselines, facts = fit_baselines(windows, folder, validation, test, args, clock, log)
    p_all |= baselines
    held, rows = rows_of(validation), rows_of(test)
    held_known, known = movement_with_label(windows, held), movement_with_label(windows, rows)
    y_held = windows.columns["label_altered"][held][held_known].astype(int)
    y = windows.columns["label_altered"][rows][known].astype(int)
    if len(np.unique(y)) < 2:
        raise ValueError(f"the {args.split} athletes' windows of movement are all of one class")
    everybody = Draws(windows.columns["athlete"][rows], BOOTSTRAPS, args.seed)
    draws = everybody.rows(known)
    p = {name: np.asarray(values[1][known], np.float64) for name, values in p_all.items()}
    thresholds = {name: youden_threshold(values[0][held_known], y_held) for name, values in p_all.items()}
    figures = {name: binary_figures(values, y, thresholds[name], draws) for name, values in p.items()}
    alert = stored["thresholds"]
    clock.lap("figures")
    enough = scored["test"]["observed"][known] >= stored["minimum"]["bioChannels"]
    activity = windows.columns["activity"][rows][known]
    wanted = {name: windows.columns[f"label_{name}"][rows] for name in ("rehab", "performance")}
    altered = windows.columns["label_altered"][rows] == 1
    folders = [folder] if args.test_data is None else [folder, args.test_data]
    severity, ceiling = float_column(folders, "label_severity", rows), float_column(folders, "ceiling", rows)
    clock.lap("columns")
    report = {
        "format": 2, "split": args.split, "athletes": len(test), "windows": int(known.sum()), "altered": round(float(y.mean()), 4), "bootstraps": BOOTSTRAPS,
        "seed": args.seed, "modelVersion": stored["version"], "modelSha256": stored["sha256"],
        "models": {
            name: {
                **facts.get(name, {"what": "BINN as exported, states carried"}), "threshold": round(thresholds[name], 4), **intervals(figures[name]),
                **({} if name == "binn" else {"aucDifference": interval(figures["binn"]["auc"] - values["auc"]), "brierDifference": interval(figures["binn"]["brier"] - values["brier"])}),
            }
            for name, values in figures.items()
        },
        "thresholdRule": "largest sensitivity + specificity on validation athletes, each model its own",
        "atAlertThreshold": {"threshold": alert["high"], **intervals(decisions(p["binn"], y, alert["high"], draws))},
        "ceiling": ceiling_figures(None if ceiling is None else ceiling[known], p, y, draws),
        "oracle": oracle(None if severity is None else severity[known], y, draws),
        "rehab": intervals(error_figures(scored["test"]["rehab"], wanted["rehab"], everybody)),
        "rehabAltered": intervals(error_figures(scored["test"]["rehab"][altered], wanted["rehab"][altered], everybody.rows(altered))),
        "performance": intervals(error_figures(scored["test"]["performance"], wanted["performance"], everybody)),
        "selective": selective(p["binn"], y, thresholds["binn"], draws, enough, stored["minimum"]),
        "byActivity": parts(p["binn"], y, thresholds["binn"], draws, {name: activity == name for name in ("walk", "run", "jump")}),
        "bySensors": parts(p["binn"], y, thresholds["binn"], draws, {name: mask[known] for name, mask in sensors_of(windows, test).items()}),
        "alerts": alert_figures(windows, test, p_all["binn"][1], alert),
        "graph": time_graph(windows, rows, model / "binn.onnx"),
        "curves": curves(p, y),
        "dataset": own(windows.description),
        "testData": own(windows.test_description) if isinstance(windows, WithTestSet) else None,
    }
    clock.lap("parts and curves")
    report["seconds"] = clock.seconds
    return report


def oracle(severity: np.ndarray | None, y: np.ndarray, draws: Draws) -> dict:
    """The latent severity itself: the label is severity above a threshold, so its AUC is 1 by definition."""
    if severity is None:
        return {"note": "no severity in this data set"}
    known = np.isfinite(severity)
    return {"auc": interval(auc(severity[known], y[known], draws.rows(known))), "note": "1 by definition: the label is severity above a threshold"}


def selective(p: np.ndarray, y: np.ndarray, threshold: float, draws: Draws, enough: np.ndarray, minimum: dict) -> dict:
    """Figures without the windows that the service answers with "not enough data"."""
    out = {"minimum": minimum, "notEnoughData": interval(ratio(draws.sums((~enough).astype(float)), draws.sums(np.ones(len(y)))))}
    return {**out, "answered": part_figures(p, y, threshold, draws, enough)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test-data", type=Path, help="a set made with --priors of the first: all its athletes are the test athletes then")
    parser.add_argument("--model", type=Path, required=True, help="folder with binn.onnx and binn.json")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--split", default="test", choices=("validation", "test"))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lstm-minutes", type=float, default=10.0, help="most time for fitting the plain LSTM; 0 leaves it out")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    windows = WindowSet(args.data) if args.test_data is None else WithTestSet(args.data, args.test_data)
    with threadpool_limits(args.threads):
        report = evaluate(windows, args.data, args.model, args, log)
    if args.out:
        args.out.write_text(dump(report))
    print(json.dumps({key: value for key, value in report.items() if key != "curves"}))


if __name__ == "__main__":
    main()
