"""
Masked-channel pretraining of the movement encoder (equations 9 and 10), which stands for the paper's transfer learning: sensors and time spans of a window are
hidden, and the encoder learns to fill them in from the rest. No label is looked at.

    python -m binn.pretrain --data models/data/first --out models/data/first/start.pt --updates 1200
    python -m binn.train --data models/data/first --start models/data/first/start.pt ...

Whether it helps is measured by `experiments pretraining` (learning curves with and without); the shipped weights start from nothing unless it does.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import channels
from .data import Athlete, WindowSet
from .network import Binn
from .train import CHUNK, GRADIENT_NORM, LANES, LEARNING_RATE, tensors

BATCH = LANES * CHUNK
# Shares of sensor groups hidden over the whole window, and of the others hidden for a span of 0.2 to 0.8 s. (chosen)
WHOLE, SPAN = 0.3, 0.5
SHORTEST, LONGEST = 20, 80
PRETRAINED = ("encoder.", "lstm_norm.", "lstm.")


def hide_some(mask: Tensor, rng: np.random.Generator) -> Tensor:
    """1 where something observed is to be hidden, else 0; mask [B, T, C]. In each window at least one group stays as it is."""
    groups = [torch.tensor(indices) for indices in channels.sensor_groups().values()]
    hidden = torch.zeros_like(mask)
    for window in range(len(mask)):
        spared = rng.integers(len(groups))
        for number, indices in enumerate(groups):
            if number == spared:
                continue
            if rng.random() < WHOLE:
                hidden[window][:, indices] = 1.0
            elif rng.random() < SPAN:
                length = int(rng.integers(SHORTEST, LONGEST + 1))
                start = int(rng.integers(0, mask.shape[1] - length + 1))
                hidden[window, start : start + length, indices] = 1.0
    return hidden * mask


def pooled(value: Tensor, known: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Mean of the known samples in each of the encoder's steps, and whether there was one. [B, T, C] -> [B, steps, C] twice."""
    shape = (value.shape[0], steps, -1, value.shape[2])
    count = known.reshape(shape).sum(dim=2)
    return (value * known).reshape(shape).sum(dim=2) / torch.clamp(count, min=1.0), (count > 0).to(value.dtype)


def reconstruction_loss(model: Binn, head: nn.Linear, bio: Tensor, mask: Tensor, hidden: Tensor) -> Tensor:
    """Smooth absolute error of the hidden samples, pooled to the encoder's 25 Hz. 0 where nothing is hidden."""
    target, wanted = pooled(bio, hidden, model.sizes.time_steps)
    given = head(model.recurrent_sequence(bio, mask - hidden))
    each = F.smooth_l1_loss(given, target, reduction="none") * wanted
    return each.sum() / torch.clamp(wanted.sum(), min=1.0)


def pretrain(windows: WindowSet, athletes: list[Athlete], updates: int, seed: int, deadline: float = float("inf"), log=None) -> tuple[dict[str, Tensor], list[float]]:
    """Weights of the movement encoder (names as in Binn) after `updates` batches of random windows, and the loss of each tenth of the run."""
    torch.manual_seed(seed)
    rng = np.random.default_rng((seed, 77))
    model = Binn()
    head = nn.Linear(model.sizes.hidden, model.sizes.bio)
    trained = [p for name, p in model.named_parameters() if name.startswith(PRETRAINED)] + list(head.parameters())
    optimiser = torch.optim.Adam(trained, lr=LEARNING_RATE)
    rows = np.concatenate([athlete.rows for athlete in athletes])
    model.train()
    losses: list[float] = []
    for update in range(updates):
        block = tensors(windows.read(rows[rng.integers(0, len(rows), BATCH)]))
        loss = reconstruction_loss(model, head, block["bio"], block["bio_mask"], hide_some(block["bio_mask"], rng))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, GRADIENT_NORM)
        optimiser.step()
        losses.append(loss.item())
        if log is not None and (update + 1) % max(updates // 10, 1) == 0:
            log(f"pretraining {update + 1}/{updates}  loss {np.mean(losses[-max(updates // 10, 1):]):.4f}")
        if time.monotonic() > deadline:
            break
    weights = {name: value.detach().clone() for name, value in model.state_dict().items() if name.startswith(PRETRAINED)}
    return weights, [round(float(np.mean(part)), 4) for part in np.array_split(losses, 10) if len(part)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--updates", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    windows = WindowSet(args.data)
    weights, _ = pretrain(windows, windows.of("train"), args.updates, args.seed, log=lambda line: print(line, file=sys.stderr, flush=True))
    torch.save(weights, args.out)


if __name__ == "__main__":
    main()
