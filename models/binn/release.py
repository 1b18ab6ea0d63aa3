"""From trained weights to what is served: calibrate, export, verify, contract, parity vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from .calibrate import fit_temperature, pick_thresholds
from .contract import contract, write_contract
from .data import WindowSet
from .export import export_graph, time_graph, verify
from .network import Binn
from .parity import write_parity
from .train import predict


def publish(model: Binn, windows: WindowSet, facts: dict, out: Path, cache: Path, version: str) -> dict:
    """Writes binn.onnx, binn.json and parity.json into `out` and the checkpoint into `cache`. Uses validation athletes only."""
    validation = windows.of("validation")
    label = np.concatenate([windows.columns["label_altered"][athlete.rows] for athlete in validation])
    known = np.isfinite(label)
    raw = predict(model, windows, validation)["state_logit"]
    scale = fit_temperature(raw[known], label[known])
    model.logit_scale.mul_(scale)
    thresholds = pick_thresholds(windows, validation, raw * scale)
    cache.mkdir(parents=True, exist_ok=True)
    torch.save({"model": model.state_dict(), "sizes": model.sizes.to_dict(), "training": facts}, cache / "binn.pt")
    graph = out / "binn.onnx"
    export_graph(model, graph)
    parity = verify(model, graph)
    trained_on = {
        "what": "simulated athletes only; no recording of a person",
        "dataset": {key: value for key, value in windows.description.items() if key != "contract" and not isinstance(value, list)},
        "athletes": {split: len(windows.of(split)) for split in ("train", "validation", "test")},
        "windows": {split: int(sum(len(a.rows) for a in windows.of(split))) for split in ("train", "validation", "test")},
        "split": "by athlete",
        "parameters": sum(p.numel() for p in model.parameters()),
        "training": facts,
        "temperature": round(1.0 / scale, 4),
    }
    write_contract(out / "binn.json", contract(graph, model.sizes, version, windows.description, thresholds, trained_on))
    write_parity(windows, graph, out / "parity.json")
    return {"bytes": graph.stat().st_size, "msPerWindow": time_graph(graph, model.sizes), "parity": parity, "temperature": 1.0 / scale, "thresholds": thresholds}
