"""
test/fixtures/shap.json: windows of simulated athletes and what Python's `shap` makes of them over the exported graph, which a TypeScript test holds
src/score/explain to. Every coalition is scored once, with masking of our own; shap's explainers then read that table.

    npm run dataset -- --out models/data/shap --athletes 16 --seconds 60 --seed 91 --prior-athletes 8 --ceiling none
    cd models && .venv/bin/python -m binn.shap_fixtures --data data/shap --graph binn.onnx --out ../test/fixtures/shap.json
"""

from __future__ import annotations

import argparse
import base64
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shap

from . import channels
from .data import Athlete, WindowSet
from .export import session, sha256
from .network import INPUTS
from .scoring import STATES

MAX_BYTES = 300 * 1024
# Values are kept to thousandths, as int16: the logits are those of the rounded windows.
STEP = 1000
BATCH = 64
SCALARS = (("phys", channels.PHYS), ("perf", channels.PERF), ("context", channels.CONTEXT))
# Windows without this much of a past say little about `history`.
FIRST = 8


@dataclass(frozen=True)
class Case:
    """One explanation: the last altered window of an athlete against quiet windows of its own, and of another athlete of the squad."""

    name: str
    athlete: int
    own: int
    squad: tuple[int, ...] = ()
    grain: str = "sensor"
    hidden: tuple[str, ...] = ()  # sensors and branches that the explained window did not observe


CASES = (
    Case("plates and muscles, no watch", athlete=5, own=4, hidden=("phys", "context")),
    Case("watch and position", athlete=2, own=4),
    Case("own and squad, no watch", athlete=1, own=2, squad=(2,), hidden=("phys",)),
    Case("single channels of one foot", athlete=2, own=4, grain="channel", hidden=("foot-right", "trunk", "perf", "context")),
)


def quiet_rows(windows: WindowSet, athlete: Athlete, count: int) -> np.ndarray:
    """`count` windows labelled as not altered, spread over those there are."""
    rows = athlete.rows[FIRST:]
    quiet = rows[windows.columns["label_altered"][rows] == 0]
    return quiet[np.linspace(0, len(quiet) - 1, count).round().astype(int)]


def altered_row(windows: WindowSet, athlete: Athlete) -> int:
    rows = athlete.rows
    return int(rows[windows.columns["label_altered"][rows] == 1][-1])


def carried_inputs(runner, windows: WindowSet, athlete: Athlete, wanted: set[int]) -> dict[int, dict[str, np.ndarray]]:
    """The graph's inputs of the wanted rows, each with the state that the athlete's earlier windows left, inputs rounded to thousandths."""
    widths = {spec.name: spec.shape[1] for spec in runner.get_inputs() if spec.name.startswith("state_")}
    state = {name: np.zeros((1, width), np.float32) for name, width in widths.items()}
    outputs = [spec.name for spec in runner.get_outputs()]
    found = {}
    for row in athlete.rows:
        block = windows.read(np.array([row]))
        feeds = {name: np.ascontiguousarray(block[name] if name in block else state[name], np.float32) for name in INPUTS}
        for name in ("bio", "phys", "perf", "context"):
            feeds[name] = (np.round(feeds[name] * STEP) / STEP).astype(np.float32)
        if int(row) in wanted:
            found[int(row)] = {name: value[0].copy() for name, value in feeds.items()}
        out = dict(zip(outputs, runner.run(None, feeds)))
        state = {into: out[made] for into, made in STATES}
    return found


def hide(window: dict[str, np.ndarray], hidden: tuple[str, ...]) -> dict[str, np.ndarray]:
    window = {name: value.copy() for name, value in window.items()}
    groups = channels.sensor_groups()
    for name in hidden:
        if name in groups:
            window["bio"][:, groups[name]] = 0.0
            window["bio_mask"][:, groups[name]] = 0.0
        else:
            window[name][:] = 0.0
            window[f"{name}_mask"][:] = 0.0
    return window


def players_of(window: dict[str, np.ndarray], grain: str) -> dict[str, list[tuple[str, int | None]]]:
    """Name -> the (input, channel) pairs that come and go with it; channel None is the whole input. Only what the window observed."""
    seen = window["bio_mask"].max(axis=0) > 0
    players: dict[str, list[tuple[str, int | None]]] = {}
    for index in np.flatnonzero(seen):
        channel = channels.BIO[index]["name"]
        name = channel if grain == "channel" else channel.split(".")[0]
        players.setdefault(name, []).extend([("bio", int(index)), ("bio_mask", int(index))])
    for branch, rows in SCALARS:
        for index in np.flatnonzero(window[f"{branch}_mask"] > 0):
            players[rows[index]["name"]] = [(branch, int(index)), (f"{branch}_mask", int(index))]
    if window["elapsed"][0] > 0:
        players["history"] = [(name, None) for name in ("state_final", "state_a", "state_h", "elapsed")]
    return players


def mixed(window: dict, background: dict, players: dict, present: np.ndarray) -> dict[str, np.ndarray]:
    """A batch [rows] of windows: players that are present [rows, players] as in the window, the others as in the background."""
    feeds = {name: np.repeat(window[name][None], len(present), axis=0) for name in INPUTS}
    for player, parts in enumerate(players.values()):
        absent = ~present[:, player]
        for name, channel in parts:
            if channel is None:
                feeds[name][absent] = background[name]
            else:
                feeds[name][absent, ..., channel] = background[name][..., channel]
    return feeds


def value_table(runner, window: dict, backgrounds: list[dict], players: dict) -> np.ndarray:
    """Mean logit over the backgrounds of every coalition, [2 ** players]; bit i of the index is player i. A player that is the same everywhere is not varied."""
    varying = [i for i, parts in enumerate(players.values()) if any(not same(window, other, parts) for other in backgrounds)]
    few = np.arange(2 ** len(varying))
    present = np.ones((len(few), len(players)), bool)
    for bit, player in enumerate(varying):
        present[:, player] = few >> bit & 1 > 0
    logits = np.zeros(len(few))
    for background in backgrounds:
        for at in range(0, len(few), BATCH):
            logits[at : at + BATCH] += runner.run(["state_logit"], mixed(window, background, players, present[at : at + BATCH]))[0][:, 0]
    logits /= len(backgrounds)
    every = np.arange(2 ** len(players))
    reduced = sum((every >> player & 1) << bit for bit, player in enumerate(varying))
    return logits[reduced]


def same(a: dict, b: dict, parts: list) -> bool:
    return all(np.array_equal(a[name] if channel is None else a[name][..., channel], b[name] if channel is None else b[name][..., channel]) for name, channel in parts)


def textbook(table: np.ndarray, players: int) -> np.ndarray:
    """Shapley's formula written out: a check on shap, not on ours."""
    index = np.arange(len(table))
    size = sum(index >> i & 1 for i in range(players))
    weight = np.array([math.factorial(s) * math.factorial(players - 1 - s) / math.factorial(players) for s in range(players)])
    out = np.empty(players)
    for i in range(players):
        without = index[index >> i & 1 == 0]
        out[i] = (weight[size[without]] * (table[without | 1 << i] - table[without])).sum()
    return out


def explain(table: np.ndarray, players: int) -> dict:
    """shap's exact values, and how far its samplers and the formula are from them."""
    nobody, everybody = np.zeros((1, players)), np.ones((1, players))

    def value(rows: np.ndarray) -> np.ndarray:
        return table[(rows > 0.5).astype(np.int64) @ (1 << np.arange(players))]

    masker = shap.maskers.Independent(nobody)
    exact = shap.explainers.Exact(value, masker)(everybody, max_evals=2**players, silent=True)
    sampled = shap.explainers.Permutation(value, masker, seed=1)(everybody, max_evals=40 * players, silent=True)
    np.random.seed(1)
    kernel = shap.KernelExplainer(value, nobody, silent=True).shap_values(everybody, nsamples=2048, silent=True)
    values = exact.values[0]
    gap = lambda other: float(np.abs(np.asarray(other).reshape(-1) - values).max())  # noqa: E731
    return {
        "base": float(exact.base_values.reshape(-1)[0]),
        "exact": values,
        "gaps": {"textbook": gap(textbook(table, players)), "permutationExplainer": gap(sampled.values), "kernelExplainer": gap(kernel)},
    }


def packed(window: dict[str, np.ndarray]) -> dict:
    """Movement of the observed channels [steps, channels] in thousandths (int16) and its mask in bits, states in float32, all base64, little-endian."""
    seen = np.flatnonzero(window["bio_mask"].max(axis=0) > 0)
    encode = lambda value, kind: base64.b64encode(value.astype(kind).tobytes()).decode()  # noqa: E731
    out = {
        "channels": seen.tolist(),
        "bio": encode(np.round(window["bio"][:, seen] * STEP), "<i2"),
        "bioMask": encode(np.packbits(window["bio_mask"][:, seen].astype(np.uint8).reshape(-1)), "u1"),
        "elapsed": float(window["elapsed"][0]),
    }
    for branch, _ in SCALARS:
        values, mask = window[branch], window[f"{branch}_mask"]
        out[branch] = [round(float(v), 3) if m else None for v, m in zip(values, mask)]
    return out | {name: encode(window[name], "<f4") for name in ("state_final", "state_a", "state_h")}


def write_fixtures(windows: WindowSet, graph: Path, path: Path) -> None:
    digest = sha256(graph)
    runner = session(graph)
    by_number = {athlete.athlete: athlete for athlete in windows.athletes}
    plans = []
    for case in CASES:
        own = quiet_rows(windows, by_number[case.athlete], case.own)
        squad = [row for number in case.squad for row in quiet_rows(windows, by_number[number], 1)]
        plans.append((case, altered_row(windows, by_number[case.athlete]), [int(row) for row in own], [int(row) for row in squad]))
    wanted = {row for _, target, own, squad in plans for row in (target, *own, *squad)}
    used = [athlete for athlete in windows.athletes if wanted & set(athlete.rows.tolist())]
    inputs = {row: value for athlete in used for row, value in carried_inputs(runner, windows, athlete, wanted).items()}
    place = {row: at for at, row in enumerate(sorted(inputs))}
    cases = []
    for case, target, own, squad in plans:
        window, backgrounds = hide(inputs[target], case.hidden), [inputs[row] for row in (*own, *squad)]
        players = players_of(window, case.grain)
        table = value_table(runner, window, backgrounds, players)
        found = explain(table, len(players))
        print(f"{case.name}: {len(players)} players, base {found['base']:.4f}, logit {table[-1]:.4f}, gaps {found['gaps']}", flush=True)
        cases.append({
            "name": case.name, "grain": case.grain, "hidden": list(case.hidden), "window": place[target],
            "own": [place[row] for row in own], "squad": [place[row] for row in squad],
            "base": found["base"], "logit": float(table[-1]), "shap": dict(zip(players, map(float, found["exact"]))), "gaps": found["gaps"],
        })
    if sha256(graph) != digest:
        raise RuntimeError(f"{graph} was replaced meanwhile: run again")
    text = json.dumps({
        "format": 1, "sha256": digest, "shap": shap.__version__, "step": STEP,
        "windows": [packed(inputs[row]) for row in sorted(inputs)], "cases": cases,
    })
    if len(text) > MAX_BYTES:
        raise RuntimeError(f"{path} would take {len(text)} bytes")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write_fixtures(WindowSet(args.data), args.graph, args.out)


if __name__ == "__main__":
    main()
