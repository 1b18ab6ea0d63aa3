"""Eq. 3, the baseline: one plain LSTM over a window's channels and masks at 25 Hz, its last hidden state beside the scalars, nothing carried on.

Trained on the same training athletes as BINN (windows of movement), early stopping on validation, kept beside the data set under a digest of the
data and of these settings. No mirroring, no dropped sensors, no consistency loss: that is what "plain" means.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .channels import BIO
from .data import WindowSet
from .scoring import movement_with_label, rows_of

HIDDEN = 64
HEAD = 32
BATCH = 128
LEARNING_RATE = 1e-3
PATIENCE = 3
MAX_PASSES = 30
# Every k-th window, so that the 25 Hz copy in memory stays below about 700 MB.
MAX_WINDOWS = 150_000
FOLD = 4


class PlainLstm(nn.Module):
    """[B, L, 2 * channels] and scalars [B, S] -> logit [B]."""

    def __init__(self, channels: int, scalars: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2 * channels, HIDDEN, batch_first=True)
        self.head = nn.Sequential(nn.Linear(HIDDEN + scalars, HEAD), nn.ReLU(), nn.Linear(HEAD, 1))

    def forward(self, series: Tensor, scalars: Tensor) -> Tensor:
        _, (last, _) = self.lstm(series)
        return self.head(torch.cat((last[0], scalars), dim=1))[:, 0]


def to_25_hz(bio: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """[rows, T, C] twice -> [rows, T / 4, 2 C] in half precision: the mean of what was observed in four samples (0 where nothing was), and its share."""
    shape = (len(bio), bio.shape[1] // FOLD, FOLD, bio.shape[2])
    seen = mask.reshape(shape).sum(axis=2)
    value = (bio * mask).reshape(shape).sum(axis=2) / np.maximum(seen, 1.0)
    return np.concatenate((value, seen / FOLD), axis=2).astype(np.float16)


def scalars_of(windows: WindowSet, rows: np.ndarray) -> np.ndarray:
    """Physiology, performance and context with their masks [rows, S]; masked values are 0."""
    parts = []
    for name in ("phys", "perf", "context"):
        mask = windows.columns[f"{name}_mask"][rows]
        parts += [np.where(mask > 0, windows.columns[name][rows], 0.0), mask]
    return np.concatenate(parts, axis=1).astype(np.float32)


def series_of(windows: WindowSet, rows: np.ndarray, at_once: int = 512) -> np.ndarray:
    parts = [to_25_hz(block["bio"], block["bio_mask"]) for block in (windows.read(rows[at : at + at_once]) for at in range(0, len(rows), at_once))]
    return np.concatenate(parts) if parts else np.empty((0, 0, 0), np.float16)


def digest_of(windows: WindowSet, folder: Path) -> str:
    """Of the data set's description, file sizes and narrow columns (of the athletes it is fitted on and stopped by), and of the settings here."""
    digest = hashlib.sha256(json.dumps([HIDDEN, HEAD, BATCH, LEARNING_RATE, PATIENCE, MAX_PASSES, MAX_WINDOWS, FOLD]).encode())
    description = folder / "dataset.json"
    digest.update(description.read_bytes() if description.exists() else b"")
    for file in sorted(folder.glob("*.arrow")):
        digest.update(f"{file.name} {file.stat().st_size}".encode())
    rows = np.concatenate((rows_of(windows.of("train")), rows_of(windows.of("validation"))))
    for name in ("athlete", "window_index", "label_altered", "phys", "perf", "context"):
        digest.update(np.ascontiguousarray(windows.columns[name][rows]).tobytes())
    return digest.hexdigest()[:16]


def _thinned(rows: np.ndarray) -> np.ndarray:
    return rows[:: max(1, -(-len(rows) // MAX_WINDOWS))]


@torch.no_grad()
def _predict(model: PlainLstm, series: np.ndarray, scalars: np.ndarray) -> np.ndarray:
    model.eval()
    parts = [
        model(torch.from_numpy(series[at : at + 1024].astype(np.float32)), torch.from_numpy(scalars[at : at + 1024])).numpy() for at in range(0, len(series), 1024)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def _cross_entropy(logit: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0.0, logit) - y * logit))


def fit(windows: WindowSet, minutes: float, seed: int, log) -> tuple[PlainLstm, dict]:
    """The weights with the lowest validation cross-entropy, and how they came about. Uses training and validation athletes only."""
    sets = {}
    for split in ("train", "validation"):
        rows = rows_of(windows.of(split))
        rows = _thinned(rows[movement_with_label(windows, rows)])
        if len(rows) == 0:
            raise ValueError(f"no labelled window of movement in the {split} split")
        sets[split] = (series_of(windows, rows), scalars_of(windows, rows), windows.columns["label_altered"][rows])
    torch.manual_seed(seed)
    series, scalars, y = sets["train"]
    model = PlainLstm(len(BIO), scalars.shape[1])
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    # The untrained weights stand where not one pass ends in time.
    best, best_pass, weights = np.inf, 0, {k: v.clone() for k, v in model.state_dict().items()}
    started, passes = time.monotonic(), 0
    while passes < MAX_PASSES and passes - best_pass < PATIENCE and time.monotonic() - started < 60 * minutes:
        model.train()
        order = np.random.default_rng((seed, passes)).permutation(len(y))
        for at in range(0, len(order), BATCH):
            pick = order[at : at + BATCH]
            logit = model(torch.from_numpy(series[pick].astype(np.float32)), torch.from_numpy(scalars[pick]))
            loss = nn.functional.binary_cross_entropy_with_logits(logit, torch.from_numpy(y[pick]))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            if time.monotonic() - started > 60 * minutes:
                break
        passes += 1
        held = _cross_entropy(_predict(model, *sets["validation"][:2]), sets["validation"][2])
        log(f"LSTM pass {passes}: validation cross-entropy {held:.4f}, {time.monotonic() - started:.0f} s")
        if held < best:
            best, best_pass, weights = held, passes, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(weights)
    facts = {
        "passes": passes, "bestPass": best_pass, "validationCrossEntropy": round(float(best), 4), "seconds": round(time.monotonic() - started, 1),
        "stoppedEarly": passes - best_pass >= PATIENCE, "trainingWindows": len(y), "parameters": sum(p.numel() for p in model.parameters()), "seed": seed,
    }
    return model, facts


def load_or_fit(windows: WindowSet, folder: Path, minutes: float, seed: int, log) -> tuple[PlainLstm, dict]:
    """From `folder`/baselines where the same data and settings were fitted before; else fitted and stored there."""
    digest = digest_of(windows, folder)
    stored = folder / "baselines" / f"lstm-{digest}-{seed}.pt"
    if stored.exists():
        kept = torch.load(stored, map_location="cpu", weights_only=True)
        model = PlainLstm(len(BIO), kept["scalars"])
        model.load_state_dict(kept["model"])
        log(f"LSTM from {stored.name}")
        return model, {**kept["facts"], "cached": True}
    model, facts = fit(windows, minutes, seed, log)
    stored.parent.mkdir(exist_ok=True)
    torch.save({"model": model.state_dict(), "scalars": model.head[0].in_features - HIDDEN, "facts": facts}, stored)
    return model, {**facts, "cached": False}


def predict(model: PlainLstm, windows: WindowSet, rows: np.ndarray) -> np.ndarray:
    """Logits [rows]."""
    parts = [_predict(model, series_of(windows, rows[at : at + 8192]), scalars_of(windows, rows[at : at + 8192])) for at in range(0, len(rows), 8192)]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)
