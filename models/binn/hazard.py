"""The hazard: a discrete-time survival model over the day's pooled F_attn, load, heart-rate variability, history and context.

    python -m binn.hazard --data models/data/season --model models --out models

Reads the rows of `npm run dataset:season`, writes hazard.json (the contract that src/asms/hazard.ts computes) and hazard-parity.json.
Coefficients come from training athletes; the penalty and the calibration (intercept and slope) from validation athletes and from training athletes out
of fold. Test athletes are not read.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np

from .calibrate import cross_entropy, sigmoid
from .hazard_data import MINIMUM, Rows, binn_values, read_rows, record_values, RECORDS, usable

VERSION = "0.1.0"
QUANTILE = 1.959964
# L2 penalties on standardised features, times half the squared coefficient. Records and the state's logit are few: a light one. (chosen)
LIGHT = 3.0
LEVELS = (100.0, 1000.0, 10000.0)
CHANGES = (100.0, 300.0, 1000.0, 10000.0)
FOLDS = 5


def standardise(values: np.ndarray, location: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """z with an intercept column first; what is not known counts as the location."""
    z = (values - location) / scale
    return np.column_stack((np.ones(len(z)), np.where(np.isfinite(z), z, 0.0)))


def fit(x: np.ndarray, y: np.ndarray, penalty: np.ndarray, start: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression by Newton's method with an L2 penalty a coefficient: (coefficients, Hessian with penalty). The loss is convex."""
    beta = np.concatenate(([np.log(y.mean() / (1 - y.mean()))], np.zeros(x.shape[1] - 1))) if start is None else start
    for _ in range(50):
        p = sigmoid(x @ beta)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(hessian, x.T @ (y - p) - penalty * beta)
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return beta, hessian


def sandwich(x: np.ndarray, y: np.ndarray, beta: np.ndarray, hessian: np.ndarray, who: np.ndarray) -> np.ndarray:
    """Covariance of the coefficients, scores summed by athlete: days of one athlete are not independent."""
    scores = x * (y - sigmoid(x @ beta))[:, None]
    _, index = np.unique(who, return_inverse=True)
    sums = np.zeros((index.max() + 1, x.shape[1]))
    np.add.at(sums, index, scores)
    bread = np.linalg.inv(hessian)
    return bread @ (sums.T @ sums) @ bread


def penalties(names: list[tuple[str, str, str]], on_level: float, on_change: float) -> np.ndarray:
    """One for the intercept (none) and each feature."""
    of = {"fAttn": on_level, "fAttnChange": on_change}
    return np.array([0.0, *(of.get(name.split("[")[0], LIGHT) for name, _, _ in names)])


def choose_penalty(x: np.ndarray, y: np.ndarray, names: list, split: np.ndarray, who: np.ndarray) -> tuple[tuple[float, float], list[dict]]:
    """The pair with the least cross-entropy on athletes that a fit did not see (held_out), and the whole table."""
    table = []
    for level, change in itertools.product(LEVELS, CHANGES):
        eta, rows = held_out(x, y, who, split, penalties(names, level, change))
        table.append({"level": level, "change": change, "crossEntropy": round(cross_entropy(eta, y[rows]), 6)})
    best = min(table, key=lambda row: row["crossEntropy"])
    return (best["level"], best["change"]), table


def held_out(x: np.ndarray, y: np.ndarray, who: np.ndarray, split: np.ndarray, penalty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """eta of validation athletes from the training athletes' fit, and of training athletes out of fold; and the rows that these are."""
    train, validation = np.flatnonzero(split == "train"), np.flatnonzero(split == "validation")
    beta, _ = fit(x[train], y[train], penalty)
    eta = np.concatenate((out_of_fold(x[train], y[train], who[train], penalty, beta), x[validation] @ beta))
    return eta, np.concatenate((train, validation))


def out_of_fold(x: np.ndarray, y: np.ndarray, who: np.ndarray, penalty: np.ndarray, start: np.ndarray) -> np.ndarray:
    """eta of each row from a fit without its athlete's fold."""
    eta, fold = np.empty(len(y)), who.astype(np.int64) % FOLDS
    for k in range(FOLDS):
        beta, _ = fit(x[fold != k], y[fold != k], penalty * (fold != k).mean(), start)
        eta[fold == k] = x[fold == k] @ beta
    return eta


def calibrate(eta: np.ndarray, y: np.ndarray, who: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Intercept and slope of the outcome on eta, and their covariance clustered by athlete."""
    x = np.column_stack((np.ones(len(eta)), eta))
    beta, hessian = fit(x, y, np.zeros(2))
    return float(beta[0]), float(beta[1]), sandwich(x, y, beta, hessian, who)


def cholesky(covariance: np.ndarray) -> list[list[float]]:
    """Lower factor, row by row; a covariance of short rank is lifted by as little as makes it positive."""
    lift = 1e-12 * np.trace(covariance) / len(covariance)
    lower = np.linalg.cholesky(covariance + lift * np.eye(len(covariance)))
    return [[float(f"{value:.6g}") for value in row[: i + 1]] for i, row in enumerate(lower)]


def train(rows: Rows, description: dict) -> dict:
    """models/hazard.json as a dictionary."""
    binn, binn_names = binn_values(rows)
    values = np.column_stack((record_values(rows), binn))
    names = [*RECORDS, *binn_names]
    y, who, split = rows.columns["label"], rows.columns["athlete"], rows.split
    train_rows = split == "train"
    location, scale = np.nanmean(values[train_rows], axis=0), np.nanstd(values[train_rows], axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    x = standardise(values, location, scale)
    (level, change), table = choose_penalty(x, y, names, split, who)
    penalty = penalties(names, level, change)
    beta, hessian = fit(x[train_rows], y[train_rows], penalty)
    covariance = sandwich(x[train_rows], y[train_rows], beta, hessian, who[train_rows])
    eta, held = held_out(x, y, who, split, penalty)
    shift, slope, shift_covariance = calibrate(eta, y[held], who[held])
    # logit = shift + slope * x'beta: its gradient in (shift, slope) is (1, x'beta), so that their uncertainty is of rank two.
    turn = np.column_stack((np.eye(len(beta))[0], beta))
    total = slope**2 * covariance + turn @ shift_covariance @ turn.T
    final = slope * beta
    final[0] += shift
    counts = {s: {"athletes": len(np.unique(who[split == s])), "rows": int((split == s).sum()), "positive": int(y[split == s].sum())} for s in ("train", "validation")}
    return {
        "format": 1,
        "name": "binn-hazard",
        "version": VERSION,
        "binnSha256": description["model"]["sha256"],
        "horizonDays": description["horizonDays"],
        "intercept": float(f"{final[0]:.9g}"),
        "features": [
            {"name": name, "unit": unit, "group": group, "location": float(f"{location[i]:.9g}"), "scale": float(f"{scale[i]:.9g}"), "coefficient": float(f"{final[i + 1]:.9g}")}
            for i, (name, unit, group) in enumerate(names)
        ],
        "quantile": QUANTILE,
        "minimum": MINIMUM,
        "trainedOn": {
            "what": "simulated seasons only; no recording of a person",
            "dataset": {key: description[key] for key in ("season", "simulator", "seed", "athletes", "days", "sessionSeconds", "model", "incidencePerAthleteDay")},
            "counts": counts,
        },
        "metrics": {
            "penalty": {"level": level, "change": change, "records": LIGHT, "heldOut": table},
            "calibration": {"intercept": round(shift, 4), "slope": round(slope, 4), "rows": len(held), "source": "training athletes out of fold and validation athletes"},
            "interval": "95 % from the coefficients' sandwich covariance clustered by athlete and the calibration's; the day's measurement noise is not in it",
        },
        "cholesky": cholesky(total),
    }


def predict(model: dict, rows: Rows) -> dict[str, np.ndarray]:
    """probability, lower, upper of each row, as src/asms/hazard.ts computes them (the minimum is judged elsewhere: usable())."""
    binn, _ = binn_values(rows)
    values = np.column_stack((record_values(rows), binn))
    location, scale, coefficient = (np.array([f[key] for f in model["features"]]) for key in ("location", "scale", "coefficient"))
    x = standardise(values, location, scale)
    logit = x @ np.concatenate(([model["intercept"]], coefficient))
    lower = np.zeros((x.shape[1], x.shape[1]))
    for i, row in enumerate(model["cholesky"]):
        lower[i, : len(row)] = row
    reach = model["quantile"] * np.sqrt(((x @ lower) ** 2).sum(axis=1))
    return {"probability": sigmoid(logit), "lower": sigmoid(logit - reach), "upper": sigmoid(logit + reach)}


def outputs(f_attn: np.ndarray, logit: float, rehab: float) -> dict:
    return {"fAttn": [float(v) for v in f_attn], "stateLogit": float(logit), "rehab": float(rehab)}


def parity(model: dict, rows: Rows, count: int) -> list[dict]:
    """Vectors that every runtime must reproduce: the inputs of dailyHazard and what comes out."""
    without = np.flatnonzero(~np.isfinite(rows.reference_logit))[: count // 3]
    silent = np.flatnonzero(~np.isfinite(rows.columns["hrvFall"]))[:2]
    chosen = np.unique(np.concatenate((without, silent, np.linspace(0, len(rows) - 1, count).astype(np.int64))))
    few = rows.take(chosen)
    given, records = predict(model, few), record_values(few)
    number = lambda value: float(value) if np.isfinite(value) else None  # noqa: E731
    return [
        {
            "values": {name: number(records[i, k]) for k, (name, _, _) in enumerate(RECORDS)},
            "pooled": outputs(few.f_attn[i], few.columns["stateLogit"][i], few.columns["rehab"][i]),
            "reference": outputs(few.reference[i], few.reference_logit[i], few.reference_rehab[i]) if np.isfinite(few.reference_logit[i]) else None,
            "expected": {name: float(values[i]) for name, values in given.items()},
        }
        for i in range(len(few))
    ]


def write(path: Path, value: dict) -> None:
    """Compact: lists of numbers would take a line a number."""
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("models/data/season"), help="folder of npm run dataset:season")
    parser.add_argument("--model", type=Path, default=Path("models"), help="folder with binn.json: the graph the rows must have come from")
    parser.add_argument("--out", type=Path, default=Path("models"))
    args = parser.parse_args()
    rows, description = read_rows(args.data)
    wanted = json.loads((args.model / "binn.json").read_text())["sha256"]
    if description["model"]["sha256"] != wanted:
        sys.exit(f"{args.data} was made with graph {description['model']['sha256'][:12]}, {args.model} holds {wanted[:12]}: make the data set again")
    rows = rows.take(usable(rows))
    rows = rows.take(np.flatnonzero(rows.split != "test"))
    model = train(rows, description)
    write(args.out / "hazard.json", model)
    write(args.out / "hazard-parity.json", {"version": model["version"], "binnSha256": model["binnSha256"], "vectors": parity(model, rows.take(np.flatnonzero(rows.split == "validation")), 12)})
    print(json.dumps({"penalty": {k: v for k, v in model["metrics"]["penalty"].items() if k != "heldOut"}, "calibration": model["metrics"]["calibration"], "counts": model["trainedOn"]["counts"]}))


if __name__ == "__main__":
    main()
