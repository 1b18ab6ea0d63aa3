"""models/parity.json: windows of held-out athletes with carried state, which a TypeScript test holds onnxruntime-node to."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np

from .data import WindowSet
from .export import session, sha256
from .network import INPUTS, OUTPUTS

TOLERANCE = 1e-4
MAX_BYTES = 1024 * 1024


def _packed(value: np.ndarray) -> dict:
    """Shape and little-endian float32, base64."""
    return {"shape": list(value.shape), "f32": base64.b64encode(value.astype("<f4").tobytes()).decode()}


def write_parity(windows: WindowSet, onnx: Path, path: Path, steps: int = 3, rows: int = 2) -> None:
    """`steps` consecutive windows of `rows` test athletes, the second with its force plates and watch taken away; each step with its states."""
    runner = session(onnx)
    athletes = [athlete for athlete in windows.of("test") if len(athlete.rows) >= 40][:rows]
    state = {spec.name: np.zeros((len(athletes), spec.shape[1]), np.float32) for spec in runner.get_inputs() if spec.name.startswith("state_")}
    cases = []
    for step in range(steps):
        block = windows.read(np.array([athlete.rows[30 + step] for athlete in athletes]))
        block["bio_mask"][1:, :, 18:] = 0.0
        block["phys_mask"][1:] = 0.0
        block["elapsed"][:] = min(step, 1)
        feeds = {name: np.ascontiguousarray(block[name] if name in block else state[name], np.float32) for name in INPUTS}
        # Rounded to thousandths so that the file compresses; the outputs are of the rounded input.
        feeds["bio"] = np.round(feeds["bio"], 3)
        out = dict(zip(OUTPUTS, runner.run(list(OUTPUTS), feeds)))
        state = {"state_final": out["next_final"], "state_a": out["next_a"], "state_h": out["next_h"]}
        cases.append({"inputs": {k: _packed(v) for k, v in feeds.items()}, "outputs": {k: _packed(v) for k, v in out.items()}})
    text = json.dumps({"format": 1, "sha256": sha256(onnx), "tolerance": TOLERANCE, "windows": cases})
    if len(text) > MAX_BYTES:
        raise RuntimeError(f"{path} would take {len(text)} bytes")
    path.write_text(text + "\n")
