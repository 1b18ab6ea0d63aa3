"""Known answers for src/asms/poisson.ts, injury-figures.ts and metric-change.ts from scipy, numpy and the standard library: writes test/unit/injury-vectors.json.

    python3 models/binn/injury_vectors.py [--out FILE]

Exact Poisson intervals are scipy's chi-square quantiles (Garwood 1936), quantiles numpy's, days the calendar's own; probabilities of a change are scipy's
normal distribution. Squads are drawn at random and counted here by going through every day, not by the formulas of the service.
"""

from __future__ import annotations

import argparse
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from scipy.stats import chi2, norm

EPOCH = date(1970, 1, 1)
CLASSES = ("match", "training", "other")
REGIONS = ("thigh", "knee", "ankle", "hip-groin", "head")


def garwood(count: int, confidence: float = 0.95) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    return (0.0 if count == 0 else float(chi2.ppf(tail, 2 * count) / 2), float(chi2.ppf(1 - tail, 2 * count + 2) / 2))


def number(day: date) -> int:
    return (day - EPOCH).days


def days_out(injury: dict, through: date) -> list[date]:
    """Every day from the one after the onset to the one before the return."""
    if not injury["timeLoss"]:
        return []
    day, days = injury["onset"] + timedelta(days=1), []
    while day <= through if injury["back"] is None else day < injury["back"]:
        days.append(day)
        day += timedelta(days=1)
    return days


def rates(injuries: list[dict], hours: float, through: date) -> dict:
    costing = [injury for injury in injuries if injury["timeLoss"]]
    lost = np.array([len(days_out(injury, through)) for injury in costing], dtype=float)
    total = float(lost.sum())
    incidence = burden = None
    if hours > 0:
        low, high = garwood(len(costing))
        incidence = {"value": 1000 * len(costing) / hours, "lower": 1000 * low / hours, "upper": 1000 * high / hours}
        burden = {"value": 1000 * total / hours, "lower": None, "upper": None}
        if total > 0:
            # Of ln(sum) by the delta method: the variance of a compound Poisson sum is the sum of squares.
            sd = float(np.sqrt((lost**2).sum()) / total)
            low, high = np.exp(norm.ppf([0.025, 0.975], loc=np.log(burden["value"]), scale=sd))
            burden |= {"lower": float(low), "upper": float(high)}
    return {
        "injuries": len(injuries), "timeLossInjuries": len(costing), "open": sum(injury["back"] is None for injury in costing),
        "daysLost": int(total), "incidence": incidence, "burden": burden,
    }


def severity(injuries: list[dict], through: date) -> dict | None:
    lost = np.array([len(days_out(injury, through)) for injury in injuries if injury["timeLoss"]])
    if len(lost) == 0:
        return None
    low, middle, high = (float(q) for q in np.percentile(lost, [25, 50, 75]))
    classes = [int(((lost >= a) & (lost <= b)).sum()) for a, b in ((0, 0), (1, 7), (8, 28), (29, 10**9))]
    return {"mean": float(lost.mean()), "median": middle, "lowerQuartile": low, "upperQuartile": high, "classes": classes}


def squad(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    first, through = date(2026, 2, 20), date(2026, 6, 30)
    start, end = date(2026, 3, 1), date(2026, 6, 10) if seed % 2 else date(2026, 6, 30)
    members = [{"athleteId": f"a{i}", "joined": first + timedelta(days=int(rng.integers(0, 60)))} for i in range(int(rng.integers(1, 6)))]
    injuries = []
    for _ in range(int(rng.integers(0, 14))):
        onset = first + timedelta(days=int(rng.integers(0, 115)))
        back = None if rng.random() < 0.15 else min(through, onset + timedelta(days=int(rng.choice([0, 1, 2, 5, 8, 9, 20, 29, 30, 60]))))
        injuries.append({
            "athleteId": str(rng.choice([member["athleteId"] for member in members])), "region": str(rng.choice(REGIONS)), "onset": onset, "back": back,
            "timeLoss": bool(rng.random() < 0.8), "exposure": None if rng.random() < 0.2 else str(rng.choice(CLASSES)),
        })
    exposures = [
        {"exposure": name, "sessions": int(rng.integers(1, 90)), "withoutMinutes": int(rng.integers(0, 3)), "minutes": float(rng.integers(0, 9000))}
        for name in CLASSES if rng.random() < 0.9
    ]
    own = [injury for injury in injuries if start <= injury["onset"] <= end]

    def of(name: str) -> dict:
        sums = [one for one in exposures if name in ("all", one["exposure"])]
        mine = own if name == "all" else [injury for injury in own if injury["exposure"] == name]
        hours = sum(one["minutes"] for one in sums) / 60
        return {
            "exposure": name, "hours": hours, "sessions": sum(one["sessions"] for one in sums),
            "sessionsWithoutMinutes": sum(one["withoutMinutes"] for one in sums), **rates(mine, hours, through), "severity": severity(mine, through),
        }

    last, athlete_days, out = min(end, through), 0, 0
    for member in members:
        day = max(start, member["joined"])
        absent = {gone for injury in injuries if injury["athleteId"] == member["athleteId"] for gone in days_out(injury, through)}
        while day <= last:
            athlete_days += 1
            out += day in absent
            day += timedelta(days=1)
    hours = sum(one["minutes"] for one in exposures) / 60
    regions = {name: rates([injury for injury in own if injury["region"] == name], hours, through) for name in {injury["region"] for injury in own}}
    return {
        "squad": {
            "fromDay": number(start), "toDay": number(end), "throughDay": number(through), "exposures": exposures,
            "injuries": [
                {**{key: injury[key] for key in ("athleteId", "region", "timeLoss", "exposure")}, "onsetDay": number(injury["onset"]),
                 "returnDay": None if injury["back"] is None else number(injury["back"])} for injury in injuries
            ],
            "members": [{"athleteId": member["athleteId"], "joinedDay": number(member["joined"])} for member in members],
        },
        "figures": {
            "classes": [of(name) for name in (*CLASSES, "all")], "outsideSessions": sum(injury["exposure"] is None for injury in own), "regions": regions,
            "availability": {"athleteDays": athlete_days, "daysOut": out, "share": None if athlete_days == 0 else 1 - out / athlete_days},
        },
    }


def change(seed: int) -> dict:
    """P(true change above, below and within the smallest worthwhile change) for an observed change with normal error."""
    rng = np.random.default_rng(1000 + seed)
    observed, typical_error, swc = float(rng.normal(0, 2)), float(rng.uniform(0.05, 2)), float(rng.uniform(0.05, 1.5))
    true = norm(loc=observed, scale=np.sqrt(2) * typical_error)
    up, down = float(true.sf(swc)), float(true.cdf(-swc))
    return {"change": observed, "typicalError": typical_error, "smallestWorthwhileChange": swc, "increase": up, "decrease": down, "trivial": 1 - up - down}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "test" / "unit" / "injury-vectors.json")
    arguments = parser.parse_args()
    counts = (0, 1, 2, 3, 5, 10, 20, 50, 100, 379, 1000, 4483)
    vectors = {
        "poisson": [{"count": count, "confidence": level, "interval": garwood(count, level)} for count in counts for level in (0.9, 0.95, 0.99)],
        "squads": [squad(seed) for seed in range(24)],
        "changes": [change(seed) for seed in range(40)],
    }
    arguments.out.write_text(json.dumps(vectors, separators=(",", ":"), allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
