"""
models/parity.json: windows of held-out athletes with carried state and what PyTorch makes of them, which a TypeScript test holds onnxruntime-node to.

    python -m binn.parity --checkpoint models/data/first/binn.pt --data models/data/first --model models
"""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path

import numpy as np
import torch

from .data import WindowSet
from .export import load_checkpoint, sha256
from .network import INPUTS, OUTPUTS, Binn

TOLERANCE = 1e-4
MAX_BYTES = 1024 * 1024
# Past the first windows, whose states are still settling.
FIRST = 30


def _packed(value: np.ndarray) -> dict:
    """Shape and little-endian float32, base64."""
    return {"shape": list(value.shape), "f32": base64.b64encode(value.astype("<f4").tobytes()).decode()}


@torch.no_grad()
def write_parity(model: Binn, windows: WindowSet, onnx: Path, path: Path, steps: int = 3, rows: int = 2) -> None:
    """
    `steps` consecutive windows of `rows` test athletes, the second with its force plates and watch taken away; each step with its states. Outputs
    are PyTorch's, in float32, of the model that `onnx` was exported from.
    """
    model.eval()
    athletes = [athlete for athlete in windows.of("test") if len(athlete.rows) >= FIRST + steps][:rows]
    if len(athletes) < rows:
        raise ValueError(f"parity vectors need {rows} test athletes with {FIRST + steps} windows each, the data set has {len(athletes)}")
    state = dict(zip(("state_final", "state_a", "state_h"), (part.numpy() for part in model.initial_state(len(athletes)))))
    cases = []
    for step in range(steps):
        block = windows.read(np.array([athlete.rows[FIRST + step] for athlete in athletes]))
        block["bio_mask"][1:, :, 18:] = 0.0
        block["phys_mask"][1:] = 0.0
        block["elapsed"][:] = min(step, 1)
        feeds = {name: np.ascontiguousarray(block[name] if name in block else state[name], np.float32) for name in INPUTS}
        # Rounded to thousandths so that the file compresses; the outputs are of the rounded input.
        feeds["bio"] = np.round(feeds["bio"], 3)
        out = dict(zip(OUTPUTS, (given.numpy() for given in model(*(torch.from_numpy(feeds[name]) for name in INPUTS)))))
        state = {"state_final": out["next_final"], "state_a": out["next_a"], "state_h": out["next_h"]}
        cases.append({"inputs": {k: _packed(v) for k, v in feeds.items()}, "outputs": {k: _packed(v) for k, v in out.items()}})
    text = json.dumps({"format": 1, "sha256": sha256(onnx), "tolerance": TOLERANCE, "windows": cases})
    if len(text) > MAX_BYTES:
        raise RuntimeError(f"{path} would take {len(text)} bytes")
    path.write_text(text + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder with the binn.onnx that came from the checkpoint; parity.json goes there")
    args = parser.parse_args()
    write_parity(load_checkpoint(args.checkpoint)[0], WindowSet(args.data), args.model / "binn.onnx", args.model / "parity.json")


if __name__ == "__main__":
    main()
