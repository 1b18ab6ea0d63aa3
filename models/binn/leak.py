"""Where the discrimination comes from, on validation athletes: an AUC above 0.9 is not believed before this was looked at.

    python -m binn.leak --data DIR --checkpoint DIR/binn.pt --out models/leak.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from .channels import sensor_groups
from .data import WindowSet
from .export import load_checkpoint
from .train import predict


def hide(*names: str):
    def apply(block: dict[str, Tensor]) -> None:
        for name in names:
            block[f"{name}_mask"][:] = 0.0

    return apply


def feet_only(block: dict[str, Tensor]) -> None:
    hide("phys", "perf", "context")(block)
    for name, indices in sensor_groups().items():
        if name not in ("foot-left", "foot-right"):
            block["bio_mask"][..., indices] = 0.0


def masks_only(block: dict[str, Tensor]) -> None:
    for name in ("bio", "phys", "perf", "context"):
        block[name][:] = 0.0


def shuffle_movement(block: dict[str, Tensor]) -> None:
    block["bio"][:] = block["bio"][torch.randperm(len(block["bio"]))]


VIEWS = {
    "everything": None, "movement only": hide("phys", "perf", "context"), "feet only": feet_only, "no context": hide("context"),
    "no movement": hide("bio"), "masks only": masks_only, "movement shuffled over windows": shuffle_movement,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(1)
    windows = WindowSet(args.data)
    model, stored = load_checkpoint(args.checkpoint)
    athletes = windows.of("validation")
    rows = np.concatenate([athlete.rows for athlete in athletes])
    label = windows.columns["label_altered"][rows]
    moving = (windows.columns["activity"][rows] != "rest") & np.isfinite(label)
    views = {}
    for name, view in VIEWS.items():
        given = predict(model, windows, athletes, view)
        views[name] = {"auc": round(float(roc_auc_score(label[moving], given["state_logit"][moving])), 4), "meanLogitSd": round(float(given["logit_sd"][moving].mean()), 3)}
    position = np.concatenate([np.arange(len(athlete.rows)) for athlete in athletes])
    sets = {split: {athlete.athlete for athlete in windows.of(split)} for split in ("train", "validation", "test")}
    report = {
        "split": "validation", "athletes": len(athletes), "training": stored.get("training"), "views": views,
        "windowPositionAlone": round(float(roc_auc_score(label[moving], position[moving])), 4),
        "athletesInTwoSplits": len(sets["train"] & sets["validation"]) + len(sets["train"] & sets["test"]) + len(sets["validation"] & sets["test"]),
    }
    args.out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
