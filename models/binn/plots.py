"""Draws models/plots/*.svg from the JSON files that the other commands leave. A plot whose figures are not there is skipped, with the reason.

    python -m binn.plots --models models --out models/plots

Reads evaluation.json (evaluate.py), experiments/summary.json (experiments.py), hazard-evaluation.json and robustness.json, in `--models`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Callable

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt  # noqa: E402

NAMES = {
    "binn": "BINN", "logistic": "logistic (eq. 2)", "lstm": "plain LSTM (eq. 3)", "trees": "boosted trees", "logisticRunning": "logistic, running mean",
    "lstmRunning": "plain LSTM, running mean", "treesRunning": "boosted trees, running mean",
}
# Colours of Okabe and Ito, told apart without colour vision too.
COLOURS = {"binn": "#0072B2", "logistic": "#999999", "lstm": "#D55E00", "trees": "#009E73"}
STYLES = {"binn": "-", "logistic": ":", "lstm": "--", "trees": "-."}
MAX_BYTES = 150_000
STYLE = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#E5E5E5", "grid.linewidth": 0.6, "legend.frameon": False,
    # Text stays text and ids do not change from run to run: small files, readable differences.
    "svg.fonttype": "none", "svg.hashsalt": "binn", "figure.figsize": (4.6, 3.6), "figure.constrained_layout.use": True,
}


class Absent(Exception):
    """What a plot needs is not there; the text says what."""


def need(value, what: str):
    if value is None or value == {} or value == []:
        raise Absent(what)
    return value


def of_models(evaluation: dict | None) -> dict:
    return need((need(evaluation, "no evaluation.json")).get("curves", {}).get("models"), "evaluation.json holds no curves: run evaluate again")


def lines(axes, curves: dict, key: str) -> None:
    for name, colour in COLOURS.items():
        if name in curves:
            axes.plot(*curves[name][key], color=colour, linestyle=STYLES[name], label=NAMES[name], linewidth=1.6 if name == "binn" else 1.2)


def roc(files: dict) -> plt.Figure:
    curves = of_models(files["evaluation"])
    figure, axes = plt.subplots()
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=0.8)
    lines(axes, curves, "roc")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC, unseen simulated athletes", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="lower right")
    return figure


def precision_recall(files: dict) -> plt.Figure:
    curves = of_models(files["evaluation"])
    figure, axes = plt.subplots()
    axes.axhline(files["evaluation"]["altered"], color="#BBBBBB", linewidth=0.8)
    lines(axes, curves, "precisionRecall")
    axes.set(xlabel="recall", ylabel="precision", title="Precision and recall, unseen simulated athletes", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="lower left")
    return figure


def calibration(files: dict) -> plt.Figure:
    curves = of_models(files["evaluation"])
    figure, (axes, below) = plt.subplots(2, 1, height_ratios=(3, 1), figsize=(4.6, 4.6), sharex=True)
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=0.8)
    for name, colour in COLOURS.items():
        if name in curves:
            axes.plot(*curves[name]["calibration"], color=colour, linestyle=STYLES[name], marker=".", label=NAMES[name], linewidth=1.2)
    axes.set(ylabel="share altered", title="Calibration, tenths of equal size", ylim=(-0.01, 1.01))
    axes.legend(loc="upper left")
    counts = curves["binn"]["histogram"]
    below.bar([(i + 0.5) / len(counts) for i in range(len(counts))], counts, width=0.9 / len(counts), color=COLOURS["binn"])
    below.set(xlabel="probability given", ylabel="windows (BINN)", xlim=(-0.01, 1.01))
    return figure


def decision(files: dict) -> plt.Figure:
    curves = of_models(files["evaluation"])
    stored = files["evaluation"]["curves"]
    figure, axes = plt.subplots()
    at = stored["decisionThresholds"]
    axes.axhline(0, color="#555555", linewidth=0.8, label="nobody")
    axes.plot(at, stored["treatAll"], color="#BBBBBB", linewidth=1.2, label="everybody")
    for name, colour in COLOURS.items():
        if name in curves:
            axes.plot(at, curves[name]["netBenefit"], color=colour, linestyle=STYLES[name], label=NAMES[name], linewidth=1.6 if name == "binn" else 1.2)
    top = max(curves["binn"]["netBenefit"])
    axes.set(xlabel="threshold probability", ylabel="net benefit", title="Decision curve", ylim=(-0.1 * max(top, 0.05), 1.1 * max(top, 0.05)), xlim=(0, 1))
    axes.legend()
    return figure


def bars_of(axes, names: list[str], values: list[list[float]]) -> None:
    """Horizontal bars with intervals; the first on top."""
    place = list(range(len(names)))[::-1]
    axes.barh(place, [v[0] for v in values], color=COLOURS["binn"], height=0.6)
    axes.errorbar(
        [v[0] for v in values], place, xerr=[[max(v[0] - v[1], 0) for v in values], [max(v[2] - v[0], 0) for v in values]], fmt="none", ecolor="#333333", linewidth=1,
    )
    axes.set_yticks(place, names)
    axes.axvline(0, color="#333333", linewidth=0.8)
    axes.grid(axis="y", visible=False)


def experiments(files: dict, kind: str) -> dict:
    return need(need(files["experiments"], "no experiments/summary.json").get(kind), f"no cells of {kind} in experiments/summary.json")


def ablation(files: dict) -> plt.Figure:
    rows = [row for row in experiments(files, "ablation")["rows"] if row.get("minusFull") and row["minusFull"].get("auc")]
    need(rows, "no ablation beside the full network")
    figure, axes = plt.subplots(figsize=(6.0, 0.6 + 0.38 * len(rows)))
    bars_of(axes, [row["name"] for row in rows], [row["minusFull"]["auc"] for row in rows])
    axes.set(xlabel="AUC minus that of the full network (95 % interval)", title="Ablations, same short training")
    return figure


def learning(files: dict) -> plt.Figure:
    """Sizes stand side by side: each is about three times the one before, and the last may be "all"."""
    rows = need(experiments(files, "pretraining")["rows"], "no rows of pretraining")
    figure, axes = plt.subplots()
    sizes = list(dict.fromkeys(row["athletes"] for row in rows))
    sizes.sort(key=lambda size: size if isinstance(size, (int, float)) else float("inf"))
    for pretrained, label, colour, style in ((False, "from random weights", "#999999", "--"), (True, "after masked-channel pretraining", COLOURS["binn"], "-")):
        mine = sorted((row for row in rows if bool(row["pretrained"]) == pretrained), key=lambda row: sizes.index(row["athletes"]))
        if mine:
            at, values = [sizes.index(row["athletes"]) + (0.03 if pretrained else -0.03) for row in mine], [row["auc"] for row in mine]
            axes.errorbar(
                at, [v[0] for v in values], yerr=[[max(v[0] - v[1], 0) for v in values], [max(v[2] - v[0], 0) for v in values]],
                label=label, color=colour, linestyle=style, marker="o", markersize=3, capsize=2, linewidth=1.2,
            )
    axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    axes.set(xlabel="training athletes", ylabel="AUC, test athletes (95 % interval)", title="Learning curve")
    axes.legend(loc="lower right")
    return figure


def few_shot(files: dict) -> plt.Figure:
    rows = [row for row in experiments(files, "fewShot")["rows"] if row["target"] == "all"]
    need(rows, "no rows of few-shot over all targets")
    figure, axes = plt.subplots()
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    shots = sorted({row["shots"] for row in rows})
    for number, arm in enumerate(arms):
        mine = sorted((row for row in rows if row["arm"] == arm), key=lambda row: row["shots"])
        values = [row["error"] for row in mine]
        axes.errorbar(
            [shots.index(row["shots"]) + 0.06 * (number - (len(arms) - 1) / 2) for row in mine], [v[0] for v in values],
            yerr=[[max(v[0] - v[1], 0) for v in values], [max(v[2] - v[0], 0) for v in values]],
            label=arm, color=list(COLOURS.values())[number % 4], linestyle=list(STYLES.values())[number % 4], marker="o", markersize=3, capsize=2, linewidth=1.2,
        )
    axes.axhline(1, color="#BBBBBB", linewidth=0.8)
    axes.set_xticks(range(len(shots)), [str(s) for s in shots])
    axes.set(xlabel="labelled windows of the athlete", ylabel="error (1 = the population's mean)", title="Few-shot adaptation of the head")
    axes.legend()
    return figure


def hazard_calibration(files: dict) -> plt.Figure:
    """`calibration` of hazard-evaluation.json: {"predicted": [..], "observed": [..]}, [[predicted], [observed]] or rows {predicted, observed}."""
    given = find(need(files["hazard"], "no hazard-evaluation.json"), ("calibrationCurve", "calibrationBins", "calibration"))
    x, y = pairs(given)
    figure, axes = plt.subplots()
    top = 1.1 * max(*x, *y, 1e-6)
    axes.plot([0, top], [0, top], color="#BBBBBB", linewidth=0.8)
    axes.plot(x, y, color=COLOURS["binn"], marker="o", markersize=4, linewidth=1.2)
    axes.set(xlabel="hazard given, 7 days", ylabel="share injured", title="Hazard: calibration, unseen simulated athletes", xlim=(0, top), ylim=(0, top))
    return figure


def find(report: dict, names: tuple[str, ...]):
    """The first of these keys anywhere in the report that holds a curve."""
    queue = [report]
    while queue:
        at = queue.pop(0)
        for name in names:
            if name in at and pairs_or_none(at[name]) is not None:
                return at[name]
        queue += [value for value in at.values() if isinstance(value, dict)]
    raise Absent("hazard-evaluation.json holds no calibration bins")


def first(row: dict, names: tuple[str, ...]) -> float | None:
    value = next((row[name] for name in names if name in row), None)
    return value[0] if isinstance(value, list) and value else value


def pairs_or_none(given) -> tuple[list[float], list[float]] | None:
    """Bins as two lists of numbers, whichever of the three forms they have."""
    x_names, y_names = ("predicted", "expected", "mean", "p"), ("observed", "rate", "share")
    if isinstance(given, dict):
        x, y = (next((given[n] for n in names if isinstance(given.get(n), list)), None) for names in (x_names, y_names))
    elif isinstance(given, list) and given and all(isinstance(row, dict) for row in given):
        x, y = [first(row, x_names) for row in given], [first(row, y_names) for row in given]
    elif isinstance(given, list) and len(given) == 2 and all(isinstance(row, list) for row in given):
        x, y = given
    else:
        return None
    numbers = isinstance(x, list) and isinstance(y, list) and len(x) == len(y) > 1 and all(isinstance(v, (int, float)) for v in (*x, *y))
    return (x, y) if numbers else None


def pairs(given) -> tuple[list[float], list[float]]:
    found = pairs_or_none(given)
    if found is None:
        raise Absent("hazard-evaluation.json holds no calibration bins")
    return found


def robustness(files: dict) -> plt.Figure:
    report = need(files["robustness"], "no robustness.json")
    rows = [(f"without: {name}" if "only" not in name else name, view["aucDifference"]) for name, view in report["missing"].items() if view.get("aucDifference")]
    rows += [(f"fault: {name}", view["aucDifference"]) for name, view in report["faults"].items() if view.get("aucDifference")]
    need(rows, "no figure in robustness.json")
    figure, axes = plt.subplots(figsize=(6.0, 0.6 + 0.3 * len(rows)))
    bars_of(axes, [name for name, _ in rows], [value for _, value in rows])
    axes.set(xlabel="change of AUC (95 % interval)", title="Missing sensors and faults")
    return figure


PLOTS: dict[str, Callable[[dict], plt.Figure]] = {
    "roc": roc, "precision-recall": precision_recall, "calibration": calibration, "decision": decision, "learning": learning, "ablation": ablation,
    "few-shot": few_shot, "hazard-calibration": hazard_calibration, "robustness": robustness,
}
SOURCES = {
    "evaluation": "evaluation.json", "experiments": "experiments/summary.json", "hazard": "hazard-evaluation.json", "robustness": "robustness.json",
}


def read(models: Path) -> dict[str, dict | None]:
    return {name: json.loads((models / path).read_text()) if (models / path).exists() else None for name, path in SOURCES.items()}


def draw(files: dict[str, dict | None], out: Path) -> dict[str, str]:
    """Writes what can be drawn into `out`; {plot: file or why it was skipped}. A skipped plot's old file is removed: it would show other figures."""
    out.mkdir(parents=True, exist_ok=True)
    done = {}
    for name, plot in PLOTS.items():
        path = out / f"{name}.svg"
        with plt.rc_context(STYLE):
            try:
                figure = plot(files)
            except (Absent, KeyError) as reason:
                path.unlink(missing_ok=True)
                done[name] = f"skipped: {reason}"
                continue
            figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
            plt.close(figure)
        if path.stat().st_size > MAX_BYTES:
            raise RuntimeError(f"{path} has {path.stat().st_size} bytes, more than {MAX_BYTES}")
        done[name] = path.name
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True, help="folder with the JSON files")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    for name, outcome in draw(read(args.models), args.out).items():
        print(f"{name}: {outcome}")


if __name__ == "__main__":
    main()
