"""ONNX export of a BINN, checked against PyTorch and against itself at other batch sizes, and timed.

    python -m binn.export --checkpoint models/.cache/binn.pt --out models
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch

from .channels import WINDOW_SAMPLES
from .network import INPUTS, OUTPUTS, Binn, Sizes

OPSET = 17
# Two runtimes sum in another order: on random inputs, whose logits are as large as they come, that is worth some 1e-5. What is served is held to 1e-4 (test/contract).
RUNTIME_PARITY = 1e-4
# One runtime against itself, NO-CROSSTALK.
BATCH_PARITY = 1e-5
MAX_FILE_BYTES = 8 * 1024 * 1024


def input_shapes(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Shape of each graph input behind the batch axis."""
    wide = (WINDOW_SAMPLES, sizes.bio)
    return {
        "bio": wide, "bio_mask": wide, "phys": (sizes.phys,), "phys_mask": (sizes.phys,), "perf": (sizes.perf,),
        "perf_mask": (sizes.perf,), "context": (sizes.context,), "context_mask": (sizes.context,),
        "state_final": (sizes.final,), "state_a": (sizes.hidden,), "state_h": (2 * sizes.hidden,), "elapsed": (1,),
    }


def random_inputs(sizes: Sizes, batch: int, seed: int) -> dict[str, np.ndarray]:
    """Noise windows with whole modalities missing here and there, and states of the size that training gives."""
    rng = np.random.default_rng(seed)
    feeds = {name: rng.standard_normal((batch, *shape)).astype(np.float32) for name, shape in input_shapes(sizes).items()}
    for name in ("bio", "phys", "perf", "context"):
        mask = rng.random((batch, *input_shapes(sizes)[name])) > 0.3
        mask[rng.random(batch) < 0.2] = False
        feeds[f"{name}_mask"] = mask.astype(np.float32)
    feeds["elapsed"] = rng.integers(0, 4, (batch, 1)).astype(np.float32)
    for name in ("state_final", "state_a", "state_h"):
        feeds[name] = np.tanh(feeds[name])
    return feeds


def session(path: Path) -> ort.InferenceSession:
    """One thread, as a shard runs it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def export_graph(model: Binn, path: Path) -> None:
    """Writes the ONNX file: dynamic batch, LSTM as one operator (layout 0, no clip, equal lengths)."""
    model = model.eval().cpu()
    feeds = random_inputs(model.sizes, 2, 0)
    args = tuple(torch.from_numpy(feeds[name]) for name in INPUTS)
    with torch.no_grad(), warnings.catch_warnings():
        # The exporter's notices are not the user's: whether the calibration has bends is meant to be settled while tracing, and verify() checks the graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, args, str(path), input_names=list(INPUTS), output_names=list(OUTPUTS), opset_version=OPSET,
            dynamic_axes={name: {0: "batch"} for name in (*INPUTS, *OUTPUTS)}, dynamo=False,
        )
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise RuntimeError(f"{path} has {size} bytes, more than {MAX_FILE_BYTES}")


def verify(model: Binn, path: Path) -> dict[str, float]:
    """Largest differences: graph against PyTorch, and rows of batch 64 against each alone (NO-CROSSTALK). Raises above RUNTIME_PARITY and BATCH_PARITY."""
    runner = session(path)
    feeds = random_inputs(model.sizes, 64, 1)
    whole = dict(zip(OUTPUTS, runner.run(list(OUTPUTS), feeds)))
    with torch.no_grad():
        wanted = dict(zip(OUTPUTS, model.eval()(*(torch.from_numpy(feeds[name]) for name in INPUTS))))
    torch_gap = max(float(np.abs(whole[name] - wanted[name].numpy()).max()) for name in OUTPUTS)
    batch_gap = 0.0
    for row in range(64):
        alone = runner.run(list(OUTPUTS), {name: value[row : row + 1] for name, value in feeds.items()})
        batch_gap = max(batch_gap, max(float(np.abs(a[0] - whole[name][row]).max()) for name, a in zip(OUTPUTS, alone)))
    if not all(np.isfinite(value).all() for value in whole.values()):
        raise RuntimeError("the graph gives NaN or infinity on masked input")
    if torch_gap > RUNTIME_PARITY or batch_gap > BATCH_PARITY:
        raise RuntimeError(f"parity {torch_gap:.2e} (PyTorch, at most {RUNTIME_PARITY}) and {batch_gap:.2e} (batch 1 and 64, at most {BATCH_PARITY})")
    return {"torch": torch_gap, "batch": batch_gap}


def time_graph(path: Path, sizes: Sizes, batch: int = 8, runs: int = 100) -> float:
    """Milliseconds of CPU a window on one thread (the median run): the machine may be busy, and waiting for it is not the graph's cost."""
    runner = session(path)
    feeds = random_inputs(sizes, batch, 2)
    for _ in range(10):
        runner.run(None, feeds)
    took = []
    for _ in range(runs):
        start = time.process_time()
        runner.run(None, feeds)
        took.append(time.process_time() - start)
    return float(np.median(took)) * 1000 / batch


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_checkpoint(path: Path) -> tuple[Binn, dict]:
    """The model and the rest of what train.py stored; of a graph (binn.onnx), the model that it came from and what its contract says."""
    if path.suffix == ".onnx":
        return load_graph(path)
    stored = torch.load(path, map_location="cpu", weights_only=True)
    model = Binn(Sizes(**stored["sizes"]))
    model.load_state_dict(stored["model"])
    return model.eval(), stored


def load_graph(path: Path) -> tuple[Binn, dict]:
    """
    The weights of an exported graph with binn.json beside it, so that what is shipped can be calibrated again or taken apart without the checkpoint. Most
    initialisers keep their names; the exporter turns three matrices round and packs the LSTM. Raises ValueError where a weight is missing.
    """
    contract = json.loads(path.with_name("binn.json").read_text())
    model = Binn(Sizes(**{key: value for key, value in contract["sizes"].items() if key in Sizes.__dataclass_fields__}))
    graph = onnx.load(str(path)).graph
    values = {tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
    state = model.state_dict()
    found = {name: value for name, value in values.items() if name in state}
    # A product whose bias is a parameter `x.bias` was made of `x.weight`, transposed.
    made_by = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        if node.op_type == "Add" and any(name.endswith(".bias") for name in node.input):
            bias = next(name for name in node.input if name.endswith(".bias"))
            product = next((made_by[name] for name in node.input if name in made_by and made_by[name].op_type == "MatMul"), None)
            if product is not None and product.input[1] in values:
                found[bias.removesuffix("bias") + "weight"] = values[product.input[1]].T
    lstm = next((node for node in graph.node if node.op_type == "LSTM"), None)
    if lstm is not None:
        found |= lstm_weights(*(values[name] for name in lstm.input[1:4]))
    lacking = [name for name in state if name not in found and name not in ("logit_knots", "logit_bends")]
    if lacking:
        raise ValueError(f"{path} lacks {', '.join(lacking)}")
    model.load_state_dict({name: found.get(name, state[name]).reshape(state[name].shape) for name in state})
    return model.eval(), {"model": model.state_dict(), "sizes": model.sizes.to_dict(), "training": contract["trainedOn"]["training"]}


def lstm_weights(w: torch.Tensor, r: torch.Tensor, b: torch.Tensor) -> dict[str, torch.Tensor]:
    """ONNX packs the gates as input, output, forget, cell and both biases in one row; PyTorch has input, forget, cell, output."""
    def gates(packed: torch.Tensor) -> torch.Tensor:
        i, o, f, c = packed.chunk(4)
        return torch.cat((i, f, c, o))

    out = {}
    for side, suffix in enumerate(("", "_reverse")):
        ours, theirs = b[side].chunk(2)
        out |= {f"lstm.weight_ih_l0{suffix}": gates(w[side]), f"lstm.weight_hh_l0{suffix}": gates(r[side])}
        out |= {f"lstm.bias_ih_l0{suffix}": gates(ours), f"lstm.bias_hh_l0{suffix}": gates(theirs)}
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model, _ = load_checkpoint(args.checkpoint)
    path = args.out / "binn.onnx"
    export_graph(model, path)
    parity = verify(model, path)
    report = {"file": str(path), "bytes": path.stat().st_size, "parity": parity, "msPerWindow": time_graph(path, model.sizes)}
    print(f"parity PyTorch {parity['torch']:.1e}, batch {parity['batch']:.1e}", file=sys.stderr)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
