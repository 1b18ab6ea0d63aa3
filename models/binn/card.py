"""Writes models/CARD.md from what train.py and evaluate.py measured. No figure is typed by hand.

    python -m binn.card --evaluation models/evaluation.json --leak models/leak.json --model models --out models/CARD.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

HEAD = """# Model card: BINN {version}

Not for diagnosis, not for clearing an athlete to play, not for selecting or paying athletes, and not for a decision about a person without a clinician. The weights
were learned from simulated athletes only: no recording of a person was used, and nothing here shows that the score means anything on a real one. It estimates
whether movement now looks altered as the simulator alters it (`state`); it does not forecast injuries.
"""

BODY = """
## What it is

BINN of Ma Yin (Scientific Reports 2025) as settled in README.md: windows of 2 s at 100 Hz every second, {channels} movement channels with masks, {phys} physiological, {perf} performance
and {context} context values; a causal state carried from window to window. Outputs: state (logit, calibrated), its spread, rehabilitation progress, performance estimate.
{parameters} opset 17, float32.

## What it was trained on

Simulated athletes (simulator {simulator}, seed {seed}): {train} for training, {validation} for validation, {test} for test, split by athlete; {train_windows} / {validation_windows} / {test_windows}
windows, exported by the service's own align, normalise and window code. Healthy, altered and fatigue-drift profiles. Adam {rate}, {lanes} athletes side by side, chunks of {chunk} windows,
{passes} passes (best: {best}) in {minutes:.1f} minutes, {early}. Temperature on validation: {temperature}.

## Simulated athletes never seen

{athletes} test athletes, {windows} windows of movement, {altered:.1%} of them altered (windows at rest are left out: rest does not show movement). Intervals: 95 %, bootstrap over athletes, {bootstraps} draws.

| | BINN | logistic regression (eq. 2) |
|---|---|---|
{rows}

AUC, BINN minus logistic: {difference}. Rehabilitation: MAE {rehab[mae]}, R2 {rehab[r2]}. Performance: MAE {performance[mae]}, R2 {performance[r2]}.
The logistic regression sees the domain features as the simulator measures them stride by stride (ground truth, not estimates from sensors), which is generous to the baseline.

## Search for a leak

An AUC above 0.9 is usually a leak in this field. On {leak_athletes} validation athletes, as inputs are taken away:

| Inputs | AUC | mean logit sd |
|---|---|---|
{leak_rows}

Position of the window in the session alone: {position:.3f}. Athletes in more than one split: {overlap}. What is left without movement is about what position alone gives (drifting athletes
are altered late). No leak was found; the simulator leaves a gap between healthy and altered severity that people do not have, so the AUC says how separable the simulation is, no more.

## Alerts on the same athletes

Raised on {k} of {n} non-overlapping active windows above {high}, cleared below {low}. {source}.

- {healthy_hours} h of healthy movement: {false} false alerts; state median {quiet[p50]}, 95th percentile {quiet[p95]}, 99th {quiet[p99]}.
- {became} athletes became altered during the session, {alerted} of them were alerted{delay}; median state of their last 15 windows {end}.

## What is not known

- Anything about people: no external validation, no real gait, no fairness analysis beyond what a simulator can show.
- The paper's figures (AUC 0.902, sensitivity 86.0 %, specificity 88.5 %) come from data nobody else has; they are no target here.
- No hazard (forecast of an injury) is given, and no comparison with a plain LSTM (eq. 3), boosted trees or the best possible filter yet.
- Calibration is a temperature only: where the intercept's interval above excludes 0, probabilities are shifted on new athletes.
- One seed, no grid over alpha and beta, no ablation.

## How to repeat it

The commands are in README.md; `evaluation.json` holds these figures as numbers.
"""


def interval(values: list[float]) -> str:
    return f"{values[0]:.3f} ({values[1]:.3f} to {values[2]:.3f})"


def render(report: dict, contract: dict, leak: dict) -> str:
    trained = contract["trainedOn"]
    training, alerts = trained["training"], report["alerts"]
    names = {"auc": "AUC", "brier": "Brier", "ece": "ECE", "slope": "calibration slope", "intercept": "calibration intercept"}
    rows = "\n".join(f"| {label} | {interval(report['binn'][name])} | {interval(report['logistic'][name])} |" for name, label in names.items())
    delay = f", {alerts['delayS']['p50']:.0f} s after the first altered window (median; 90th percentile {alerts['delayS']['p90']:.0f} s)" if alerts["delayS"] else ""
    return HEAD.format(version=contract["version"]) + BODY.format(
        channels=len(contract["bio"]), phys=len(contract["phys"]), perf=len(contract["perf"]), context=len(contract["context"]),
        parameters=f"{trained['parameters']} parameters," if "parameters" in trained else "", simulator=trained["dataset"].get("simulator"), seed=trained["dataset"].get("seed"),
        train=trained["athletes"]["train"], validation=trained["athletes"]["validation"], test=trained["athletes"]["test"],
        train_windows=trained["windows"]["train"], validation_windows=trained["windows"]["validation"], test_windows=trained["windows"]["test"],
        rate=training["learningRate"], lanes=training["lanes"], chunk=training["chunk"], passes=training["passes"], best=training["bestPass"],
        minutes=training["seconds"] / 60, early="stopped early" if training["stoppedEarly"] else "stopped by the limit of time or passes",
        temperature=trained["temperature"], athletes=report["athletes"], windows=report["windows"], altered=report["altered"],
        bootstraps=report["bootstraps"], rows=rows, difference=interval(report["aucDifference"]), rehab=report["rehab"], performance=report["performance"],
        leak_athletes=leak["athletes"], position=leak["windowPositionAlone"], overlap=leak["athletesInTwoSplits"],
        leak_rows="\n".join(f"| {name} | {view['auc']:.3f} | {view['meanLogitSd']:.2f} |" for name, view in leak["views"].items()),
        **{key: contract["thresholds"][key] for key in ("k", "n", "high", "low", "source")},
        healthy_hours=alerts["healthyActiveHours"], false=alerts["falseAlerts"], quiet=alerts["healthyState"] or {"p50": "-", "p95": "-", "p99": "-"},
        became=alerts["becameAltered"], alerted=alerts["alerted"], delay=delay, end=alerts["stateOfLast15WindowsMedian"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--leak", type=Path, required=True, help="written by leak.py")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.write_text(render(json.loads(args.evaluation.read_text()), json.loads((args.model / "binn.json").read_text()), json.loads(args.leak.read_text())))


if __name__ == "__main__":
    main()
