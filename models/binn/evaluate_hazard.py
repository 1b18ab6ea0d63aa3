"""The hazard on athletes that neither fit nor calibration saw, beside its baselines and both ceilings.

    python -m binn.evaluate_hazard --data models/data/season --model models --out models/hazard-evaluation.json

Nothing is fitted on test athletes: baselines come from training athletes, their settings from validation athletes. Intervals are percentiles of
a bootstrap over athletes, the same draws for every figure.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from .calibrate import cross_entropy, sigmoid
from .hazard import LIGHT, MOVEMENT, fit, learn, predict, standardise
from .hazard_data import RECORDS, Rows, read_rows, record_values, usable
from .hazard_metrics import auc, calibration, draws, grouped_auc, interval

BOOTSTRAPS = 500
# Penalties tried where injuries alone have to find the direction in F_attn.
DIRECT = (100.0, 1000.0, 10000.0)


def logistic(train: np.ndarray, y: np.ndarray, test: np.ndarray, size: float | np.ndarray = LIGHT) -> np.ndarray:
    location, scale = np.nanmean(train, axis=0), np.nanstd(train, axis=0) + 1e-9
    penalty = np.concatenate(([0.0], np.broadcast_to(size, train.shape[1])))
    beta, _ = fit(standardise(train, location, scale), y, penalty)
    return sigmoid(standardise(test, location, scale) @ beta)


def loss_of(p: np.ndarray, y: np.ndarray) -> float:
    clipped = np.clip(p, 1e-9, 1 - 1e-9)
    return cross_entropy(np.log(clipped) - np.log1p(-clipped), y)


def direct(rows: dict[str, Rows], y: dict[str, np.ndarray]) -> np.ndarray:
    """Records, pooled F_attn and its change from the earlier mean in one logistic regression on injuries: what the two steps of hazard.py spare. The penalty by validation athletes."""
    parts = {split: np.column_stack((record_values(part), part.f_attn, part.f_attn - earlier_means(part))) for split, part in rows.items()}
    sizes = {size: np.concatenate((np.full(len(RECORDS), LIGHT), np.full(parts["train"].shape[1] - len(RECORDS), size))) for size in DIRECT}
    best = min(sizes.values(), key=lambda size: loss_of(logistic(parts["train"], y["train"], parts["validation"], size), y["validation"]))
    return logistic(parts["train"], y["train"], parts["test"], best)


def boosted(parts: dict[str, np.ndarray], y: dict[str, np.ndarray]) -> np.ndarray:
    """Gradient-boosted trees; leaves and number of trees by cross-entropy on validation athletes."""
    best = (np.inf, None)
    for leaves, trees in itertools.product((3, 6), (40, 80, 160)):
        model = HistGradientBoostingClassifier(max_leaf_nodes=leaves, max_iter=trees, learning_rate=0.05, min_samples_leaf=100, l2_regularization=10, early_stopping=False, random_state=1)
        model.fit(parts["train"], y["train"])
        loss = loss_of(model.predict_proba(parts["validation"])[:, 1], y["validation"])
        if loss < best[0]:
            best = (loss, model)
    return best[1].predict_proba(parts["test"])[:, 1]


def earlier_means(rows: Rows) -> np.ndarray:
    """Mean F_attn of the athlete's earlier sessions, NaN where there are none: [rows, width]."""
    total = np.concatenate((np.zeros((1, rows.sessions.shape[1])), np.cumsum(rows.sessions, axis=0)))
    count = rows.earlier[:, 1] - rows.earlier[:, 0]
    return (total[rows.earlier[:, 1]] - total[rows.earlier[:, 0]]) / np.where(count > 0, count, np.nan)[:, None]


def baselines_of(rows: dict[str, Rows], y: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Models without BINN."""
    records = {split: record_values(part) for split, part in rows.items()}
    ratio = {split: np.column_stack((part.columns["uncoupledRatio"], part.columns["uncoupledRatio"] ** 2)) for split, part in rows.items()}
    return {
        "constant": np.full(len(rows["test"]), y["train"].mean()),
        "acuteChronicRatio": logistic(ratio["train"], y["train"], ratio["test"]),
        "logistic": logistic(records["train"], y["train"], records["test"]),
        "boostedTrees": boosted(records, y),
    }


def beside_of(model: dict, known: Rows, rows: dict[str, Rows], y: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What each part of the model carries alone, made as the model is made, and another way to use the same inputs."""
    arms = {"recordsOnly": list(RECORDS), "fAttnOnly": list(MOVEMENT)}
    return {name: predict(learn(features, model["movement"], known), rows["test"])["probability"] for name, features in arms.items()} | {"fAttnFromInjuriesAlone": direct(rows, y)}


def calibration_bins(p: np.ndarray, y: np.ndarray, weight: np.ndarray, count: int = 10) -> list[dict]:
    """Rows by equal numbers from low to high probability: mean given, share injured with its interval over athletes, rows, injuries. Draws that leave a bin empty count nowhere."""
    bins = []
    for rows in np.array_split(np.argsort(p, kind="stable"), count):
        inside = weight[:, rows]
        observed = np.divide(inside @ y[rows], inside.sum(axis=1), out=np.full(len(weight), np.nan), where=inside.sum(axis=1) > 0)
        bins.append({"predicted": round(float(p[rows].mean()), 5), "observed": interval(observed), "count": len(rows), "positive": int(y[rows].sum())})
    return bins


def figures(p: np.ndarray, rows: Rows, weight: np.ndarray, calibrated: bool) -> dict:
    y, who, day = (rows.columns[name] for name in ("label", "athlete", "day"))
    out = {
        "auc": interval(auc(p, y, weight)),
        "aucWithinAthlete": interval(grouped_auc(p, y, who, weight, squared=True)),
        "aucBetweenAthletesOnADay": interval(grouped_auc(p, y, day, weight, squared=False)),
        "brier": interval((weight @ (p - y) ** 2) / weight.sum(axis=1)),
    }
    if calibrated:
        out |= {name: interval(values) for name, values in calibration(p, y, weight).items()}
    return out


def way(p: np.ndarray, ceiling: np.ndarray, y: np.ndarray, weight: np.ndarray) -> list[float] | None:
    """Share of the way from 0.5 to the ceiling's AUC."""
    return interval((auc(p, y, weight) - 0.5) / (auc(ceiling, y, weight) - 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("models/data/season"))
    parser.add_argument("--model", type=Path, default=Path("models"), help="folder with hazard.json")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    every, description = read_rows(args.data)
    model = json.loads((args.model / "hazard.json").read_text())
    if model["binnSha256"] != description["model"]["sha256"]:
        sys.exit(f"hazard.json belongs to graph {model['binnSha256'][:12]}, the data set to {description['model']['sha256'][:12]}")
    used = every.take(usable(every))
    rows = {split: used.take(np.flatnonzero(used.split == split)) for split in ("train", "validation", "test")}
    test = rows["test"]
    y = test.columns["label"]
    weight = draws(test.columns["athlete"], BOOTSTRAPS, np.random.default_rng(args.seed))
    given = predict(model, test)
    p, oracle, ceiling = given["probability"], test.columns["oracle"], test.columns["ceiling"]
    labels = {split: part.columns["label"] for split, part in rows.items()}
    baselines, beside = baselines_of(rows, labels), beside_of(model, used.take(np.flatnonzero(used.split != "test")), rows, labels)
    own = auc(p, y, weight)
    counted = np.flatnonzero(every.split == "test")
    report = {
        "split": "test",
        "athletes": len(np.unique(test.columns["athlete"])),
        "rows": len(test),
        "positive": int(y.sum()),
        "leftOut": {"censored": int(np.isnan(every.columns["label"][counted]).sum()), "notEnoughData": len(counted) - len(test) - int(np.isnan(every.columns["label"][counted]).sum())},
        "bootstraps": BOOTSTRAPS,
        "hazard": figures(p, test, weight, True),
        "calibrationBins": calibration_bins(p, y, weight),
        "intervalWidthMedian": round(float(np.median(given["upper"] - given["lower"])), 4),
        "intervalHoldsCeiling": round(float(((ceiling >= given["lower"]) & (ceiling <= given["upper"])).mean()), 4),
        "baselines": {name: {**figures(q, test, weight, True), "aucDifference": interval(own - auc(q, y, weight))} for name, q in baselines.items()},
        "beside": {name: {**figures(q, test, weight, True), "aucDifference": interval(own - auc(q, y, weight))} for name, q in beside.items()},
        "ceilings": {
            "observable": {**figures(ceiling, test, weight, True), "shareOfTheWay": way(p, ceiling, y, weight)},
            "latentOracle": {**figures(oracle, test, weight, True), "shareOfTheWay": way(p, oracle, y, weight)},
        },
        "model": {"version": model["version"], "binnSha256": model["binnSha256"]},
        "dataset": {key: value for key, value in description.items() if key != "files"},
    }
    text = json.dumps(report, indent=2)
    if args.out:
        args.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
