"""The hazard: a discrete-time survival model over the day's pooled F_attn, load, heart-rate variability, history and context.

    python -m binn.hazard --data models/data/season --model models --out models

Reads the rows of `npm run dataset:season`, writes hazard.json (the contract that src/asms/hazard.ts computes) and hazard-parity.json.

eta_BINN comes in two steps. First a direction in pooled F_attn, "movement": least squares of the day's severity, which the simulator knows, on training athletes, both
taken from the athlete's own mean, so that it is the change within a person that counts. Then its weight in the hazard, beside the records' weights, from injuries. Some hundred
injuries cannot find a direction among 64 outputs; the severities of all days can. What an athlete's movement is like without a niggle comes from earlier sessions in two ways:
their mean, drawn towards the population's by n / (n + PRIOR) after n of them as in a best linear guess; and the lowest of them, since a severity is never below 0.

Coefficients come from training athletes, the calibration (intercept and slope) from validation athletes and from training athletes out of fold. Test athletes are not read.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from .calibrate import cross_entropy, sigmoid
from .hazard_data import MINIMUM, RECORDS, Rows, read_rows, record_values, usable

VERSION = "0.3.0"
QUANTILE = 1.959964
# L2 penalty on standardised features, times half the squared coefficient: they are few. (chosen)
LIGHT = 3.0
# Penalty of the direction, on outputs standardised within athletes: the one with the least squared error on athletes that it was not learned from. (grid chosen)
RIDGES = (30.0, 300.0, 3000.0)
# Sessions that the population's mean counts for. (chosen; from 0.5 to 4 it hardly matters)
PRIOR = 2.0
FOLDS = 5
# Positive days of a split below which nothing is fitted: two a coefficient. (chosen)
FEWEST_INJURIES = 20
# The planner's own fit: load, adjusted for what changes load and risk alike. Left out are heart-rate variability and movement, which load changes on its way to the risk.
LOAD_TERMS = ("relativeFatigue", "acuteExcess")
ADJUSTED = ("lnChronicPlan", "lnPastInjuries", "returned", "age")
# Mean over seven days of what is left of today's fatigue (Banister's 7 days) and of today's 7-day mean (EWMA with 2 / 8).
OVER_WEEK = (float(np.exp(-np.arange(7) / 7).mean()), float((0.75 ** np.arange(7)).mean()))
MOVEMENT = (("movementChange", "severity", "binn"), ("movementAboveLowest", "severity", "binn"))


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


def ridge(x: np.ndarray, y: np.ndarray, size: float) -> np.ndarray:
    return np.linalg.solve(x.T @ x + size * np.eye(x.shape[1]), x.T @ y)


def within(values: np.ndarray, who: np.ndarray) -> np.ndarray:
    """values [rows, n] less the athlete's own mean."""
    _, index, counts = np.unique(who, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, index, values)
    return values - (sums / counts[:, None])[index]


def learn_movement(rows: Rows) -> dict:
    """The direction, from these (training) athletes: movement of a session = weights . (F_attn - location), in units of severity."""
    who = rows.columns["athlete"]
    x, severity = within(rows.f_attn, who), within(rows.columns["severity"][:, None], who)[:, 0]
    location, scale = rows.f_attn.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    z, fold = x / scale, who.astype(np.int64) % FOLDS
    table = []
    for size in RIDGES:
        guess = np.empty(len(rows))
        for k in range(FOLDS):
            guess[fold == k] = z[fold == k] @ ridge(z[fold != k], severity[fold != k], size)
        table.append({"ridge": size, "r2WithinAthlete": round(float(1 - ((severity - guess) ** 2).sum() / (severity**2).sum()), 4)})
    best = max(table, key=lambda row: row["r2WithinAthlete"])
    numbers = lambda values: [float(f"{v:.9g}") for v in values]  # noqa: E731
    return {"location": numbers(location), "weights": numbers(ridge(z, severity, best["ridge"]) / scale), "prior": PRIOR, "outOfFold": table}


def movement_values(movement: dict, rows: Rows) -> np.ndarray:
    """[rows, 2]: the day's movement less the athlete's usual one, and less the lowest so far (0 in a first session)."""
    location, weights = np.array(movement["location"]), np.array(movement["weights"])
    now, sessions = (rows.f_attn - location) @ weights, (rows.sessions - location) @ weights
    count = rows.earlier[:, 1] - rows.earlier[:, 0]
    total = np.concatenate(([0.0], np.cumsum(sessions)))
    usual = (total[rows.earlier[:, 1]] - total[rows.earlier[:, 0]]) / (count + movement["prior"])
    lowest = np.array([min(own, sessions[first:end].min(initial=np.inf)) for own, (first, end) in zip(now, rows.earlier)])
    return np.column_stack((now - usual, now - lowest))


def values_of(names: list[str], movement: dict, rows: Rows) -> np.ndarray:
    """[rows, names]: the features of these names, NaN where not known."""
    every = np.column_stack((record_values(rows), movement_values(movement, rows)))
    place = {name: i for i, (name, _, _) in enumerate((*RECORDS, *MOVEMENT))}
    return every[:, [place[name] for name in names]]


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


def learn(features: list[tuple[str, str, str]], movement: dict, rows: Rows) -> dict:
    """The part of hazard.json that hangs on the features: coefficients from training rows, calibration, covariance."""
    y, who, split = rows.columns["label"], rows.columns["athlete"], rows.split
    values = values_of([name for name, _, _ in features], movement, rows)
    train_rows = split == "train"
    location, scale = np.nanmean(values[train_rows], axis=0), np.nanstd(values[train_rows], axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    x = standardise(values, location, scale)
    penalty = np.concatenate(([0.0], np.full(len(features), LIGHT)))
    beta, hessian = fit(x[train_rows], y[train_rows], penalty)
    covariance = sandwich(x[train_rows], y[train_rows], beta, hessian, who[train_rows])
    eta, held = held_out(x, y, who, split, penalty)
    shift, slope, shift_covariance = calibrate(eta, y[held], who[held])
    # logit = shift + slope * x'beta: its gradient in (shift, slope) is (1, x'beta), so that their uncertainty is of rank two.
    turn = np.column_stack((np.eye(len(beta))[0], beta))
    total = slope**2 * covariance + turn @ shift_covariance @ turn.T
    final = slope * beta
    final[0] += shift
    return {
        "intercept": float(f"{final[0]:.9g}"),
        "movement": movement,
        "features": [
            {"name": name, "unit": unit, "group": group, "location": float(f"{location[i]:.9g}"), "scale": float(f"{scale[i]:.9g}"), "coefficient": float(f"{final[i + 1]:.9g}")}
            for i, (name, unit, group) in enumerate(features)
        ],
        "quantile": QUANTILE,
        "metrics": {
            "penalty": LIGHT,
            "heldOutCrossEntropy": round(cross_entropy(eta, y[held]), 6),
            "calibration": {"intercept": round(shift, 4), "slope": round(slope, 4), "rows": len(held), "source": "training athletes out of fold and validation athletes"},
            "interval": "95 % from the sandwich covariance of the coefficients clustered by athlete and the calibration's; neither the direction's error nor the day's measurement noise is in it",
        },
        "cholesky": cholesky(total),
    }


def load_terms(movement: dict, rows: Rows) -> dict:
    """What load does to a day's rate, all ways taken together (hazard.json, "planning"): a fit on training athletes without what load works through.

    The coefficients are of a week's risk on the fatigue and the acute excess at its start, of which OVER_WEEK is left on the mean of the week's days: a day's
    rate hangs on what is there on that day by so much more. Neither may be below 0, or the programme would not be convex.
    """
    names, train_rows = [*LOAD_TERMS, *ADJUSTED], rows.split == "train"
    values = values_of(names, movement, rows.take(np.flatnonzero(train_rows)))
    location, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    x, y, who = standardise(values, location, np.where(scale > 1e-9, scale, 1.0)), rows.columns["label"][train_rows], rows.columns["athlete"][train_rows]
    beta, hessian = fit(x, y, np.concatenate(([0.0], np.full(len(names), LIGHT))))
    error = np.sqrt(np.diag(sandwich(x, y, beta, hessian, who)))
    unit = scale[: len(LOAD_TERMS)] * np.array(OVER_WEEK)
    return {
        **{key: round(max(0.0, float(beta[i + 1] / unit[i])), 4) for i, key in enumerate(("fatigue", "loadExcess"))},
        "standardErrors": [round(float(error[i + 1] / unit[i]), 4) for i in range(2)],
        "adjustedFor": list(ADJUSTED),
    }


def train(rows: Rows, description: dict) -> dict:
    """models/hazard.json as a dictionary."""
    y, who, split = rows.columns["label"], rows.columns["athlete"], rows.split
    movement = learn_movement(rows.take(np.flatnonzero(split == "train")))
    counts = {s: {"athletes": len(np.unique(who[split == s])), "rows": int((split == s).sum()), "positive": int(y[split == s].sum())} for s in ("train", "validation")}
    return {
        "format": 2,
        "name": "binn-hazard",
        "version": VERSION,
        "binnSha256": description["model"]["sha256"],
        "horizonDays": description["horizonDays"],
        **learn([*RECORDS, *MOVEMENT], movement, rows),
        "planning": load_terms(movement, rows),
        "minimum": MINIMUM,
        "trainedOn": {
            "what": "simulated seasons only; no recording of a person",
            "dataset": {key: description[key] for key in ("season", "simulator", "seed", "athletes", "days", "sessionSeconds", "model", "incidencePerAthleteDay")},
            "counts": counts,
        },
    }


def predict(model: dict, rows: Rows) -> dict[str, np.ndarray]:
    """probability, lower, upper of each row, as src/asms/hazard.ts computes them (the minimum is judged elsewhere: usable())."""
    values = values_of([feature["name"] for feature in model["features"]], model["movement"], rows)
    location, scale, coefficient = (np.array([f[key] for f in model["features"]]) for key in ("location", "scale", "coefficient"))
    x = standardise(values, location, scale)
    logit = x @ np.concatenate(([model["intercept"]], coefficient))
    lower = np.zeros((x.shape[1], x.shape[1]))
    for i, row in enumerate(model["cholesky"]):
        lower[i, : len(row)] = row
    reach = model["quantile"] * np.sqrt(((x @ lower) ** 2).sum(axis=1))
    return {"probability": sigmoid(logit), "lower": sigmoid(logit - reach), "upper": sigmoid(logit + reach)}


def parity(model: dict, rows: Rows, count: int) -> list[dict]:
    """Vectors that every runtime must reproduce: the inputs of dailyHazard and what comes out. With at most four earlier sessions, to keep the file short."""
    earlier = rows.earlier[:, 1] - rows.earlier[:, 0]
    rows = rows.take(np.flatnonzero(earlier <= 4))
    first = np.flatnonzero(rows.earlier[:, 1] == rows.earlier[:, 0])[: count // 3]
    silent = np.flatnonzero(~np.isfinite(rows.columns["hrvFall"]))[:2]
    few = rows.take(np.unique(np.concatenate((first, silent, np.linspace(0, len(rows) - 1, count).astype(np.int64)))))
    given, records = predict(model, few), record_values(few)
    number = lambda value: float(value) if np.isfinite(value) else None  # noqa: E731
    return [
        {
            "values": {name: number(records[i, k]) for k, (name, _, _) in enumerate(RECORDS)},
            "fAttn": [float(v) for v in few.f_attn[i]],
            "earlier": [[float(v) for v in session] for session in few.sessions[few.earlier[i, 0] : few.earlier[i, 1]]],
            "expected": {name: float(values[i]) for name, values in given.items()},
        }
        for i in range(len(few))
    ]


def write(path: Path, value: dict) -> None:
    """Compact: lists of numbers would take a line a number."""
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")


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
    for split in ("train", "validation"):
        injuries = int(rows.columns["label"][rows.split == split].sum())
        if injuries < FEWEST_INJURIES:
            sys.exit(f"{args.data} holds {injuries} days before an injury among {split} athletes, at least {FEWEST_INJURIES} are needed: make more seasons")
    model = train(rows, description)
    write(args.out / "hazard.json", model)
    write(args.out / "hazard-parity.json", {"version": model["version"], "binnSha256": model["binnSha256"], "vectors": parity(model, rows.take(np.flatnonzero(rows.split == "validation")), 12)})
    keys = ("heldOutCrossEntropy", "calibration")
    print(json.dumps({**{key: model["metrics"][key] for key in keys}, "movement": max(model["movement"]["outOfFold"], key=lambda row: row["r2WithinAthlete"]), "counts": model["trainedOn"]["counts"]}))


if __name__ == "__main__":
    main()
