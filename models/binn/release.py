"""
From trained weights to what is served: calibrate, export, verify, contract, parity vectors. train.py ends with it; alone it calibrates and exports a checkpoint, or the graph that is shipped, again:

    node scripts/binn.mjs release --checkpoint models/data/first/binn.pt --data models/data/first --calibration models/data/fresh --out models --version 0.2.2
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch

from .calibrate import Calibration, pick_calibration, pick_thresholds
from .contract import contract, write_contract
from .data import WindowSet
from .export import export_graph, load_checkpoint, time_graph, verify
from .network import Binn
from .parity import write_parity
from .train import predict


def publish(model: Binn, windows: WindowSet, facts: dict, out: Path, cache: Path | None, version: str, fresh: WindowSet | None = None) -> dict:
    """
    Writes binn.onnx, binn.json and parity.json into `out`, all three or none, and the checkpoint into `cache` (None: none). Calibration and thresholds come from
    validation athletes or, better, from all of `fresh`: a set made with the priors of `windows` whose athletes early stopping has not seen either. Raises ValueError
    where it has other priors, or where there are too few test athletes for parity vectors.
    """
    if fresh is not None and fresh.description.get("contract") != windows.description.get("contract"):
        raise ValueError("the calibration set has other priors or channels than the training set: make it with --priors of that set")
    judged, athletes = (windows, windows.of("validation")) if fresh is None else (fresh, fresh.athletes)
    rows = np.concatenate([athlete.rows for athlete in athletes])
    label = judged.columns["label_altered"][rows]
    active = np.isfinite(label) & (judged.columns["activity"][rows] != "rest")
    # Whatever calibration the weights carry is taken off: it is fitted from the raw logit.
    Calibration().put_into(model)
    raw = predict(model, judged, athletes)["state_logit"]
    calibration, reached = pick_calibration(raw[active], label[active], judged.columns["athlete"][rows][active])
    calibration.put_into(model)
    thresholds = pick_thresholds(judged, athletes, calibration(raw))
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        torch.save({"model": model.state_dict(), "sizes": model.sizes.to_dict(), "training": facts}, cache / "binn.pt")
    trained_on = {
        "what": "simulated athletes only; no recording of a person",
        "dataset": {key: value for key, value in windows.description.items() if key != "contract" and not isinstance(value, list)},
        "athletes": {split: len(windows.of(split)) for split in ("train", "validation", "test")},
        "windows": {split: int(sum(len(a.rows) for a in windows.of(split))) for split in ("train", "validation", "test")},
        "split": "by athlete",
        "parameters": sum(p.numel() for p in model.parameters()),
        "training": facts,
        "temperature": calibration.to_dict()["temperature"],
        "calibration": {**calibration.to_dict(), **reached, "from": "validation athletes" if fresh is None else f"fresh athletes, seed {fresh.description.get('seed')}"},
    }
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        made = Path(folder)
        graph = made / "binn.onnx"
        export_graph(model, graph)
        parity = verify(model, graph)
        write_contract(made / "binn.json", contract(graph, model.sizes, version, windows.description, thresholds, trained_on))
        write_parity(model, windows, graph, made / "parity.json")
        size, took = graph.stat().st_size, time_graph(graph, model.sizes)
        for name in ("parity.json", "binn.onnx", "binn.json"):
            (made / name).replace(out / name)
    return {"bytes": size, "msPerWindow": took, "parity": parity, "calibration": trained_on["calibration"], "thresholds": thresholds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the set that the checkpoint was trained on")
    parser.add_argument("--calibration", type=Path, help="a set of athletes that nothing else was done with, made with --priors of the first (default: validation athletes)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--version", required=True)
    args = parser.parse_args()
    model, stored = load_checkpoint(args.checkpoint)
    fresh = WindowSet(args.calibration) if args.calibration else None
    print(json.dumps(publish(model, WindowSet(args.data), stored["training"], args.out, None if args.checkpoint.suffix == ".onnx" else args.checkpoint.parent, args.version, fresh)))


if __name__ == "__main__":
    main()
