"""Held-out simulated athletes: BINN as exported, beside logistic regression on the domain features (eq. 2).

    python -m binn.evaluate --data models/data/first --model models --out models/evaluation.json

Nothing is fitted on test athletes. Intervals are percentiles of a bootstrap over athletes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .calibrate import alarms, sigmoid
from .data import Athlete, WindowSet
from .export import session
from .network import INPUTS

BINS = 15
BOOTSTRAPS = 1000
STATES = (("state_final", "next_final"), ("state_a", "next_a"), ("state_h", "next_h"))


def score_exported(windows: WindowSet, athletes: list[Athlete], graph: Path) -> dict[str, np.ndarray]:
    """Runs the exported graph as the service does, athlete by athlete with carried state, many athletes a batch."""
    runner = session(graph)
    shapes = {spec.name: spec.shape[1] for spec in runner.get_inputs() if spec.name.startswith("state_")}
    names = ("state_logit", "rehab", "performance", "logit_sd")
    out = {name: [np.empty(len(a.rows), np.float32) for a in athletes] for name in names}
    state = {name: np.zeros((len(athletes), width), np.float32) for name, width in shapes.items()}
    for step in range(max(len(a.rows) for a in athletes)):
        live = [i for i, a in enumerate(athletes) if step < len(a.rows)]
        block = windows.read(np.array([athletes[i].rows[step] for i in live]))
        if step == 0:
            block["elapsed"][:] = 0.0
        feeds = {name: block[name] if name in block else state[name][live] for name in INPUTS}
        given = dict(zip([spec.name for spec in runner.get_outputs()], runner.run(None, feeds)))
        for into, source in STATES:
            state[into][live] = given[source]
        for name in names:
            for at, i in enumerate(live):
                out[name][i][step] = given[name][at, 0]
    return {name: np.concatenate(parts) for name, parts in out.items()}


def calibration_error(p: np.ndarray, y: np.ndarray) -> float:
    """ECE over bins of equal size."""
    order = np.argsort(p, kind="stable")
    return float(sum(len(part) * abs(p[part].mean() - y[part].mean()) for part in np.array_split(order, BINS) if len(part)) / len(p))


def calibration_line(p: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the outcome on logit(p)."""
    logit = np.log(np.clip(p, 1e-6, 1 - 1e-6)) - np.log1p(-np.clip(p, 1e-6, 1 - 1e-6))
    line = LogisticRegression(C=1e6).fit(logit[:, None], y)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def figures(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    slope, intercept = calibration_line(p, y)
    return {"auc": float(roc_auc_score(y, p)), "brier": float(np.mean((p - y) ** 2)), "ece": calibration_error(p, y), "slope": slope, "intercept": intercept}


def with_intervals(p: np.ndarray, y: np.ndarray, who: np.ndarray, rng: np.random.Generator) -> dict[str, list[float]]:
    """[estimate, 2.5 %, 97.5 %] of each figure, athletes drawn with replacement."""
    rows = {a: np.flatnonzero(who == a) for a in np.unique(who)}
    numbers = list(rows)
    draws: dict[str, list[float]] = {}
    for _ in range(BOOTSTRAPS):
        pick = np.concatenate([rows[numbers[i]] for i in rng.integers(0, len(numbers), len(numbers))])
        if 0 < y[pick].mean() < 1:
            for name, value in figures(p[pick], y[pick]).items():
                draws.setdefault(name, []).append(value)
    return {name: [round(v, 4) for v in (value, *np.percentile(draws[name], (2.5, 97.5)))] for name, value in figures(p, y).items()}


def difference(p: np.ndarray, q: np.ndarray, y: np.ndarray, who: np.ndarray, rng: np.random.Generator) -> list[float]:
    """AUC of p minus AUC of q with its interval, on the same draws of athletes."""
    rows = {a: np.flatnonzero(who == a) for a in np.unique(who)}
    numbers, draws = list(rows), []
    for _ in range(BOOTSTRAPS):
        pick = np.concatenate([rows[numbers[i]] for i in rng.integers(0, len(numbers), len(numbers))])
        if 0 < y[pick].mean() < 1:
            draws.append(roc_auc_score(y[pick], p[pick]) - roc_auc_score(y[pick], q[pick]))
    return [round(float(v), 4) for v in (roc_auc_score(y, p) - roc_auc_score(y, q), *np.percentile(draws, (2.5, 97.5)))]


def logistic_baseline(windows: WindowSet, training: list[Athlete], test_rows: np.ndarray) -> np.ndarray:
    """Eq. 2 on domain features, physiology, performance and context; what is missing is imputed by the median and flagged."""

    def features(rows: np.ndarray) -> np.ndarray:
        parts = [windows.columns["domain"][rows]]
        for name in ("phys", "perf", "context"):
            parts.append(np.where(windows.columns[f"{name}_mask"][rows] > 0, windows.columns[name][rows], np.nan))
        return np.concatenate(parts, axis=1)

    rows = np.concatenate([athlete.rows for athlete in training])
    label = windows.columns["label_altered"][rows]
    rows = rows[np.isfinite(label)]
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    model = make_pipeline(imputer, StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(features(rows), windows.columns["label_altered"][rows].astype(int))
    return model.predict_proba(features(test_rows))[:, 1]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder with binn.onnx and binn.json")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--split", default="test", choices=("validation", "test"))
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    windows = WindowSet(args.data)
    athletes = windows.of(args.split)
    stored = json.loads((args.model / "binn.json").read_text())
    print(f"scoring {len(athletes)} athletes", file=sys.stderr)
    given = score_exported(windows, athletes, args.model / "binn.onnx")
    rows = np.concatenate([athlete.rows for athlete in athletes])
    label = windows.columns["label_altered"][rows]
    # "State" is about movement: windows at rest show none (their share and figures would only mirror the protocol).
    known = np.isfinite(label) & (windows.columns["activity"][rows] != "rest")
    who, y = windows.columns["athlete"][rows][known], label[known].astype(int)
    p = sigmoid(given["state_logit"])
    base = logistic_baseline(windows, windows.of("train"), rows[known])
    rng = np.random.default_rng(args.seed)

    def error(name: str, column: str) -> dict[str, float]:
        wanted = windows.columns[column][rows]
        seen = np.isfinite(wanted)
        gap = given[name][seen] - wanted[seen]
        return {"mae": round(float(np.abs(gap).mean()), 4), "r2": round(float(1 - (gap**2).mean() / max(wanted[seen].var(), 1e-12)), 4)}

    report = {
        "split": args.split, "athletes": len(athletes), "windows": int(known.sum()), "altered": round(float(y.mean()), 4), "bootstraps": BOOTSTRAPS,
        "modelVersion": stored["version"],
        "binn": with_intervals(p[known], y, who, rng),
        "logistic": with_intervals(base, y, who, rng),
        "aucDifference": difference(p[known], base, y, who, rng),
        "rehab": error("rehab", "label_rehab"), "performance": error("performance", "label_performance"),
        "alerts": alert_figures(windows, athletes, p, stored["thresholds"]),
        "dataset": {key: value for key, value in windows.description.items() if key != "contract" and not isinstance(value, list)},
    }
    text = json.dumps(report, indent=2)
    if args.out:
        args.out.write_text(text + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
