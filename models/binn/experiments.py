"""
Experiments around the final fit, as cells: each is one small training or adaptation with fixed settings and seed, leaves one JSON file, and is never done twice.

    node scripts/binn.mjs experiments run --data models/data/first --budget-minutes 90 --threads 2     # goes on where it stopped; --list shows what is left
    node scripts/binn.mjs experiments summary                                                           # models/experiments/summary.json

A cell's name is `<kind>-<arm>-s<seed>-<digest>`, where the digest is of its kind, settings, seed, the data set (dataset.json and file sizes) and the code that matters
(CODE, without its comments): changed settings, data or code make new cells, and old files stay. A cell that is killed leaves nothing and starts again; a finished one is skipped.

Kinds
    grid         alpha x beta (eq. 24), 3 x 3, judged on VALIDATION athletes: this one chooses
    ablation     the full network and one part less each (variants.py), judged on test athletes
    pretraining  learning curve over the number of training athletes, with and without masked-channel pretraining on the same athletes, judged on test athletes
    few-shot     head adaptation to an athlete with 0, 1, 5 and 20 labelled windows (fewshot.py), on the trained network of --checkpoint

Ablations and pretraining run at the alpha and beta of the final fit (--alpha, --beta; the paper's unless told), which the grid chose.
Every arm of a kind has the same budget: `updates` of 128 windows each (--updates), no choice among them but in `pretraining`, where few athletes would be learned by heart:
there the best of LOOKS looks at validation is kept, in both arms. It is a fraction of the final fit's, so figures lie below those of the card and only
differences between arms count. Test athletes are only ever reported on. Where a cell ran into --minutes-per-cell, `truncated` is true and its updates say how far it got.

One cell's file
    {"format": 1, "name", "kind", "arm", "seed", "settings", "data": digest, "code": digest, "finished": UTC, "seconds", "updates", "truncated", "parameters", "split",
     "figures": {auc, brier, crossEntropy, rehabMae, performanceMae, meanLogitSd?}: [estimate, 2.5 %, 97.5 %], "calibration": affine on validation athletes,
     "predictions": {"athletes": [...], "windows": [...] (a count each), "logit": base64 int8, "step": logits a unit, "altered": base64 packed bits,
                     "rehab", "performance": [sum of absolute errors, count] an athlete}}
    few-shot: "curves": {arm: {shots: [[error per target] per athlete]}}, "targets", "athletes", "strengths"

summary.json, written by `summary` (intervals: 95 %, BOOTSTRAPS draws of athletes; differences on the same draws; several seeds: the mean of their figures a draw)
    {"format": 1, "bootstraps", "data": {kind: digest}, "code": {kind: digest}, "stale": {kind: true where the code has changed since},
     "grid":        {"split", "updates", "rows": [{alpha, beta, seeds, FIGURES, judged: [e,l,h]}], "best": {alpha, beta}, "paper": {alpha, beta, "minusBest": {judged: [e,l,h]}}},
     "ablation":    {"split", "updates", "alpha", "beta", "rows": [{name, variant, seeds, parameters, truncated, FIGURES, "minusFull": {figure: [e,l,h]} or null}]},
     "pretraining": {"split", "updates", "alpha", "beta", "rows": [{athletes, pretrained, seeds, FIGURES}], "differences": [{athletes, "pretrainedMinusNot": {figure: [e,l,h]}}], "helps": bool},
     "fewShot":     {"targets", "athletes", "rows": [{arm, shots, target ("all" = mean over targets), error: [e,l,h]}], "metaMinusTuned": [{shots, target, difference: [e,l,h]}]}}
    FIGURES = auc, brier, crossEntropy, rehabMae, performanceMae, each [estimate, low, high]; `judged` = crossEntropy. A kind without cells is missing.
    Few-shot errors are shares of the target's variance over training athletes: 1 = no better than the population's mean.
"""

from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .calibrate import fit_calibration, sigmoid
from .data import Athlete, WindowSet
from .fewshot import SHOTS, few_shot
from .losses import ALPHA, BETA
from .pretrain import pretrain
from .train import CHUNK, LANES, Run, Settings, predict, train_pass, validation_loss
from .variants import ABLATIONS, Variant

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "experiments"
KINDS = ("grid", "ablation", "pretraining", "few-shot")
COMMON = ("network.py", "losses.py", "data.py", "train.py", "variants.py", "channels.py")
CODE = {"grid": COMMON, "ablation": COMMON, "pretraining": (*COMMON, "pretrain.py"), "few-shot": (*COMMON, "fewshot.py")}
ALPHAS, BETAS = (0.1, 0.3, 1.0), (0.001, 0.01, 0.1)
SIZES = (40, 120, 360, 0)  # training athletes; 0 = all
UPDATES = 1200
LOOKS = 5
META_ITERATIONS = 3000
BOOTSTRAPS = 1000
# Logits are stored in steps of this, in one byte: +-10.2.
STEP = 0.08
FIGURES = ("auc", "brier", "crossEntropy", "rehabMae", "performanceMae")


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def data_digest(folder: Path) -> str:
    """Of the description, which names seed, simulator and files, and of the files' sizes."""
    description = folder / "dataset.json"
    files = sorted((file.name, file.stat().st_size) for file in folder.glob("*.arrow"))
    return digest([hashlib.sha256(description.read_bytes()).hexdigest() if description.exists() else "", files])


def meaning(source: str) -> str:
    """The source as its syntax tree without comments and docblocks: words may change without making a cell again."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and isinstance(body[0].value.value, str):
            node.body = body[1:]
    return ast.dump(tree)


def code_digest(kind: str) -> str:
    return digest([meaning((HERE / name).read_text()) for name in CODE[kind]])


@dataclass(frozen=True)
class Cell:
    kind: str
    arm: str
    settings: dict
    seed: int
    data: str
    code: str

    @property
    def name(self) -> str:
        key = digest([self.kind, self.settings, self.seed, self.data, self.code])
        return f"{self.kind}-{self.arm.replace(' ', '-')}-s{self.seed}-{key}"

    def path(self, folder: Path) -> Path:
        return folder / f"{self.name}.json"


def cells(data: Path, updates: int, seeds: int, checkpoint: Path | None, alpha: float = ALPHA, beta: float = BETA) -> list[Cell]:
    """All cells, what matters most first; alpha and beta are those of the final fit. Without a checkpoint there are no few-shot cells."""
    data_key = data_digest(data)
    weights = {"alpha": alpha, "beta": beta}
    out: list[Cell] = []

    def add(kind: str, arm: str, seed: int, **settings) -> None:
        out.append(Cell(kind, arm, settings, seed, data_key, code_digest(kind)))

    if checkpoint is not None and checkpoint.exists():
        network = hashlib.sha256(checkpoint.read_bytes()).hexdigest()[:12]
        add("few-shot", "all", 1, checkpoint=network, shots=list(SHOTS), iterations=META_ITERATIONS)
    for seed in range(1, seeds + 1):
        for name, variant in ABLATIONS.items():
            add("ablation", name, seed, variant=variant.to_dict(), updates=updates, **weights)
        if seed == 1:
            for each_alpha in ALPHAS:
                for each_beta in BETAS:
                    add("grid", f"a{each_alpha}-b{each_beta}", seed, alpha=each_alpha, beta=each_beta, updates=updates)
        for size in SIZES:
            for pretrained in (0, updates):
                add("pretraining", f"n{size or 'all'}-{'pretrained' if pretrained else 'plain'}", seed, athletes=size, pretraining=pretrained, updates=updates, looks=LOOKS, **weights)
    return out


def subset(athletes: list[Athlete], size: int) -> list[Athlete]:
    """The same first athletes for every seed, each smaller set inside the larger; 0 or too many = all."""
    order = np.random.default_rng(1).permutation(len(athletes))
    return [athletes[i] for i in order[: size or None]]


def train_cell(windows: WindowSet, cell: Cell, deadline: float, log) -> tuple[Run, bool]:
    """The run after its budget of updates (its average is what counts), and whether time cut it short."""
    settings = cell.settings
    variant = Variant(**settings.get("variant", {}))
    training = subset(windows.of("train"), settings.get("athletes", 0))
    options = {name: settings[name] for name in ("alpha", "beta") if name in settings}
    run = Run(windows, training, Settings(variant=variant, **options), cell.seed)
    if settings.get("pretraining"):
        weights, _ = pretrain(windows, training, settings["pretraining"], cell.seed, deadline - 0.55 * (deadline - time.monotonic()), log)
        run.model.load_state_dict(weights, strict=False)
        run.restart_average()
    looks, best, kept = settings.get("looks", 1), float("inf"), None
    every = max(settings["updates"] // looks, 1)
    number = 0
    while run.updates < settings["updates"] and time.monotonic() < deadline:
        rng = np.random.default_rng((cell.seed, number))
        torch.manual_seed(cell.seed * 100_003 + number)
        number += 1
        for loss in train_pass(run, windows, training, rng):
            if run.updates % max(settings["updates"] // 10, 1) == 0:
                log(f"  update {run.updates}/{settings['updates']}  loss {loss:.3f}")
            if looks > 1 and run.updates % every == 0:
                held = validation_loss(run.average, run.average_map, windows, windows.of("validation"), run.scales, run.settings.weight, run.settings.beta)
                judged = held["injury"] + held["rehab"] + held["performance"]
                if judged < best:
                    best, kept = judged, {name: value.clone() for name, value in run.average.state_dict().items()}
            if run.updates >= settings["updates"] or time.monotonic() >= deadline:
                break
    if kept is not None:
        run.average.load_state_dict(kept)
    return run, run.updates < settings["updates"]


def active_rows(windows: WindowSet, athletes: list[Athlete]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the athletes joined, and which of them are labelled windows of movement."""
    rows = np.concatenate([athlete.rows for athlete in athletes])
    return rows, np.isfinite(windows.columns["label_altered"][rows]) & (windows.columns["activity"][rows] != "rest")


def scored(windows: WindowSet, run: Run, split: str) -> dict:
    """`split`, `calibration` and `predictions` of a cell's file. Calibrated on validation athletes; on validation itself the raw logit is kept."""
    athletes = windows.of(split)
    given = predict(run.average, windows, athletes)
    rows, active = active_rows(windows, athletes)
    logit, calibration = given["state_logit"], None
    if split != "validation":
        held_rows, held_active = active_rows(windows, windows.of("validation"))
        held = predict(run.average, windows, windows.of("validation"))["state_logit"]
        calibration = fit_calibration("affine", held[held_active], windows.columns["label_altered"][held_rows][held_active])
        logit = calibration(logit)
    who = windows.columns["athlete"][rows]
    numbers = [athlete.athlete for athlete in athletes]

    def errors(name: str) -> list[list[float]]:
        gap = np.abs(given[name] - windows.columns[f"label_{name}"][rows])
        return [[round(float(np.nansum(gap[who == a])), 4), int(np.isfinite(gap[who == a]).sum())] for a in numbers]

    stored = np.clip(np.round(logit[active] / STEP), -127, 127).astype(np.int8)
    return {
        "split": split,
        "calibration": calibration.to_dict() if calibration else None,
        "predictions": {
            "athletes": numbers, "windows": [int((who[active] == a).sum()) for a in numbers], "step": STEP,
            "logit": base64.b64encode(stored.tobytes()).decode(),
            "altered": base64.b64encode(np.packbits(windows.columns["label_altered"][rows][active] > 0.5).tobytes()).decode(),
            "rehab": errors("rehab"), "performance": errors("performance"),
        },
    }


class Sums:
    """What the figures of a cell need of each athlete, so that a draw of athletes is a product of matrices."""

    def __init__(self, predictions: dict) -> None:
        step, counts = predictions["step"], np.array(predictions["windows"])
        stored = np.frombuffer(base64.b64decode(predictions["logit"]), np.int8)
        altered = np.unpackbits(np.frombuffer(base64.b64decode(predictions["altered"]), np.uint8))[: len(stored)].astype(float)
        who = np.repeat(np.arange(len(counts)), counts)
        levels = stored.astype(int) + 128
        self.athletes = predictions["athletes"]
        self.altered, self.healthy = (np.zeros((len(counts), 256)) for _ in range(2))
        np.add.at(self.altered, (who, levels), altered)
        np.add.at(self.healthy, (who, levels), 1.0 - altered)
        logit = stored * step
        p = sigmoid(logit)
        each = {"brier": (p - altered) ** 2, "crossEntropy": np.logaddexp(0.0, logit) - altered * logit}
        self.sums = {name: np.bincount(who, value, len(counts)) for name, value in each.items()}
        self.counts = {name: counts.astype(float) for name in each}
        for name in ("rehab", "performance"):
            self.sums[f"{name}Mae"], self.counts[f"{name}Mae"] = np.array(predictions[name], float).T

    def figures(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """weights [draws, athletes]: how often each was drawn -> figure -> [draws]."""
        altered, healthy = weights @ self.altered, weights @ self.healthy
        below = np.cumsum(healthy, axis=1) - 0.5 * healthy
        pairs = np.maximum(altered.sum(axis=1) * healthy.sum(axis=1), 1e-9)
        out = {"auc": (altered * below).sum(axis=1) / pairs}
        for name, sums in self.sums.items():
            out[name] = (weights @ sums) / np.maximum(weights @ self.counts[name], 1e-9)
        return out


def draws(athletes: int) -> np.ndarray:
    """[1 + BOOTSTRAPS, athletes]: everybody once, then athletes with replacement. Fixed, so that cells of one split share them."""
    rng = np.random.default_rng(11)
    return np.concatenate((np.ones((1, athletes)), rng.multinomial(athletes, np.full(athletes, 1.0 / athletes), BOOTSTRAPS)))


def interval(values: np.ndarray) -> list[float]:
    """[estimate, 2.5 %, 97.5 %] from the figure of everybody and of each draw."""
    return [round(float(v), 4) for v in (values[0], *np.nanpercentile(values[1:], (2.5, 97.5)))]


def mean_over_seeds(group: list[dict]) -> dict[str, np.ndarray]:
    """Figure -> [1 + draws], the mean over cells that differ in their seed only."""
    each = [Sums(cell["predictions"]).figures(draws(len(cell["predictions"]["athletes"]))) for cell in group]
    return {name: np.mean([one[name] for one in each], axis=0) for name in FIGURES}


def intervals(figures: dict[str, np.ndarray]) -> dict[str, list[float]]:
    return {name: interval(values) for name, values in figures.items()}


def minus(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict[str, list[float]]:
    return {name: interval(a[name] - b[name]) for name in a}


def run_cell(cell: Cell, windows: WindowSet, checkpoint: Path | None, minutes: float, log) -> dict:
    """What the cell's file holds."""
    started = time.monotonic()
    common = {"format": 1, "name": cell.name, "kind": cell.kind, "arm": cell.arm, "seed": cell.seed, "settings": cell.settings, "data": cell.data, "code": cell.code}
    if cell.kind == "few-shot":
        from .export import load_checkpoint

        model, _ = load_checkpoint(checkpoint)
        found = few_shot(model, windows, cell.settings["iterations"], cell.seed)
        curves = {arm: {shots: np.round(value, 4).tolist() for shots, value in byshots.items()} for arm, byshots in found["curves"].items()}
        return {**common, "split": "test", "seconds": round(time.monotonic() - started, 1), **found, "curves": curves}
    # A sixth of the time is for scoring.
    run, truncated = train_cell(windows, cell, started + minutes * 60 * 5 / 6, log)
    result = scored(windows, run, "validation" if cell.kind == "grid" else "test")
    figures = intervals(mean_over_seeds([result]))
    return {
        **common, "seconds": round(time.monotonic() - started, 1), "updates": run.updates, "windowsSeen": run.updates * LANES * CHUNK, "truncated": truncated,
        "parameters": sum(p.numel() for p in run.model.parameters()), "figures": figures, **result,
    }


def finished(folder: Path) -> list[dict]:
    """All cells' files; the newest last."""
    return sorted((json.loads(file.read_text()) for file in folder.glob("*-s*-*.json")), key=lambda cell: (cell["finished"], cell["name"]))


def of_kind(done: list[dict], kind: str) -> list[dict]:
    """The cells of a kind that belong together: same data, code, budget and, but for the grid, weights of eq. 24 as the newest."""
    mine = [cell for cell in done if cell["kind"] == kind]

    def group(cell: dict) -> tuple:
        weights = () if kind == "grid" else (cell["settings"].get("alpha"), cell["settings"].get("beta"))
        return cell["data"], cell["code"], cell["settings"].get("updates"), cell["settings"].get("checkpoint"), *weights

    return [cell for cell in mine if group(cell) == group(mine[-1])]


def by_arm(done: list[dict]) -> dict[str, list[dict]]:
    arms: dict[str, list[dict]] = {}
    for cell in done:
        arms.setdefault(cell["arm"], []).append(cell)
    return arms


def row(group: list[dict], figures: dict[str, np.ndarray]) -> dict:
    return {"seeds": len(group), "truncated": any(cell["truncated"] for cell in group), **intervals(figures)}


def grid_table(done: list[dict]) -> dict:
    arms = by_arm(done)
    figures = {arm: mean_over_seeds(group) for arm, group in arms.items()}
    judged = {arm: value["crossEntropy"] for arm, value in figures.items()}
    best = min(judged, key=lambda arm: judged[arm][0])
    at = {arm: {name: group[0]["settings"][name] for name in ("alpha", "beta")} for arm, group in arms.items()}
    table = {"rows": [{**at[arm], **row(arms[arm], figures[arm]), "judged": interval(judged[arm])} for arm in sorted(arms)], "best": at[best]}
    paper = next((arm for arm, value in at.items() if value == {"alpha": 0.3, "beta": 0.01}), None)
    if paper is not None:
        table["paper"] = {**at[paper], "minusBest": {"judged": interval(judged[paper] - judged[best])}}
    return table


def ablation_table(done: list[dict]) -> dict:
    arms = by_arm(done)
    figures = {arm: mean_over_seeds(group) for arm, group in arms.items()}
    rows = []
    for arm in [name for name in ABLATIONS if name in arms]:
        group = arms[arm]
        difference = minus(figures[arm], figures["full"]) if arm != "full" and "full" in figures else None
        rows.append({"name": arm, "variant": group[0]["settings"]["variant"], "parameters": group[0]["parameters"], **row(group, figures[arm]), "minusFull": difference})
    return {"rows": rows}


def pretraining_table(done: list[dict]) -> dict:
    arms = by_arm(done)
    figures = {arm: mean_over_seeds(group) for arm, group in arms.items()}
    rows, differences = [], []
    for size in SIZES:
        plain, pretrained = f"n{size or 'all'}-plain", f"n{size or 'all'}-pretrained"
        for arm in (plain, pretrained):
            if arm in arms:
                rows.append({"athletes": size or "all", "pretrained": arm == pretrained, **row(arms[arm], figures[arm])})
        if plain in figures and pretrained in figures:
            differences.append({"athletes": size or "all", "pretrainedMinusNot": minus(figures[pretrained], figures[plain])})
    # It helps where it would be used: with all athletes, and by more than chance.
    helps = any(entry["athletes"] == "all" and entry["pretrainedMinusNot"]["crossEntropy"][2] < 0 for entry in differences)
    return {"rows": rows, "differences": differences, "helps": helps}


def few_shot_table(done: list[dict]) -> dict:
    cell = done[-1]
    targets = ["all", *cell["targets"]]
    weights = draws(len(cell["athletes"]))

    def drawn(arm: str, shots: str) -> dict[str, np.ndarray]:
        values = np.array(cell["curves"][arm][shots], float)
        known = np.isfinite(values)
        mean = (weights @ np.where(known, values, 0.0)) / np.maximum(weights @ known, 1e-9)
        return dict(zip(targets, (mean.mean(axis=1), *mean.T)))

    at = {(arm, shots): drawn(arm, shots) for arm, curve in cell["curves"].items() for shots in curve}
    rows = [{"arm": arm, "shots": int(shots), "target": target, "error": interval(values)} for (arm, shots), by in at.items() for target, values in by.items()]
    gaps = [
        {"shots": int(shots), "target": target, "difference": interval(at["meta", shots][target] - at["tuned", shots][target])}
        for shots in cell["curves"]["meta"] for target in targets
    ]
    return {"targets": cell["targets"], "athletes": len(cell["athletes"]), "strengths": cell["strengths"], "rows": rows, "metaMinusTuned": gaps}


TABLES = {"grid": grid_table, "ablation": ablation_table, "pretraining": pretraining_table, "few-shot": few_shot_table}


def summarise(folder: Path) -> dict:
    """summary.json, whose shape the head of this file gives."""
    done = finished(folder)
    out: dict = {"format": 1, "bootstraps": BOOTSTRAPS, "windowsAnUpdate": LANES * CHUNK, "data": {}, "code": {}, "stale": {}}
    for kind, table in TABLES.items():
        mine = of_kind(done, kind)
        if not mine:
            continue
        out["data"][kind], out["code"][kind], out["stale"][kind] = mine[0]["data"], mine[0]["code"], mine[0]["code"] != code_digest(kind)
        key = "fewShot" if kind == "few-shot" else kind
        weights = {name: mine[0]["settings"].get(name) for name in ("alpha", "beta")} if kind in ("ablation", "pretraining") else {}
        out[key] = {"split": mine[0]["split"], "updates": mine[0]["settings"].get("updates"), **weights, "cells": len(mine), "seconds": round(sum(cell["seconds"] for cell in mine), 1), **table(mine)}
    return out


def write(path: Path, value: dict) -> None:
    """In one go: a killed process leaves no half a file."""
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(value) + "\n")
    beside.replace(path)


def run_cells(wanted: list[Cell], folder: Path, windows_of, checkpoint: Path | None, minutes: float, budget: float, log, work=run_cell) -> int:
    """Runs what is not there yet, until the budget (minutes) would not hold another cell; returns how many were run. windows_of() opens the data set when first needed."""
    folder.mkdir(parents=True, exist_ok=True)
    started, ran = time.monotonic(), 0
    for cell in wanted:
        path = cell.path(folder)
        if path.exists():
            continue
        left = budget - (time.monotonic() - started) / 60
        if left < min(minutes, budget) * 0.5 or left <= 0:
            log(f"budget used: {ran} cells run")
            break
        log(f"{cell.name}")
        result = work(cell, windows_of(), checkpoint, min(minutes, left), log)
        write(path, {**result, "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
        ran += 1
        auc = result.get("figures", {}).get("auc")
        log(f"  {result.get('seconds', 0)} s" + (f"  AUC {auc[0]} ({auc[1]} to {auc[2]})" if auc else ""))
    return ran


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("run", "summary"))
    parser.add_argument("--data", type=Path, help="folder written by npm run dataset")
    parser.add_argument("--checkpoint", type=Path, help="trained network for few-shot (default: binn.pt in the data folder)")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--list", action="store_true", help="show the cells and which of them are done, run none")
    parser.add_argument("--only", choices=KINDS, action="append", help="this kind only; may be repeated")
    parser.add_argument("--updates", type=int, default=UPDATES, help="updates of 128 windows in every training cell")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--alpha", type=float, default=ALPHA, help="eq. 24, in ablation and pretraining cells: the final fit's")
    parser.add_argument("--beta", type=float, default=BETA)
    parser.add_argument("--minutes-per-cell", type=float, default=10.0)
    parser.add_argument("--budget-minutes", type=float, default=360.0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if args.command == "summary":
        summary = summarise(args.out)
        write(args.out / "summary.json", summary)
        print(json.dumps({key: value for key, value in summary.items() if key in ("data", "code", "stale")}))
        return
    if args.data is None:
        parser.error("run needs --data")
    torch.set_num_threads(args.threads)
    checkpoint = args.checkpoint or args.data / "binn.pt"
    wanted = [cell for cell in cells(args.data, args.updates, args.seeds, checkpoint, args.alpha, args.beta) if not args.only or cell.kind in args.only]
    if args.list:
        for cell in wanted:
            print(f"{'done' if cell.path(args.out).exists() else 'open'}  {cell.name}")
        return
    opened: list[WindowSet] = []

    def windows_of() -> WindowSet:
        if not opened:
            opened.append(WindowSet(args.data))
        return opened[0]

    ran = run_cells(wanted, args.out, windows_of, checkpoint, args.minutes_per_cell, args.budget_minutes, log)
    print(json.dumps({"ran": ran, "open": sum(not cell.path(args.out).exists() for cell in wanted), "cells": len(wanted)}))


if __name__ == "__main__":
    main()
