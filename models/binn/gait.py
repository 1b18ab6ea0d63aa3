"""Real gait: healthy against orthopaedic, beside the baselines (npm run evaluate:gait).

    python -m binn.gait --data DIR --test-data DIR --out FILE      fits on one folder, tests on the other
    python -m binn.gait --data DIR --out FILE                      5-fold cross-validation over the subjects of one folder, nested

The label is "walks with an orthopaedic condition now". No figure here says anything about injuries to come. Windows are made by the service's own
data-set export (`npm run dataset -- --data`): the standing mean of each trial and channel is off, and only walking counts. Figures are by
subject. Nothing is fitted on a subject that is tested: pretraining, ridge strength and heads see training subjects only. What recipes were looked at
before this one was settled is in models/gait.md. No weights are written (the recordings' licence).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from . import gait_metrics as metrics
from .gait_data import GaitError, GaitSet, joined, load
from .gait_model import Recipe, choose_strength, head_logits, inner_folds, pretrain, represent, with_context

ROOT = Path(__file__).resolve().parents[2]
OUTER_FOLDS = 5
FEWEST = 10
SCORES = ("binn", "binnNoContext", "logistic", "age", "speed", "standing")
BASELINE_STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
NOTE = (
    "Label: walks with an orthopaedic lower-limb condition now. Not a forecast of injuries. "
    "Data: IPOL gait set of Truong et al. 2019, CC BY-NC-SA: evaluation only, no weights are kept."
)


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Fold:
    """Who is fitted on and who is scored; rows of the set."""

    train: np.ndarray
    test: np.ndarray
    number: int


def export(data: Path, out: Path, priors: Path | None) -> GaitSet:
    """Windows of a folder through the service's own export. GaitError with its sentence where it refuses."""
    program = ROOT / "dist" / "src" / "cli" / "dataset.js"
    if not program.exists():
        raise GaitError("the service is not built: run npm run build first")
    given = ["--priors", str(priors)] if priors else []
    done = subprocess.run(
        ["node", str(program), "--data", str(data.resolve()), "--out", str(out), *given], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, check=False,
    )
    if done.returncode == 2:
        said = [line for line in done.stderr.strip().splitlines() if not line.startswith("npm run dataset")]
        raise GaitError(said[-1])
    if done.returncode != 0:
        raise RuntimeError(f"the export of {data} failed with status {done.returncode}:\n{done.stderr[-2000:]}")
    return load(out)


def check(data: GaitSet, folder: Path, fewest: int) -> None:
    """GaitError where there is too little to fit or to score."""
    missing = sorted({name for at, name in enumerate(data.names) if all(bout.subject != at for bout in data.bouts)})
    if missing:
        raise GaitError(f"{folder}: no walking of two seconds from subject {', '.join(missing)}")
    if len(set(data.label.tolist())) < 2:
        raise GaitError(f"{folder}: all {len(data)} subjects are of one group, so there is nothing to tell apart")
    if len(data) < fewest or min(data.label.sum(), (1 - data.label).sum()) < 2:
        raise GaitError(f"{folder}: {len(data)} subjects are too few; {fewest} are needed, two of each group at least")


def refuse_overlap(train: GaitSet, test: GaitSet) -> None:
    """GaitError where somebody is in both folders: the figures would be of subjects that were learned."""
    both = sorted(set(train.names) & set(test.names), key=lambda name: (len(name), name))
    if both:
        raise GaitError(f"subject {', '.join(both)} is in both folders: a test subject must not have been trained on")


def nested_folds(data: GaitSet, seed: int) -> list[Fold]:
    """Outer folds over subjects, stratified by group."""
    count = int(min(OUTER_FOLDS, data.label.sum(), (1 - data.label).sum()))
    cut = StratifiedKFold(count, shuffle=True, random_state=seed).split(data.label, data.label)
    return [Fold(train, test, number) for number, (train, test) in enumerate(cut)]


def logistic(strength: float) -> Pipeline:
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), LogisticRegression(C=strength, max_iter=5000))


def baseline(columns: np.ndarray, label: np.ndarray, fold: Fold, strengths: tuple[float, ...], seed: int) -> np.ndarray:
    """Logits of the test subjects by logistic regression on some columns; its strength by cross-validation over training subjects."""
    inside, wanted = columns[fold.train], label[fold.train]

    def loss(strength: float) -> float:
        folds = StratifiedKFold(inner_folds(wanted), shuffle=True, random_state=seed)
        return sum(
            log_loss(wanted[b], logistic(strength).fit(inside[a], wanted[a]).predict_proba(inside[b])[:, 1], labels=(0, 1), normalize=False)
            for a, b in folds.split(inside, wanted)
        )

    best = strengths[0] if len(strengths) == 1 else min(strengths, key=loss)
    return logistic(best).fit(inside, wanted).decision_function(columns[fold.test])


def networks(data: GaitSet, folds: list[Fold], recipe: Recipe, seed: int, minutes: float) -> list[list[np.ndarray]]:
    """
    For each fold what its networks make of every subject. A network is added to every fold or to none, and none is begun that would, going by
    the one before, end after `minutes`.
    """
    views: list[list[np.ndarray]] = [[] for _ in folds]
    started = time.monotonic()
    for member in range(recipe.members):
        spent = time.monotonic() - started
        if member > 0 and spent * (member + 1) / member > minutes * 60:
            log(f"stopping at {member} networks: {spent / 60:.1f} of {minutes} minutes are used")
            break
        for fold in folds:
            model = pretrain(data, fold.train, recipe, data.scale, 1000 * seed + 10 * member + fold.number)
            views[fold.number].append(represent(model, len(data), data.bouts))
            log(f"network {member + 1} of {recipe.members}, fold {fold.number + 1} of {len(folds)}: {time.monotonic() - started:.0f} s")
    return views


def fold_scores(data: GaitSet, fold: Fold, views: list[np.ndarray], recipe: Recipe, seed: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Logits of the fold's test subjects by each score, and the ridge strengths that were chosen."""
    label, strengths, out = data.label, {}, {}
    for name, seen in (("binn", [with_context(view, data) for view in views]), ("binnNoContext", views)):
        strengths[name] = choose_strength(seen, label, fold.train, recipe.strengths, seed)
        out[name] = head_logits(seen, label, fold.train, fold.test, strengths[name])
    out["logistic"] = baseline(data.features, label, fold, BASELINE_STRENGTHS, seed)
    out["age"] = baseline(data.age[:, None], label, fold, (1.0,), seed)
    out["speed"] = baseline(data.speed[:, None], label, fold, (1.0,), seed)
    out["standing"] = baseline(data.standing, label, fold, BASELINE_STRENGTHS, seed)
    return out, strengths


def score(data: GaitSet, folds: list[Fold], views: list[list[np.ndarray]], recipe: Recipe, seed: int) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Each score's logit of every test subject; NaN for those that no fold tests."""
    scores = {name: np.full(len(data), np.nan) for name in SCORES}
    chosen = []
    for fold in folds:
        given, strengths = fold_scores(data, fold, views[fold.number], recipe, seed)
        chosen.append(strengths)
        for name in SCORES:
            scores[name][fold.test] = given[name]
    return scores, chosen


def filled(values: np.ndarray) -> np.ndarray:
    """Missing covariates as the median; zeros where all are missing."""
    return np.where(np.isfinite(values), values, np.nanmedian(values) if np.isfinite(values).any() else 0.0)


def figures(data: GaitSet, rows: np.ndarray, scores: dict[str, np.ndarray], seed: int) -> dict:
    """auc, differences, adjusted and predictions over the tested subjects."""
    label, at = data.label[rows], {name: values[rows] for name, values in scores.items()}
    counts = metrics.draws(label, seed)
    age, speed = filled(data.age)[rows], filled(data.speed)[rows]
    p = 1 / (1 + np.exp(-at["binn"]))
    return {
        "auc": {name: metrics.auc_interval(label, at[name], counts) for name in SCORES},
        "difference": {
            mine: {other: metrics.difference_interval(label, at[mine], at[other], counts) for other in ("logistic", "age", "speed")}
            for mine in ("binn", "binnNoContext")
        },
        "adjusted": {name: metrics.adjusted(label, at[name], age, speed, counts) for name in ("binn", "binnNoContext", "logistic")},
        "predictions": [{"subject": data.names[row], "label": int(data.label[row]), "p": round(float(p[i]), 4)} for i, row in enumerate(rows)],
    }


def run(args: argparse.Namespace) -> dict:
    started = time.monotonic()
    recipe = replace(Recipe(), members=args.networks, updates=args.updates)
    same = args.test_data is None or args.test_data.resolve() == args.data.resolve()
    with tempfile.TemporaryDirectory(prefix="kinewatch-gait-") as folder:
        log(f"exporting {args.data}")
        data = export(args.data, Path(folder) / "train", None)
        check(data, args.data, FEWEST)
        if same:
            folds = nested_folds(data, args.seed)
        else:
            log(f"exporting {args.test_data}")
            test = export(args.test_data, Path(folder) / "test", Path(folder) / "train")
            refuse_overlap(data, test)
            check(test, args.test_data, 4)
            train = len(data)
            data = joined(data, test)
            folds = [Fold(np.arange(train), np.arange(train, len(data)), 0)]
    log(f"{len(data)} subjects, {data.trials} trials, {data.walking_windows} walking windows")
    views = networks(data, folds, recipe, args.seed, args.minutes)
    scores, chosen = score(data, folds, views, recipe, args.seed)
    rows = np.sort(np.concatenate([fold.test for fold in folds]))
    report = {
        "mode": "nested cross-validation over subjects" if same else "trained on one folder, tested on another",
        "note": NOTE,
        "subjects": {
            "trained": len(data) if same else int(len(folds[0].train)), "tested": len(rows), "testedOrthopedic": int(data.label[rows].sum()),
            "trials": data.trials, "walkingWindows": data.walking_windows,
        },
        "settings": {
            "seed": args.seed, "threads": args.threads, "folds": len(folds), "networks": len(views[0]), "bootstraps": metrics.BOOTSTRAPS,
            "recipe": asdict(recipe), "strengths": chosen,
        },
        **figures(data, rows, scores, args.seed),
    }
    if args.leak:
        from .gait_leak import search

        report["leak"] = search(data, folds, views, recipe, args.seed)
    report["seconds"] = round(time.monotonic() - started, 1)
    return report


def parse(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="npm run evaluate:gait --", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the gait-imu form to train on: trials.csv and trials/CODE.i16.gz")
    parser.add_argument("--test-data", type=Path, help="folder of the same form, other subjects; without it nested cross-validation over --data")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=25.0, help="no further network is begun that would end later; fewer networks give other figures")
    parser.add_argument("--threads", type=int, default=1, help="the same number repeats a run to the digit")
    parser.add_argument("--networks", type=int, default=Recipe.members, help="networks averaged")
    parser.add_argument("--updates", type=int, default=Recipe.updates, help="updates of each network's pretraining; 0 leaves it as initialised")
    parser.add_argument("--leak", action="store_true", help="also search for leaks (adds minutes)")
    args = parser.parse_args(given)
    if args.networks < 1 or args.updates < 0 or args.threads < 1 or not args.minutes > 0 or args.seed < 0:
        parser.error("--networks, --threads and --minutes must be positive, --updates and --seed not negative")
    if not args.out.resolve().parent.is_dir():
        parser.error(f"--out {args.out}: there is no such folder")
    return args


def main() -> int:
    args = parse()
    torch.set_num_threads(args.threads)
    try:
        report = run(args)
    except GaitError as error:
        log(str(error))
        return 2
    args.out.write_text(json.dumps(report, indent=2) + "\n")
    log(f"{report['seconds']:.0f} s; wrote {args.out}")
    print(json.dumps({"auc": report["auc"], "difference": report["difference"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
