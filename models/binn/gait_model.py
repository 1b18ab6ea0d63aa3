"""BINN (network.py) on walking recordings of a few dozen subjects: foot channels observed, everything else masked.

Too few subjects to fit 100,000 weights to their labels, so the movement part (eq. 9, 10, 13) never sees a label: it is pretrained to fill in masked
channels of the training subjects' own windows (the paper's transfer learning), or left as initialised where `updates` is 0. What carries the label
is a linear head (eq. 20, ridge) over a subject's pooled F_attn, in two parts:

- even: mean of F_attn over the subject's windows and over their mirror images (left and right exchanged): how they walk;
- odd: size of the mean difference between F_attn of a window and of its mirror image: how far left and right differ, whichever side it is.

Context (age, sex, mass, height as the contract's z and mask) enters the head beside them, or is masked. Several networks from different seeds are
averaged in the logit. The strength of the ridge is chosen by cross-validation over training subjects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional as F

from . import channels
from .gait_data import CONTEXT_AT, FEET, HOP, LENGTH, Bout, GaitSet, Scale
from .network import Binn

GRADIENT_NORM = 1.0
AT_ONCE = 256
INNER_FOLDS = 5
INNER_REPEATS = 2


@dataclass(frozen=True)
class Recipe:
    """Everything that a fit depends on beside data and seed. All (chosen); models/gait.md says what else was looked at."""

    members: int = 6
    updates: int = 200
    rate: float = 1e-3
    decay: float = 0.01
    batch: int = 48  # windows of an update
    hidden_share: float = 0.35  # of the channels of a window
    turn: float = 0.05  # rad, standard deviation of a sensor's turn about each of its axes
    pace: float = 0.08  # standard deviation of the log of the time scale
    gain: float = 0.05  # standard deviation of the log of a common gain
    strengths: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3)  # sklearn's C, from strong to weak


def turn_matrices(count: int, spread: float, rng: np.random.Generator) -> Tensor:
    """[count, 3, 3] rotations by random vectors with this standard deviation a component (rad)."""
    x, y, z = torch.from_numpy(rng.normal(0.0, spread, (count, 3))).float().unbind(1)
    none = torch.zeros_like(x)
    return torch.matrix_exp(torch.stack((none, -z, y, z, none, -x, -y, x, none), dim=1).view(-1, 3, 3))


def turned(windows: Tensor, scale: Scale, spread: float, rng: np.random.Generator) -> Tensor:
    """[N, T, 12] in z: each foot's sensor turned in its mount, acceleration and angular velocity alike."""
    matrices = turn_matrices(2 * len(windows), spread, rng).view(len(windows), 2, 3, 3)
    location, size = torch.from_numpy(scale.location), torch.from_numpy(scale.scale)
    raw = (windows * size + location).view(*windows.shape[:2], 2, 2, 3)
    rotated = torch.einsum("nfij,ntfkj->ntfki", matrices, raw)
    return (rotated.reshape(windows.shape) - location) / size


def mirrored(windows: Tensor) -> Tensor:
    """[..., 12]: left and right exchanged, in z."""
    order = [FEET.index(channels.mirror_order()[at]) for at in FEET]
    signs = torch.tensor([channels.mirror_signs()[at] for at in FEET])
    return windows[..., order] * signs


def windows_of(bout: Bout) -> Tensor:
    """[windows, LENGTH, 12], as exported."""
    return torch.from_numpy(bout.signal).unfold(0, LENGTH, HOP).transpose(1, 2)


def cut(bout: Bout, pace: float, rng: np.random.Generator) -> Tensor:
    """One window [LENGTH, 12] from a random place of the bout, played `pace` times as fast."""
    length = min(len(bout.signal), int(round(LENGTH * pace)))
    start = int(rng.integers(0, len(bout.signal) - length + 1))
    piece = torch.from_numpy(bout.signal[start : start + length]).T[None]
    return F.interpolate(piece, size=LENGTH, mode="linear", align_corners=True)[0].T


def draw(data: GaitSet, bouts: dict[int, list[Bout]], recipe: Recipe, scale: Scale, rng: np.random.Generator) -> Tensor:
    """[batch, LENGTH, 12]: every subject as likely as every other, augmented."""
    subjects = np.array(sorted(bouts))
    picked = [bouts[at][rng.integers(len(bouts[at]))] for at in rng.choice(subjects, recipe.batch)]
    windows = torch.stack([cut(bout, float(np.exp(rng.normal(0.0, recipe.pace))), rng) for bout in picked])
    windows = turned(windows, scale, recipe.turn, rng)
    flip = torch.from_numpy(rng.random(recipe.batch) < 0.5)[:, None, None]
    windows = torch.where(flip, mirrored(windows), windows)
    return windows * torch.exp(torch.from_numpy(rng.normal(0.0, recipe.gain, (recipe.batch, 1, 1))).float())


def masked_error(guess: Tensor, wanted: Tensor, hidden: Tensor) -> Tensor:
    """Mean squared error of [N, L, 4 * 12] guesses (four samples a step) over the channels that were hidden ([N, 12] of 0 and 1)."""
    steps = wanted.reshape(guess.shape[0], guess.shape[1], -1)
    weight = hidden[:, None, None, :].expand(-1, guess.shape[1], steps.shape[2] // hidden.shape[1], -1).reshape(steps.shape)
    return ((guess - steps) ** 2 * weight).sum() / torch.clamp(weight.sum(), min=1.0)


def pretrain(data: GaitSet, subjects: np.ndarray, recipe: Recipe, scale: Scale, seed: int) -> Binn:
    """
    A network whose equations 9 and 10 fill in hidden channels of these subjects' windows. Labels are not looked at. The same seed and number of
    threads give the same weights.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng((seed, 17))
    model = Binn()
    if recipe.updates == 0:
        return model.eval()
    chosen = set(int(at) for at in subjects)
    bouts: dict[int, list[Bout]] = {}
    for bout in data.bouts:
        if bout.subject in chosen:
            bouts.setdefault(bout.subject, []).append(bout)
    readout = nn.Linear(model.sizes.hidden, LENGTH // model.sizes.time_steps * len(FEET))
    parameters = [*model.encoder.parameters(), *model.lstm_norm.parameters(), *model.lstm.parameters(), *readout.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=recipe.updates)
    model.train()
    for _ in range(recipe.updates):
        windows = draw(data, bouts, recipe, scale, rng)
        hidden = torch.from_numpy((rng.random((len(windows), len(FEET))) < recipe.hidden_share).astype(np.float32))
        bio, mask = in_contract(model, windows, 1.0 - hidden)
        loss = masked_error(readout(model.recurrent_sequence(bio, mask)), windows, hidden)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_NORM)
        optimiser.step()
        schedule.step()
    return model.eval()


def in_contract(model: Binn, windows: Tensor, shown: Tensor) -> tuple[Tensor, Tensor]:
    """Windows of the feet among the contract's channels, and the mask; `shown` [N, 12] is 1 where a channel is observed."""
    bio = torch.zeros(len(windows), LENGTH, model.sizes.bio)
    mask = torch.zeros_like(bio)
    bio[:, :, FEET] = windows
    mask[:, :, FEET] = shown[:, None].expand(-1, LENGTH, -1)
    return bio, mask


@torch.no_grad()
def f_attn(model: Binn, windows: Tensor, shown: np.ndarray | None = None) -> np.ndarray:
    """Eq. 13's output [N, hidden] of windows of the feet, everything else masked, and the foot channels that are 0 in `shown` [12]."""
    parts = []
    seen = torch.ones(len(FEET)) if shown is None else torch.from_numpy(shown).float()
    for some in windows.split(AT_ONCE):
        bio, mask = in_contract(model, some, seen.expand(len(some), -1))
        empty = [torch.zeros(len(some), width) for width in (model.sizes.phys, model.sizes.perf, model.sizes.context) for _ in (0, 1)]
        parts.append(model.encode(bio, mask, *empty).f_attn.numpy())
    return np.concatenate(parts).astype(np.float64)


def represent(model: Binn, size: int, bouts: list[Bout], shown: np.ndarray | None = None) -> np.ndarray:
    """
    [size, 2 * hidden]: even and odd part of each subject's pooled F_attn; NaN for a subject without a window. `shown` [12] of 0 and 1 hides
    channels (of both feet alike).
    """
    if not bouts:
        return np.full((size, 2 * model.sizes.hidden), np.nan)
    windows = torch.cat([windows_of(bout) for bout in bouts])
    subject = np.repeat([bout.subject for bout in bouts], [bout.windows for bout in bouts])
    member = (subject == np.arange(size)[:, None]).astype(np.float64)
    with np.errstate(all="ignore"):
        share = member / member.sum(axis=1, keepdims=True)
    straight, turned_round = f_attn(model, windows, shown), f_attn(model, mirrored(windows), shown)
    return np.concatenate((share @ (straight + turned_round) / 2, np.abs(share @ (straight - turned_round))), axis=1)


def with_context(pooled: np.ndarray, data: GaitSet) -> np.ndarray:
    """The context channels that recordings know (z under the mask) beside the pooled movement."""
    return np.concatenate((pooled, (data.context * data.context_mask)[:, CONTEXT_AT]), axis=1)


def ridge(strength: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000))


def head_logits(views: list[np.ndarray], label: np.ndarray, train: np.ndarray, test: np.ndarray, strength: float) -> np.ndarray:
    """Mean logit of the test subjects over one head a view, each fitted on the training subjects."""
    return np.mean([ridge(strength).fit(view[train], label[train]).decision_function(view[test]) for view in views], axis=0)


def choose_strength(views: list[np.ndarray], label: np.ndarray, train: np.ndarray, strengths: tuple[float, ...], seed: int) -> float:
    """The strength with the least cross-validated log loss over training subjects; the stronger one where two are equal."""
    losses = []
    for strength in strengths:
        total = 0.0
        for repeat in range(INNER_REPEATS):
            folds = StratifiedKFold(inner_folds(label[train]), shuffle=True, random_state=seed + repeat)
            for inside, outside in folds.split(train, label[train]):
                logit = head_logits(views, label, train[inside], train[outside], strength)
                total += log_loss(label[train[outside]], 1 / (1 + np.exp(-logit)), labels=(0, 1), normalize=False)
        losses.append(total)
    return strengths[int(np.argmin(losses))]


def inner_folds(label: np.ndarray) -> int:
    """As many folds as the smaller group can fill, five at most."""
    return int(max(2, min(INNER_FOLDS, label.sum(), (1 - label).sum())))
