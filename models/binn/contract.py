"""models/binn.json: what the service needs to know about the graph (type ModelContract in src/contracts/model.ts)."""

from __future__ import annotations

import json
from pathlib import Path

from . import channels
from .export import sha256
from .network import TOKENS, Sizes

# A state is about movement: below one whole six-channel sensor there is nothing to judge it from, whatever the watch says. (chosen)
MINIMUM = {"bioChannels": 6, "observedFraction": 0.5}


def _with_priors(rows: list[dict], stored: list[dict] | None, empty: dict) -> list[dict]:
    """The data set's channels as they stand; without a data set ours, with a prior that changes nothing."""
    if stored is None:
        return [{**row, "prior": empty} for row in rows]
    if [row["name"] for row in stored] != [row["name"] for row in rows]:
        raise ValueError(f"dataset.json lists other channels: {[row['name'] for row in stored]}")
    return stored


def contract(onnx: Path, sizes: Sizes, version: str, dataset: dict | None, thresholds: dict, trained_on: dict) -> dict:
    """The contract as a dictionary. Priors are copied from the data set's own contract, so that serving normalises as training did."""
    stored = (dataset or {}).get("contract", dataset or {})
    flat = {"location": 0.0, "scale": 1.0}
    by_class = {name: flat for name in channels.ACTIVITY_CLASSES}
    return {
        "format": 1,
        "name": "binn",
        "version": version,
        "sha256": sha256(onnx),
        "window": channels.WINDOW,
        "bio": _with_priors(channels.BIO, stored.get("bio"), by_class),
        "phys": _with_priors(channels.PHYS, stored.get("phys"), flat),
        "perf": _with_priors(channels.PERF, stored.get("perf"), flat),
        "context": _with_priors(channels.CONTEXT, stored.get("context"), flat),
        "zClip": stored.get("zClip", channels.Z_CLIP),
        "sizes": {"hidden": sizes.hidden, "attn": sizes.attn, "final": sizes.final, "tokens": len(TOKENS), "timeSteps": sizes.time_steps},
        "minimum": MINIMUM,
        "thresholds": thresholds,
        "trainedOn": trained_on,
    }


def write_contract(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
