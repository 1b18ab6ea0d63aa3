"""Writes models/CARD.md from the JSON files that the other commands leave beside the model. No figure is typed by hand.

    python -m binn.card --model models --out models/CARD.md

Reads binn.json, evaluation.json, evaluation-*.json (other data sets), leak.json, robustness.json, segments.json, experiments/summary.json,
hazard-evaluation.json, gait-evaluation.json, card-notes.json (sentences that no measurement can give) and the names in plots/. What is not there is said to be
not measured yet. An [estimate, low, high] is printed with its 95 % interval.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

MISSING = "Not measured yet"
TARGETS = {"share": 0.9, "slope": (0.9, 1.1), "ece": 0.03, "leakAbove": 0.95, "bytes": 8 * 1024 * 1024, "msPerWindow": 0.5}

HEAD = """# Model card: BINN {version}

Not for diagnosis, not for clearing an athlete to play, not for selecting or paying athletes, and not for a decision about a person without a clinician. The weights
were learned from {what}. Nothing here shows that the score means anything on a real athlete. It estimates whether movement now looks
altered as the simulator alters it (`state`); the daily `hazard` is a second, separate model{hazard}.

This file is written by `node scripts/binn.mjs card`; edits are lost. Intervals are 95 %, from a bootstrap over athletes unless a line says otherwise.
"""

MODEL_NAMES = {
    "binn": "BINN", "logistic": "logistic regression (eq. 2)", "lstm": "plain LSTM (eq. 3)", "trees": "gradient-boosted trees",
    "logisticRunning": "logistic, running mean", "lstmRunning": "LSTM, running mean", "treesRunning": "trees, running mean",
}
FIGURE_NAMES = {
    "auc": "AUC", "averagePrecision": "average precision", "sensitivity": "sensitivity", "specificity": "specificity", "f1": "F1", "brier": "Brier", "ece": "ECE",
    "slope": "calibration slope", "interceptAtSlopeOne": "calibration intercept (slope 1)", "intercept": "intercept beside the slope", "observedExpected": "observed / expected",
}
PLOT_NAMES = {
    "roc": "ROC", "precision-recall": "precision and recall", "calibration": "calibration curve", "decision": "decision curve", "learning": "learning curve",
    "ablation": "ablations", "few-shot": "few-shot adaptation", "robustness": "missing sensors and faults", "hazard-calibration": "hazard: calibration",
}


# Values in words


def is_interval(value) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(v, (int, float)) for v in value)


def show(value, digits: int = 3) -> str:
    """An interval, a number, or a dash where there is none."""
    if value is None or value == [] or (isinstance(value, list) and None in value):
        return "-"
    if is_interval(value):
        return f"{value[0]:.{digits}f} ({value[1]:.{digits}f} to {value[2]:.{digits}f})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    return str(value)


def estimate(value) -> float | None:
    return value[0] if isinstance(value, list) and value else value


def of_other_graph(files: dict) -> list[str]:
    """Reports whose model is not the one in binn.json."""
    wanted = files["contract"]["sha256"]
    digests = {name: (files[key] or {}).get("modelSha256") for name, key in (("evaluation.json", "evaluation"), ("robustness.json", "robustness"), ("segments.json", "segments"))}
    digests |= {name: report.get("modelSha256") for name, report in files["others"].items()}
    digests["hazard-evaluation.json"] = ((files["hazard"] or {}).get("model") or {}).get("binnSha256")
    wrong = [name for name, digest in digests.items() if digest not in (None, wanted)]
    fits = ((files["leak"] or {}).get("training"), files["contract"]["trainedOn"].get("training"))
    return wrong + (["leak.json"] if None not in fits and fits[0] != fits[1] else [])


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def holds(value, wanted: float) -> bool | None:
    """Whether the interval holds a value; None without an interval."""
    return value[1] <= wanted <= value[2] if is_interval(value) else None


def above_zero(value) -> bool | None:
    return value[1] > 0 if is_interval(value) else None


def verdict(passed: bool | None) -> str:
    return "not measured yet" if passed is None else "pass" if passed else "**falls short**"


def tree_rows(value, path: tuple[str, ...] = ()) -> list[list[str]]:
    """Every interval of a report and where it stands, for a report whose form this file does not know."""
    if is_interval(value):
        return [[" / ".join(path), show(value)]]
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in tree_rows(item, (*path, str(key)))]
    return []


# What was asked, beside what was reached


def asked_of_state(report: dict | None) -> list[list[str]]:
    if report is None:
        return [["State, simulated athletes never seen", "-", MISSING.lower(), verdict(None)]]
    models, binn = report["models"], report["models"]["binn"]
    share = report["ceiling"].get("shareOfTheWay", {}).get("binn")
    gaps = {name: figures["aucDifference"] for name, figures in models.items() if name != "binn"}
    least = min(gaps.values(), key=lambda gap: gap[1] if gap else -1.0) if gaps else None
    low, high = TARGETS["slope"]
    return [
        ["State: share of the way from 0.5 to the ceiling's AUC", f"at least {TARGETS['share']:.2f}", show(share) if share else report["ceiling"].get("note", "-"),
         verdict(None if share is None else share[0] >= TARGETS["share"])],
        ["State: AUC minus that of every baseline", "interval above 0", f"least: {show(least)}", verdict(above_zero(least))],
        ["State: calibration slope", f"{low} to {high}", show(binn["slope"]), verdict(None if binn["slope"] is None else low <= binn["slope"][0] <= high)],
        ["State: calibration intercept (slope 1)", "interval holds 0", show(binn["interceptAtSlopeOne"]), verdict(holds(binn["interceptAtSlopeOne"], 0.0))],
        ["State: intercept beside the slope", "interval holds 0", show(binn["intercept"]), verdict(holds(binn["intercept"], 0.0))],
        ["State: observed / expected", "interval holds 1", show(binn["observedExpected"]), verdict(holds(binn["observedExpected"], 1.0))],
        ["State: ECE", f"at most {TARGETS['ece']}", show(binn["ece"]), verdict(None if binn["ece"] is None else binn["ece"][0] <= TARGETS["ece"])],
    ]


def asked_of_hazard(report: dict | None) -> list[list[str]]:
    if report is None:
        return [["Hazard, simulated athletes never seen", "-", MISSING.lower(), verdict(None)]]
    own, share = report["hazard"], report["ceilings"]["observable"]["shareOfTheWay"]
    gaps = [figures["aucDifference"] for figures in report["baselines"].values()]
    least = min(gaps, key=lambda gap: gap[1] if gap else -1.0) if gaps else None
    low, high = TARGETS["slope"]
    return [
        ["Hazard: share of the way from 0.5 to the ceiling's AUC", f"at least {TARGETS['share']:.2f}", show(share), verdict(None if share is None else share[0] >= TARGETS["share"])],
        ["Hazard: AUC minus that of every baseline", "interval above 0", f"least: {show(least)}", verdict(above_zero(least))],
        ["Hazard: calibration slope", f"{low} to {high}", show(own["slope"]), verdict(None if own["slope"] is None else low <= own["slope"][0] <= high)],
        ["Hazard: calibration intercept (slope 1)", "interval holds 0", show(own["intercept"]), verdict(holds(own["intercept"], 0.0))],
        ["Hazard: observed / expected", "interval holds 1", show(own["oe"]), verdict(holds(own["oe"], 1.0))],
    ]


def asked_of_gait(report: dict | None) -> list[list[str]]:
    if report is None:
        return [["Real gait: ahead of logistic, age and speed", "-", MISSING.lower(), verdict(None)]]
    given, rows = report.get("auc", {}), []
    for name in ("logistic", "age", "speed"):
        mine, other = estimate(given.get("binn")), estimate(given.get(name))
        ahead = None if mine is None or other is None else mine > other
        gap = report.get("difference", {}).get("binn", {}).get(name)
        told = f"{show(given.get('binn'))} beside {show(given.get(name))}" + (f"; difference {show(gap)}" if is_interval(gap) else "")
        rows.append([f"Real gait: AUC beside the {name} baseline", "ahead", told, verdict(ahead)])
    return rows


def asked_of_ablations(report: dict | None) -> list[list[str]]:
    rows = [row for row in (report or {}).get("ablation", {}).get("rows", []) if row.get("minusFull")]
    if not rows:
        return [["Each ablation costs something measurable", "-", MISSING.lower(), verdict(None)]]
    costly = [row for row in rows if is_interval(row["minusFull"].get("auc")) and row["minusFull"]["auc"][2] < 0]
    return [["Each ablation costs something measurable, or the card says that it does not", "said below", f"{len(costly)} of {len(rows)} lower the AUC by more than chance",
             "pass" if len(costly) == len(rows) else "said below"]]


def asked_of_size(report: dict | None) -> list[list[str]]:
    graph = (report or {}).get("graph")
    if not graph:
        return []
    return [
        ["Model file", f"at most {TARGETS['bytes'] // 2**20} MiB", f"{graph['bytes'] / 2**20:.2f} MiB", verdict(graph["bytes"] <= TARGETS["bytes"])],
        ["CPU time a window, batch 8, one thread", f"at most {TARGETS['msPerWindow']} ms", f"{graph['msPerWindow']:.2f} ms here", verdict(graph["msPerWindow"] <= TARGETS["msPerWindow"])],
    ]


def asked_of_leaks(files: dict) -> list[list[str]]:
    report, gait_report = files["evaluation"], files["gait"]
    state = [report["models"]["binn"]["auc"][0]] if report and report["models"]["binn"]["auc"] else []
    walked = [value for value in map(estimate, (gait_report or {}).get("auc", {}).values()) if value is not None]
    rows = []
    for name, aucs, search in (("State", state, files["leak"]), ("Real gait", walked, (gait_report or {}).get("leak"))):
        if aucs:
            told = f"largest AUC {max(aucs):.3f}, search {'below' if search else 'missing'}"
            rows.append([f"{name}: no AUC above {TARGETS['leakAbove']} without a written search for a leak", "search", told, verdict(max(aucs) <= TARGETS["leakAbove"] or bool(search))])
    return rows


def asked(files: dict) -> str:
    rows = [
        *asked_of_state(files["evaluation"]), *asked_of_hazard(files["hazard"]), *asked_of_gait(files["gait"]), *asked_of_ablations(files["experiments"]),
        *asked_of_size(files["evaluation"]), *asked_of_leaks(files),
    ]
    return table(["What", "Asked", "Measured", "Verdict"], rows)


# Sections; each takes all files and gives its text, or None where its figures are not there


def what_it_is(files: dict) -> str:
    contract = files["contract"]
    trained = contract["trainedOn"]
    parameters = f"{trained['parameters']} parameters, " if "parameters" in trained else ""
    return (
        f"BINN of Ma Yin (Scientific Reports 2025) as settled in README.md: windows of {contract['window']['lengthS']} s at {contract['window']['rateHz']} Hz every "
        f"{contract['window']['hopS']} s,\n{len(contract['bio'])} movement channels with masks, {len(contract['phys'])} physiological, {len(contract['perf'])} performance and "
        f"{len(contract['context'])} context values; a causal state carried from window to window.\nOutputs: state (logit, calibrated), its spread, rehabilitation progress, "
        f"performance estimate. {parameters}opset 17, float32.\nBelow {contract['minimum']['bioChannels']} channels observed over {contract['minimum']['observedFraction']:.0%} of a window "
        "the answer is \"not enough data\"."
    )


def what_it_learned_from(files: dict) -> str:
    contract = files["contract"]
    trained = contract["trainedOn"]
    data, fit, people, count = trained.get("dataset", {}), trained.get("training", {}), trained["athletes"], trained["windows"]
    lines = [
        f"Simulated athletes (simulator {data.get('simulator')}, seed {data.get('seed')}): {people['train']} for training, {people['validation']} for validation, {people['test']} for test, "
        f"split by athlete;\n{count['train']} / {count['validation']} / {count['test']} windows, exported by the service's own align, normalise and window code. "
        "Healthy, altered and fatigue-drift profiles."
    ]
    if fit:
        end = "stopped early" if fit.get("stoppedEarly") else "stopped by the limit of time or passes"
        minutes = f" in {fit['seconds'] / 60:.1f} minutes" if "seconds" in fit else ""
        lines.append(
            f"Adam {fit.get('learningRate')}, {fit.get('lanes')} athletes side by side, chunks of {fit.get('chunk')} windows, {fit.get('passes')} passes (best: {fit.get('bestPass')})"
            f"{minutes}, {end}. Alpha {fit.get('alpha')}, beta {fit.get('beta')}, seed {fit.get('seed')}."
        )
    calibration = trained.get("calibration")
    if calibration:
        tried = ", ".join(f"{form} {value:.4f}" if value < 10 else f"{form}: the fit failed" for form, value in calibration.get("crossEntropy", {}).items())
        lines.append(f"Calibration on {calibration.get('from', 'validation athletes')}: {calibration['form']}, by cross-validated cross-entropy ({tried}).")
    elif "temperature" in trained:
        lines.append(f"Calibration: temperature on validation athletes, {trained['temperature']}.")
    return "\n".join(lines)


def of_which_set(report: dict) -> str:
    """Where the test athletes come from, if not from the training set's own split."""
    given = report.get("testData")
    return f" of a set of their own (seed {given['seed']}), with the training set's priors" if given else ""


def state_figures(files: dict) -> str | None:
    report = files["evaluation"]
    if report is None:
        return None
    models = {name: figures for name, figures in report["models"].items() if not name.endswith("Running")}
    running = {name: figures for name, figures in report["models"].items() if name.endswith("Running")}
    rows = [[label, *(show(figures.get(key)) for figures in models.values())] for key, label in FIGURE_NAMES.items()]
    gaps = [
        [MODEL_NAMES.get(name, name), *(show(figures[key]) for key in ("auc", "aucDifference", "brierDifference"))]
        for name, figures in report["models"].items() if name != "binn"
    ]
    half_lives = "; ".join(f"{MODEL_NAMES[name]}: {figures['halfLifeWindows']} windows" for name, figures in running.items())
    at_alert = report["atAlertThreshold"]
    return "\n".join([
        f"{report['athletes']} {report['split']} athletes{of_which_set(report)}, {report['windows']} windows of movement, {report['altered']:.1%} of them altered (windows at rest "
        f"are left out: rest does not show movement), {report['bootstraps']} draws.\nSensitivity, specificity and F1 at the threshold with the {report['thresholdRule']}.",
        "",
        table(["", *(MODEL_NAMES.get(name, name) for name in models)], rows),
        "",
        "BINN minus each baseline, on the same draws:",
        "",
        table(["Baseline", "AUC of the baseline", "AUC difference", "Brier difference"], gaps),
        "",
        "All baselines are fitted on the training athletes, stopped and calibrated (slope and intercept) on validation athletes. The logistic regression sees domain",
        f"features as the simulator measures them stride by stride, which is generous to it. \"Running mean\": a causal mean of the athlete's past logits, half-life by validation ({half_lives}).",
        f"At the alert threshold {at_alert['threshold']}: sensitivity {show(at_alert['sensitivity'])}, specificity {show(at_alert['specificity'])}, F1 {show(at_alert['f1'])}.",
        "ECE: 15 bins of equal size. Calibration intercept (slope 1) is calibration in the large; the other one is fitted together with the slope.",
    ])


def ceiling(files: dict) -> str | None:
    report = files["evaluation"]
    if report is None:
        return None
    given, oracle = report["ceiling"], report["oracle"]
    known = f"Latent oracle (the severity itself): AUC {show(oracle.get('auc'))}, {oracle['note']}."
    if "auc" not in given:
        return f"The best filter on what sensors can see: {given['note']}. {known}"
    rows = [[MODEL_NAMES.get(name, name), show(share), show(given["aucDifference"][name])] for name, share in given["shareOfTheWay"].items()]
    return "\n".join([
        f"The best filter over the simulator's own stride measurements reaches AUC {show(given['auc'])} on {given['windows']} windows. {known}", "",
        table(["", "share of the way from 0.5 to the ceiling", "AUC minus the ceiling's"], rows),
    ])


def rehabilitation(files: dict) -> str | None:
    report = files["evaluation"]
    if report is None:
        return None
    rows = [[label, *(show(report[key].get(name)) for name in ("mae", "rmse", "r2"))] for key, label in (
        ("rehab", "rehabilitation, all windows"), ("rehabAltered", "rehabilitation, altered windows only"), ("performance", "performance, all windows"),
    )]
    return table(["", "MAE", "RMSE", "R2"], rows)


def parts(files: dict) -> str | None:
    report = files["evaluation"]
    if report is None:
        return None
    chosen = ("auc", "sensitivity", "specificity", "brier", "ece")
    groups = {**report["byActivity"], **report["bySensors"]}
    rows = []
    for name, part in groups.items():
        values = [part["note"], *["-"] * (len(chosen) - 1)] if "note" in part else [show(part.get(key)) for key in chosen]
        rows.append([name, str(part["windows"]), str(part["athletes"]), *values])
    selective = report["selective"]
    answered = selective["answered"] or {}
    return "\n".join([
        table(["", "windows", "athletes", *(FIGURE_NAMES[key] for key in chosen)], rows), "",
        f"Answered \"not enough data\": {show(selective['notEnoughData'])} of the windows. On the answered ones: AUC {show(answered.get('auc'))}, "
        f"Brier {show(answered.get('brier'))}, ECE {show(answered.get('ece'))}.",
    ])


def stale_line(report: dict, kind: str) -> str:
    return " The code has changed since these cells ran." if report.get("stale", {}).get(kind) else ""


def ablations(files: dict) -> str | None:
    report = files["experiments"]
    if not report or "ablation" not in report:
        return None
    given = report["ablation"]
    rows, silent = [], []
    for row in given["rows"]:
        minus = row.get("minusFull") or {}
        gap = minus.get("auc")
        costs = "-" if not row.get("minusFull") else "yes" if is_interval(gap) and gap[2] < 0 else "not shown"
        if costs == "not shown":
            silent.append(row["name"])
        cut = " (cut short by its time limit)" if row.get("truncated") else ""
        rows.append([f"{row['name']}{cut}", show(row.get("parameters")), show(row.get("auc")), show(gap), show(minus.get("crossEntropy")), show(minus.get("rehabMae")), costs])
    text = [
        f"Paper's Tables 7 to 9, judged on {given['split']} athletes after {given['updates']} updates each{at_weights(given)}, a fraction of the final fit: only differences count."
        + stale_line(report, "ablation"), "",
        table(["", "parameters", "AUC", "AUC minus full", "cross-entropy minus full", "rehabilitation MAE minus full", "costs AUC"], rows),
    ]
    if silent:
        text += ["", f"No cost in AUC was shown for: {', '.join(silent)}. The parts stay because the paper's equations ask for them; an interval around 0 does not say",
                 "that they are useless."]
    return "\n".join(text)


def at_weights(given: dict) -> str:
    return f" at alpha {given['alpha']} and beta {given['beta']}" if given.get("alpha") is not None else ""


def grid(files: dict) -> str | None:
    report = files["experiments"]
    if not report or "grid" not in report:
        return None
    given = report["grid"]
    best, paper = given.get("best") or {}, given.get("paper") or {}
    rows = [
        [show(float(row["alpha"])), show(float(row["beta"])), show(row.get("seeds")), show(row.get("judged", row.get("crossEntropy"))), show(row.get("auc")), show(row.get("rehabMae"))]
        for row in given["rows"]
    ]
    minus = (paper.get("minusBest") or {})
    gap = next(iter(minus.values()), None) if isinstance(minus, dict) else minus
    return "\n".join([
        f"Eq. 24's weights, judged by cross-entropy on {given['split']} athletes.{stale_line(report, 'grid')}", "",
        table(["alpha", "beta", "seeds", "cross-entropy", "AUC", "rehabilitation MAE"], rows), "",
        f"Best: alpha {best.get('alpha')}, beta {best.get('beta')}. The paper's {paper.get('alpha')} and {paper.get('beta')} lie {show(gap)} above it.",
    ])


def pretraining(files: dict) -> str | None:
    report = files["experiments"]
    if not report or "pretraining" not in report:
        return None
    given = report["pretraining"]
    gaps = {row["athletes"]: row["pretrainedMinusNot"].get("auc") for row in given.get("differences", [])}
    rows = [
        [str(row["athletes"]), show(bool(row["pretrained"])), show(row.get("auc")), show(row.get("crossEntropy")), show(gaps.get(row["athletes"])) if row["pretrained"] else ""]
        for row in given["rows"]
    ]
    verdict_text = "It helps." if given.get("helps") else "No gain was shown."
    return "\n".join([
        f"Masked-channel pretraining on the same athletes against random weights, {given['updates']} updates{at_weights(given)}, {given['split']} athletes. {verdict_text}{stale_line(report, 'pretraining')}", "",
        table(["training athletes", "pretrained", "AUC", "cross-entropy", "AUC, pretrained minus not"], rows),
    ])


def few_shot(files: dict) -> str | None:
    report = files["experiments"]
    if not report or "fewShot" not in report:
        return None
    given = report["fewShot"]
    mine = [row for row in given["rows"] if row["target"] == "all"]
    shots = sorted({row["shots"] for row in mine})
    arms = list(dict.fromkeys(row["arm"] for row in mine))
    cell = {(row["arm"], row["shots"]): show(row["error"]) for row in mine}
    gaps = {row["shots"]: show(row["difference"]) for row in given.get("metaMinusTuned", []) if row["target"] == "all"}
    rows = [[arm, *(cell.get((arm, shot), "-") for shot in shots)] for arm in arms]
    if gaps:
        rows.append(["meta-learned minus tuned", *(gaps.get(shot, "-") for shot in shots)])
    return "\n".join([
        f"Error of the adapted head on {given.get('athletes')} athletes as a share of the target's variance (1: no better than the population's mean), by labelled windows "
        f"of the athlete.{stale_line(report, 'few-shot')}", "",
        table(["", *(f"{shot} shots" for shot in shots)], rows),
    ])


def noticed_cell(view: dict) -> str:
    """What the service's own detectors make of a fault: how much of it they notice, of what, and how often they say so without it."""
    given = view.get("noticed", {"note": "-"})
    return given["note"] if "note" in given else f"{show(given['share'])} of {given['of']}; {show(given['false'])}"


def robustness(files: dict) -> str | None:
    report = files["robustness"]
    if report is None:
        return None
    whole = report["everything"]
    rows = [["every sensor as recorded", show(whole["auc"]), "-", show(whole["ece"]), show(whole["meanLogitSd"]), "-", show(whole["notEnoughData"])]]
    for name, view in report["missing"].items():
        label = name if "only" in name else f"without {name}"
        rows.append([label, view["note"], *["-"] * 5] if "note" in view else [
            label, show(view["auc"]), show(view["aucDifference"]), show(view["ece"]), show(view["meanLogitSd"]), show(view["widens"]), show(view["notEnoughData"]),
        ])
    text = [
        f"{report['athletes']} test athletes; missing sensors are masked in every window. Where all windows lie below the minimum the service gives "
        "no score: the figures then show why.", "",
        table(["", "AUC", "AUC difference", "ECE", "mean logit sd", "sd widens", "below the minimum"], rows), "",
    ]
    measured = {kind: view for kind, view in report["faults"].items() if "note" not in view}
    if measured:
        text += ["Faults, against the same athletes as they come (some have faults of their own); \"while on\": the same windows of both sets.", "", table(
            ["Fault", "athletes", "AUC as they come", "AUC with it", "AUC difference", "AUC difference while on", "ECE", "logit sd difference", "noticed; false"], [
                [kind, str(view["athletes"]), show(view["clean"]), show(view["auc"]), show(view["aucDifference"]), show(view.get("whileOn", {}).get("aucDifference")),
                 show(view["ece"]), show(view["logitSdDifference"]), noticed_cell(view)] for kind, view in measured.items()
            ]), ""]
    left = report["faultsLeftOut"] + [kind for kind, view in report["faults"].items() if "note" in view]
    if left:
        text.append(f"{MISSING}: {', '.join(left)}.")
    return "\n".join(text).rstrip()


def segments(files: dict) -> str | None:
    report = files["segments"]
    if report is None:
        return None
    named = {
        **{f"altered movement, {name}": suite for name, suite in report["altered"].items()}, **{f"sensor faults, {name}": suite for name, suite in report["faults"].items()},
        "steps": report["steps"],
    }
    keys = {"precision": "precision (40)", "recall": "recall (41)", "iou": "IoU (42)", "mIoU": "mIoU (43)", "mAP": "mAP (44)", "dice": "Dice", "ap50": "AP at 0.5"}
    rows, notes = [], []
    for name, suite in named.items():
        if "precision" not in suite:
            notes.append(f"{name}: {suite['note']}.")
            continue
        few = "note" in suite
        rows.append([name, str(suite["trueSegments"]), str(suite["predictedSegments"]), *(show(estimate(suite[key]) if few else suite[key]) for key in keys)])
    text = []
    if rows:
        text += [table(["", "true", "predicted", *keys.values()], rows), ""]
    text += [
        "Per time sample (one second a window, rest cut out; faults in hundredths of a second for each IMU and kind; steps at their own rate): precision, recall, Dice, IoU and the mean IoU of both classes, from scikit-learn. mAP: scikit-learn's",
        "average precision over predicted segments, ranked by mean state, matched one to one from the highest score down at temporal IoU 0.5 to 0.95, times the share of true segments found.",
        *notes,
    ]
    return "\n".join(text)


GAIT_NAMES = {
    "binn": "BINN", "binnNoContext": "BINN, no context", "logistic": "logistic", "age": "age alone", "speed": "speed alone", "standing": "standing only (negative control)",
}


def gait(files: dict) -> str | None:
    report = files["gait"]
    if report is None:
        return None
    people = report.get("subjects", {})
    counts = f" {people['tested']} subjects tested, {people['testedOrthopedic']} of them orthopaedic; {people['trained']} to train on." if people else ""
    mode = f" {report['mode'].capitalize()}." if "mode" in report else ""
    text = [
        f"Healthy against orthopaedic, intervals over subjects.{mode}{counts} {report.get('note', '')}".rstrip(), "",
        table(["", "AUC"], [[GAIT_NAMES.get(name, name), show(value)] for name, value in report.get("auc", {}).items()]),
    ]
    gaps = report.get("difference", {})
    if gaps:
        others = list(next(iter(gaps.values())))
        rows = [[GAIT_NAMES.get(name, name), *(show(values.get(other)) for other in others)] for name, values in gaps.items()]
        text += ["", table(["AUC minus that of", *(GAIT_NAMES.get(other, other) for other in others)], rows)]
    rows = [
        [GAIT_NAMES.get(name, name), by, show(values.get("residualAuc")), show(values.get("matchedC")), show(values.get("pairs")), show((values.get("likelihoodRatio") or {}).get("p"), 4)]
        for name, views in report.get("adjusted", {}).items() for by, values in views.items()
    ]
    if rows:
        text += ["", table(["", "adjusted for", "AUC of residuals", "share of matched pairs ranked rightly", "pairs", "p beside the covariates"], rows)]
    rows = tree_rows(report.get("leak", {}))
    if rows:
        dealt = report["leak"].get("shuffledLabels")
        text += ["", "Search for a leak, AUC by subject on the same folds:", "", table(["Inputs", "AUC"], rows)]
        text += ["", f"Labels dealt out at random {dealt['shuffles']} times: mean AUC {show(dealt['mean'])}, from {show(dealt['least'])} to {show(dealt['most'])}."] if dealt else []
    return "\n".join(text)


def hazard(files: dict) -> str | None:
    report = files["hazard"]
    if report is None:
        return None
    keys = {
        "auc": "AUC", "aucWithinAthlete": "AUC within an athlete", "aucBetweenAthletesOnADay": "AUC between athletes on a day", "brier": "Brier", "slope": "slope",
        "intercept": "intercept", "oe": "observed / expected",
    }
    digits = {"brier": 4}

    def row(name: str, figures: dict) -> list[str]:
        return [name, *(show(figures.get(key), digits.get(key, 3)) for key in keys), show(figures.get("aucDifference")), show(figures.get("shareOfTheWay"))]

    rows = [row("hazard", report["hazard"])]
    for group, prefix in (("baselines", ""), ("beside", ""), ("ceilings", "ceiling: ")):
        rows += [row(prefix + name, figures) for name, figures in report.get(group, {}).items()]
    return "\n".join([
        f"{report['athletes']} {report['split']} athletes, {report['rows']} athlete-days, {report['positive']} with an injury in the next 7 days; {report['bootstraps']} draws.",
        "Left out: " + ", ".join(f"{name} {count}" for name, count in report.get("leftOut", {}).items()) + ".", "",
        table(["", *keys.values(), "hazard's AUC minus this", "hazard's share of the way"], rows), "",
        f"Median width of the daily interval {show(report.get('intervalWidthMedian'))}; it holds the observable ceiling's probability on {show(report.get('intervalHoldsCeiling'))} of the days.",
    ])


def leak(files: dict) -> str | None:
    report = files["leak"]
    if report is None:
        return None
    rows = [[name, show(view["auc"]), show(view["meanLogitSd"], 2)] for name, view in report["views"].items()]
    return "\n".join([
        f"An AUC above 0.9 is usually a leak in this field. On {report['athletes']} validation athletes, as inputs are taken away:", "",
        table(["Inputs", "AUC", "mean logit sd"], rows), "",
        f"Position of the window in the session alone: {show(report['windowPositionAlone'])}. Athletes in more than one split: {report['athletesInTwoSplits']}. Drifting athletes are altered late, so",
        "position alone says something; what is left without movement has to be read beside it. The simulator leaves a gap between healthy and altered severity that people",
        "do not have: the AUC says how separable the simulation is, no more.",
    ])


def second_sets(files: dict) -> str | None:
    sets = files["others"]
    if not sets:
        return None
    keys = ("auc", "brier", "ece", "slope", "interceptAtSlopeOne", "observedExpected")
    should = (("slope", 1.0, "the slope's interval"), ("interceptAtSlopeOne", 0.0, "the intercept's interval"), ("observedExpected", 1.0, "observed / expected"))
    rows, wrong = [], []
    for name, report in sets.items():
        binn = report["models"]["binn"]
        rows.append([name, str((report.get("testData") or report["dataset"]).get("seed")), str(report["athletes"]), str(report["windows"]), *(show(binn.get(key)) for key in keys)])
        wrong += [f"{name}: {label} excludes {wanted:g}" for key, wanted, label in should if holds(binn[key], wanted) is False]
    text = (
        "The model and its calibration stay as they are. Where a set has priors of its own (the service uses the contract's), baselines are fitted anew on it."
    )
    end = "No interval of slope, intercept or observed / expected excludes what it should be."
    if wrong:
        end = f"Calibration does not hold there ({'; '.join(wrong)}): do not read the state as a frequency."
    return "\n".join([text, "", table(["File", "seed", "athletes", "windows", "AUC", "Brier", "ECE", "slope", "intercept (slope 1)", "observed / expected"], rows), "", end])


def alerts(files: dict) -> str | None:
    report = files["evaluation"]
    if report is None:
        return None
    given, limits = report["alerts"], files["contract"]["thresholds"]
    quiet = given["healthyState"]
    delay = f", {given['delayS']['p50']:.0f} s after the first altered window (median; 90th percentile {given['delayS']['p90']:.0f} s)" if given["delayS"] else ""
    state = f"state median {quiet['p50']}, 95th percentile {quiet['p95']}, 99th {quiet['p99']}" if quiet else "no healthy athlete"
    return "\n".join([
        f"Raised on {limits['k']} of {limits['n']} non-overlapping active windows above {limits['high']}, cleared below {limits['low']}. {limits['source']}.", "",
        f"- {given['healthyActiveHours']} h of healthy movement: {given['falseAlerts']} false alerts; {state}.",
        f"- {given['becameAltered']} athletes became altered during the session, {given['alerted']} of them were alerted{delay}; "
        f"median state of their last 15 windows {show(given['stateOfLast15WindowsMedian'])}.",
    ])


def plots(files: dict) -> str | None:
    drawn = [name for name in PLOT_NAMES if name in files["plots"]]
    if not drawn:
        return None
    missing = [PLOT_NAMES[name] for name in PLOT_NAMES if name not in drawn]
    images = "\n".join(f"![{PLOT_NAMES[name]}](plots/{name}.svg)" for name in drawn)
    return images + (f"\n\nNot drawn yet: {', '.join(missing)}." if missing else "")


def limits(files: dict) -> str:
    lines = [
        "Anything about people: no external validation of the state or the hazard, no clinical outcome, no fairness analysis beyond what a simulator can show.",
        "The paper's figures (AUC 0.902, sensitivity 86.0 %, specificity 88.5 %) come from data nobody else has; they are no target here.",
        "Simulated athletes are alike in ways that people are not: figures and thresholds will be worse on people, by how much is not known.",
        "The state is no injury probability; at a low base rate a positive alert is mostly false.",
    ]
    if files["gait"] is None:
        lines.append("Nothing was measured on recordings of real gait yet.")
    if files["evaluation"] and "auc" not in files["evaluation"]["ceiling"]:
        lines.append("How far the state is from the best possible filter is not known: the data set holds no ceiling.")
    lines += files["notes"].get("limits", [])
    return "\n".join(f"- {line}" for line in lines)


def notes(files: dict) -> str | None:
    given = files["notes"].get("looks", [])
    return "\n".join(f"- {line}" for line in given) if given else None


COMMANDS = """```sh
node scripts/binn.mjs evaluate --data DIR --model models --out models/evaluation.json          # also evaluation-seedK.json for a set of seed K
node scripts/binn.mjs robustness --data DIR --model models --fault-data dropout=DIR2 --out models/robustness.json
node scripts/binn.mjs segments --data DIR --model models --steps steps.json --out models/segments.json
node scripts/binn.mjs leak --data DIR --checkpoint DIR/binn.pt --out models/leak.json
node scripts/binn.mjs plots --models models --out models/plots
node scripts/binn.mjs card --model models --out models/CARD.md
```

README.md has the other commands. The JSON files hold every figure of this card as a number."""

SECTIONS = (
    ("What it is", what_it_is), ("What it was trained on", what_it_learned_from), ("What was asked, and what was reached", asked),
    ("State: simulated athletes never seen", state_figures), ("State: the ceiling", ceiling), ("Rehabilitation and performance", rehabilitation),
    ("By activity and by sensors", parts), ("Plots", plots), ("Ablations", ablations), ("Grid over alpha and beta", grid), ("Pretraining", pretraining),
    ("Few-shot adaptation", few_shot), ("Robustness", robustness), ("Temporal segments (equations 40 to 44)", segments), ("Real gait", gait),
    ("Hazard", hazard), ("Search for a leak", leak), ("Other data sets", second_sets), ("Alerts on the test athletes", alerts),
    ("What was looked at before", notes), ("What is not known", limits), ("How to repeat it", lambda files: COMMANDS),
)

# TRIPOD+AI (Collins et al., BMJ 2024;385:e078378). The items are named in our words.
TRIPOD = (
    ("1", "Title says prediction model, population, outcome", "title and first paragraph"),
    ("2", "Abstract", "none; first paragraph and the table of what was asked"),
    ("3a-c", "Context, purpose, known inequalities", "first paragraph; inequalities between groups of people: not studied"),
    ("4", "Objectives", "What was asked, and what was reached"),
    ("5a, 5b", "Sources and dates of data", "What it was trained on (simulated: no dates of people)"),
    ("6a-c", "Setting, eligibility, treatments", "What it was trained on; no treatment of the state is simulated"),
    ("7", "Data preparation", "README.md; the service's own pipeline"),
    ("8a-c", "Outcome, how it is assessed, by whom", "label: latent severity above a threshold, by the simulator; no human assessor"),
    ("9a-c", "Predictors, their choice and definition", "binn.json lists channels and units; What it is"),
    ("10", "Sample size", "What it was trained on; width of the intervals; no calculation beforehand"),
    ("11", "Missing data", "masks as inputs; Robustness"),
    ("12a", "Use of data, splits", "What it was trained on: by athlete"),
    ("12b, 12c", "Handling of predictors, type and building of the model", "README.md, table of equations; Grid; Ablations"),
    ("12d", "Heterogeneity", "By activity and by sensors; Other data sets"),
    ("12e", "Measures of performance", "State; metrics.py"),
    ("12f", "Updating after evaluation", "none"),
    ("12g", "How predictions are calculated", "binn.onnx with binn.json; parity.json"),
    ("13", "Class imbalance", "no resampling or weights"),
    ("14", "Fairness", "not studied: sex and age of simulated athletes carry no social meaning"),
    ("15", "Output and its threshold", "What it is; Alerts: threshold from a false-alert budget"),
    ("16", "Differences between training and evaluation", "Other data sets; Real gait; What is not known"),
    ("17", "Ethical approval", "none needed for simulated athletes; recordings under their own licence"),
    ("18a-f", "Funding, conflicts, protocol, registration, data, code", "no protocol or registration; code and commands in this repository, data made by `npm run dataset`"),
    ("19", "Involvement of patients and the public", "none"),
    ("20a-c", "Participants and their characteristics", "What it was trained on; figures beside the sets"),
    ("21", "Number of participants and outcomes in each analysis", "State; Hazard; Other data sets"),
    ("22", "Full model for use", "binn.onnx, binn.json"),
    ("23a, 23b", "Performance with intervals, heterogeneity", "State; Hazard; By activity and by sensors"),
    ("24", "Results of updating", "none"),
    ("25", "Interpretation", "What was asked, and what was reached; Search for a leak"),
    ("26", "Limitations", "What is not known"),
    ("27a-c", "Poor or missing input, user interaction, next steps", "What it is (minimum); Robustness; first paragraph"),
)


def render(files: dict) -> str:
    contract = files["contract"]
    head = HEAD.format(version=contract["version"], what=contract["trainedOn"]["what"].rstrip("."), hazard="" if files["hazard"] else ", not measured yet")
    text = [head]
    wrong = of_other_graph(files)
    if wrong:
        text.append(f"**Figures of another graph than the one in binn.json: {', '.join(wrong)}. They say nothing about this model until they are measured again.**\n")
    for title, section in SECTIONS:
        if section is notes and notes(files) is None:
            continue
        text.append(f"## {title}\n\n{section(files) or MISSING + '.'}\n")
    text.append("## TRIPOD+AI\n\n" + table(["Item", "What", "Where"], [list(row) for row in TRIPOD]) + "\n")
    return "\n".join(text)


def of_this_form(report: dict | None) -> dict | None:
    """An evaluation.json of this form; an older one counts as not measured."""
    return report if report is not None and report.get("format") == 2 else None


def read(folder: Path, evaluation: Path | None = None, leak_file: Path | None = None) -> dict:
    """All files by name; absent ones are None (`others` {}, `plots` empty, `notes` {})."""

    def load(path: Path) -> dict | None:
        return json.loads(path.read_text()) if path.exists() else None

    found = {path.name: of_this_form(load(path)) for path in sorted(folder.glob("evaluation-*.json"))}
    return {
        "contract": json.loads((folder / "binn.json").read_text()), "evaluation": of_this_form(load(evaluation or folder / "evaluation.json")),
        "others": {name: report for name, report in found.items() if report is not None}, "leak": load(leak_file or folder / "leak.json"),
        "robustness": load(folder / "robustness.json"), "segments": load(folder / "segments.json"), "experiments": load(folder / "experiments" / "summary.json"),
        "hazard": load(folder / "hazard-evaluation.json"), "gait": load(folder / "gait-evaluation.json"), "notes": load(folder / "card-notes.json") or {},
        "plots": {path.stem for path in (folder / "plots").glob("*.svg")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder with binn.json and the reports")
    parser.add_argument("--evaluation", type=Path, help="default: evaluation.json in that folder")
    parser.add_argument("--leak", type=Path, help="default: leak.json in that folder")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.write_text(render(read(args.model, args.evaluation, args.leak)))


if __name__ == "__main__":
    main()
