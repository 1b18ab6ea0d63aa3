"""BINN, equations 9 to 21 of the paper. Departures are listed in models/README.md beside the line that makes them.

Shapes: B batch, T = 200 samples at 100 Hz, L = 50 steps at 25 Hz. A mask is 1 where a value was observed. Values under a zero mask
are never looked at, whatever they hold (as long as they are finite).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import channels
from .variants import FULL, Variant

TOKENS = ("f_attn", "residual", "cumulative", "phys", "perf", "context", "final")
# Finite, so that a row with every key masked gives a uniform softmax and not NaN; its result is then multiplied by zero.
MASKED = -1e9
# Hops after which a gap counts as for ever: g**3600 is zero for every g that training finds, and float32 stays exact.
MAX_ELAPSED = 3600.0

INPUTS = (
    "bio", "bio_mask", "phys", "phys_mask", "perf", "perf_mask", "context", "context_mask",
    "state_final", "state_a", "state_h", "elapsed",
)
OUTPUTS = (
    "state_logit", "rehab", "performance", "f_attn", "attn_time", "attn_tokens", "residual_norm", "logit_sd",
    "next_final", "next_a", "next_h",
)


@dataclass(frozen=True)
class Sizes:
    """Widths. `hidden` is 2 * lstm; time_steps is T / 4."""

    bio: int = len(channels.BIO)
    phys: int = len(channels.PHYS)
    perf: int = len(channels.PERF)
    context: int = len(channels.CONTEXT)
    fast: int = 16
    middle: int = 16
    slow: int = 16
    lstm: int = 32
    heads: int = 4
    final: int = 64
    branch: int = 32
    time_steps: int = 50
    # While training only; the exported graph has none.
    dropout: float = 0.1

    @property
    def hidden(self) -> int:
        return 2 * self.lstm

    @property
    def attn(self) -> int:
        return self.hidden

    def to_dict(self) -> dict:
        return asdict(self)


# What crosses windows forgets at least this fast, whatever is learned: what is left after two minutes of hops is under 5 %. Without a bound the gate of eq. 17 learned
# to integrate: on input that stood still for hours the state crept by 0.06 after its first two minutes. (chosen)
LONGEST_MEMORY = 0.975
# Bends that a broken-line calibration may have (calibrate.py); without one they are zero and not in the graph.
BENDS = 4


class Encoded(NamedTuple):
    """What a window gives by itself, before anything is carried across windows."""

    h: Tensor  # [B, hidden]  masked mean of the BiLSTM, zero without observed biomechanics
    f_attn: Tensor  # [B, hidden]  eq. 13, pooled
    attn_time: Tensor  # [B, L]
    phys: Tensor  # [B, branch]  eq. 14
    perf: Tensor  # [B, branch]  eq. 15
    context: Tensor  # [B, branch]
    present: Tensor  # [B, 4]  bio, phys, perf, context: 1 where anything was observed
    observed: Tensor  # [B, 4]  fraction of each that was observed


class State(NamedTuple):
    """What crosses windows. Zeros stand for "nothing yet"."""

    final: Tensor  # [B, final]  eq. 17
    a: Tensor  # [B, hidden]  eq. 12
    h: Tensor  # [B, 2 * hidden]  H(k-1) then H(k-2), eq. 11


class Scored(NamedTuple):
    state_logit: Tensor
    rehab: Tensor
    performance: Tensor
    attn_tokens: Tensor
    residual_norm: Tensor
    logit_sd: Tensor
    fused: Tensor
    state: State


class Carried(NamedTuple):
    """What a window brings across from earlier ones, and what the recurrence makes of it."""

    r: Tensor  # [B, hidden]  eq. 11
    r_known: Tensor  # [B, 1]
    a: Tensor  # [B, hidden]  eq. 12
    a_known: Tensor  # [B, 1]
    final: Tensor  # [B, final]  eq. 17


class HalveRate(nn.Module):
    """Halves the rate behind a fixed [1 3 3 1]/8 low-pass, so that the slower branches do not alias. [B, C, T] -> [B, C, T/2]."""

    def forward(self, x: Tensor) -> Tensor:
        even, odd = x[:, :, 0::2], x[:, :, 1::2]
        before = F.pad(odd, (1, 0))[:, :, :-1]
        after = F.pad(even, (0, 1))[:, :, 1:]
        return 0.125 * (before + after) + 0.375 * (even + odd)


class Pyramid(nn.Module):
    """
    Temporal convolutions at 100, 50 and 25 Hz that meet at 25 Hz. Values and masks [B, C, T] -> [B, fast + middle + slow, L].
    The slower branches also see the rectified signal low-passed (an envelope): how strongly a foot moves is then linear in the input.
    `scales` off: one branch from 100 Hz of the same width altogether.
    """

    def __init__(self, inputs: int, fast: int, middle: int, slow: int, scales: bool = True) -> None:
        super().__init__()
        self.inputs = inputs
        self.scales = scales
        if not scales:
            fast = fast + middle + slow
        self.halve = HalveRate()
        self.fast_in = nn.Conv1d(2 * inputs, fast, 6, stride=2, padding=2)
        self.fast_out = nn.Conv1d(fast, fast, 6, stride=2, padding=2)
        if scales:
            self.middle_in = nn.Conv1d(3 * inputs, middle, 6, stride=2, padding=2)
            self.slow_in = nn.Conv1d(3 * inputs, slow, 5, padding=2)

    def forward(self, value: Tensor, mask: Tensor) -> Tensor:
        fast = F.relu(self.fast_out(F.relu(self.fast_in(torch.cat((value, mask), dim=1)))))
        if not self.scales:
            return fast
        x50 = self.halve(torch.cat((value, value.abs(), mask), dim=1))
        x25 = self.halve(x50)
        middle = F.relu(self.middle_in(self.normalise(x50)))
        return torch.cat((fast, middle, F.relu(self.slow_in(self.normalise(x25)))), dim=1)

    def normalise(self, x: Tensor) -> Tensor:
        """Masked values are zero, so a low-passed sum over a gap shrinks towards zero: dividing by the low-passed mask undoes it."""
        mask = x[:, 2 * self.inputs :]
        share = torch.clamp(mask, min=0.125)
        return torch.cat((x[:, : self.inputs] / share, x[:, self.inputs : 2 * self.inputs] / share, mask), dim=1)


def picking(picked: list[int], signs: list[float]) -> Tensor:
    """[len(picked), C] with one +-1 a row."""
    matrix = torch.zeros(len(picked), len(signs))
    for row, column in enumerate(picked):
        matrix[row, column] = signs[column]
    return matrix


class MultiScaleEncoder(nn.Module):
    """
    Eq. 9: temporal convolutions over value and mask. [B, T, C] twice -> [B, L, hidden]. Left and right pass through the same weights, the
    right side as its mirror image: what a step looks like is learned once, and a difference between the sides is one subtraction away.
    """

    def __init__(self, sizes: Sizes, scales: bool = True) -> None:
        super().__init__()
        left, right, middle = channels.sides()
        self.side = Pyramid(len(left), sizes.fast, sizes.middle, sizes.slow, scales)
        self.trunk = Pyramid(len(middle), sizes.fast // 2, sizes.middle // 2, sizes.slow // 2, scales)
        # Products with constant matrices: on the CPU several times faster than picking columns.
        ones, signs = [1.0] * sizes.bio, channels.mirror_signs()
        for name, picked, sign in (("left", left, ones), ("right", right, signs), ("right_mask", right, ones), ("middle", middle, ones)):
            self.register_buffer(f"pick_{name}", picking(picked, sign), persistent=False)
        width = sizes.fast + sizes.middle + sizes.slow
        joined = 2 * width + sizes.fast // 2 + sizes.middle // 2 + sizes.slow // 2
        self.norm = nn.LayerNorm(joined)
        self.mix = nn.Conv1d(joined, sizes.hidden, 3, padding=1)
        self.skip = nn.Linear(joined, sizes.hidden)

    def forward(self, value: Tensor, mask: Tensor) -> Tensor:
        # [w, C] x [B, C, T]: picked and channels-first in one go.
        value, mask = value.transpose(1, 2), mask.transpose(1, 2)
        values = torch.cat((torch.matmul(self.pick_left, value), torch.matmul(self.pick_right, value)), dim=0)
        masks = torch.cat((torch.matmul(self.pick_left, mask), torch.matmul(self.pick_right_mask, mask)), dim=0)
        left_steps, right_steps = self.side(values, masks).chunk(2, dim=0)
        trunk = self.trunk(torch.matmul(self.pick_middle, value), torch.matmul(self.pick_middle, mask))
        joined = torch.cat((left_steps + right_steps, left_steps - right_steps, trunk), dim=1).transpose(1, 2)
        mixed = self.mix(self.norm(joined).transpose(1, 2)).transpose(1, 2)
        return self.skip(joined) + F.relu(mixed)


class HandMade(nn.Module):
    """
    Stands for eq. 9 and 10 in the ablation without feature learning: value and mask [B, T, C] -> [B, hidden]. Of each channel's observed samples the
    mean, standard deviation, mean absolute change, minimum and maximum, and the observed share; zeros where nothing was observed.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(6 * sizes.bio)
        self.mix = nn.Linear(6 * sizes.bio, sizes.hidden)

    def forward(self, value: Tensor, mask: Tensor) -> Tensor:
        count = torch.clamp(mask.sum(dim=1), min=1.0)
        mean = (value * mask).sum(dim=1) / count
        spread = torch.sqrt((((value - mean[:, None]) * mask) ** 2).sum(dim=1) / count)
        both = mask[:, 1:] * mask[:, :-1]
        change = ((value[:, 1:] - value[:, :-1]).abs() * both).sum(dim=1) / torch.clamp(both.sum(dim=1), min=1.0)
        seen = mask.amax(dim=1)
        lowest = -((1.0 - mask) * MASKED - value * mask).amax(dim=1)
        highest = ((1.0 - mask) * MASKED + value * mask).amax(dim=1)
        figures = (mean, spread, change, lowest * seen, highest * seen, mask.mean(dim=1))
        return F.gelu(self.mix(self.norm(torch.cat(figures, dim=1))))


class SequenceAttention(nn.Module):
    """
    Eq. 13: pre-norm multi-head self-attention over the window's steps, pooled over observed steps. Also the weight of each step.
    `learned` off: the mean over observed steps.
    """

    def __init__(self, width: int, heads: int, learned: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.depth = width // heads
        self.learned = learned
        if not learned:
            return
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        if not self.learned:
            even = observed / torch.clamp(observed.sum(dim=1, keepdim=True), min=1.0)
            return (x * even[:, :, None]).sum(dim=1), even
        steps = x.shape[1]
        q, k, v = self.qkv(self.norm(x)).view(-1, steps, 3, self.heads, self.depth).permute(2, 0, 3, 1, 4).unbind(0)
        scores = torch.matmul(q, k.transpose(2, 3)) * self.depth**-0.5
        scores = scores + (1.0 - observed[:, None, None, :]) * MASKED
        weights = torch.softmax(scores, dim=-1)
        share = observed / torch.clamp(observed.sum(dim=1, keepdim=True), min=1.0)
        # Pooling the queries first leaves one row a head: the same mean of the attended values for a fiftieth of the products.
        pooled = torch.matmul(share[:, None, None, :], weights)
        attended = torch.matmul(pooled, v).reshape(-1, self.heads * self.depth)
        skip = (x * share[:, :, None]).sum(dim=1)
        return skip + self.out(attended), pooled.mean(dim=1).squeeze(1) * observed


class Branch(nn.Module):
    """Eq. 14 and 15, and the same for context: fully connected over value and mask."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(2 * inputs, width)
        self.second = nn.Linear(width, width)

    def forward(self, value: Tensor, mask: Tensor) -> Tensor:
        x = torch.cat((value * mask, mask), dim=1)
        return F.gelu(self.second(F.gelu(self.first(x))))


class GatedUpdate(nn.Module):
    """Eq. 17: a GRU cell, written out so that it exports as plain matrix products."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.x = nn.Linear(inputs, 3 * width)
        self.h = nn.Linear(width, 3 * width)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return self.gate(self.x(x), state)

    def gate(self, projected: Tensor, state: Tensor) -> Tensor:
        """The update behind the input's projection, which needs no state and can be made for many windows at once."""
        xr, xz, xn = projected.chunk(3, dim=1)
        hr, hz, hn = self.h(state).chunk(3, dim=1)
        reset, update = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        candidate = torch.tanh(xn + reset * hn)
        return candidate + update * (state - candidate)


class TokenAttention(nn.Module):
    """
    Eq. 19: the combined representation asks, the tokens answer; missing tokens are masked. -> [B, width], [B, tokens].
    `learned` off: every token that is there weighs the same.
    """

    def __init__(self, widths: list[int], combined: int, width: int, heads: int, learned: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.depth = width // heads
        self.learned = learned
        self.tokens = nn.ModuleList(nn.Linear(w, width) for w in widths)
        self.norm = nn.LayerNorm(width)
        if not learned:
            self.values = nn.Linear(width, width)
            self.out = nn.Linear(width, width)
            return
        self.query = nn.Linear(combined, width)
        self.keys_values = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, parts: list[Tensor], present: Tensor, combined: Tensor) -> tuple[Tensor, Tensor]:
        tokens = torch.stack([project(part) for project, part in zip(self.tokens, parts)], dim=1)
        if not self.learned:
            even = present / torch.clamp(present.sum(dim=1, keepdim=True), min=1.0)
            return self.out(torch.matmul(even.unsqueeze(1), self.values(self.norm(tokens))).squeeze(1)), even
        count = len(parts)
        k, v = self.keys_values(self.norm(tokens)).view(-1, count, 2, self.heads, self.depth).permute(2, 0, 3, 1, 4).unbind(0)
        q = self.query(combined).view(-1, self.heads, 1, self.depth)
        scores = (q * k).sum(dim=-1) * self.depth**-0.5 + (1.0 - present[:, None, :]) * MASKED
        weights = torch.softmax(scores, dim=-1)
        attended = torch.matmul(weights.unsqueeze(2), v).reshape(-1, self.heads * self.depth)
        return self.out(attended), weights.mean(dim=1)


def remaining(learned: Tensor, hops: Tensor) -> Tensor:
    """Share that is left after `hops` [B, 1]: (LONGEST_MEMORY * sigmoid(learned)) ** hops, [B, width]."""
    return torch.exp((F.logsigmoid(learned) + math.log(LONGEST_MEMORY)) * hops)


class Binn(nn.Module):
    def __init__(self, sizes: Sizes | None = None, variant: Variant = FULL) -> None:
        super().__init__()
        sizes = sizes or Sizes()
        self.sizes = sizes
        self.variant = variant
        hidden, branch = sizes.hidden, sizes.branch
        self.drop = nn.Dropout(sizes.dropout)
        if variant.features:
            self.encoder = MultiScaleEncoder(sizes, variant.scales)
            self.lstm_norm = nn.LayerNorm(hidden)
            self.lstm = nn.LSTM(hidden, sizes.lstm, bidirectional=True)
            self.attention = SequenceAttention(hidden, sizes.heads, variant.attention)
        else:
            self.summary = HandMade(sizes)
        self.phys = Branch(sizes.phys, branch)
        self.perf = Branch(sizes.perf, branch)
        self.context = Branch(sizes.context, branch)
        # g = LONGEST_MEMORY * sigmoid: 0.9 at the start, a memory of some ten windows.
        self.adaptation = nn.Parameter(torch.full((hidden,), 2.485), requires_grad=variant.adaptive)
        # How fast eq. 17's state ages, the same way: 0.965 a hop at the start.
        self.ageing = nn.Parameter(torch.full((sizes.final,), 4.6), requires_grad=variant.adaptive)
        combined = hidden + 3 * branch
        self.update = GatedUpdate(combined, sizes.final)
        self.psi = nn.Linear(sizes.final, 1)
        widths = [hidden, hidden, hidden, branch, branch, branch, sizes.final]
        self.fusion = TokenAttention(widths, combined, hidden, sizes.heads, variant.attention and variant.adaptive)
        self.fused_norm = nn.LayerNorm(hidden)
        self.injury = nn.Linear(hidden, 1)
        self.rehab = nn.Linear(hidden, 1)
        self.performance = nn.Linear(hidden, 1)
        self.spread = nn.Sequential(nn.Linear(hidden + 8, 16), nn.ReLU(), nn.Linear(16, 1))
        # What calibrate.py found on validation athletes: logit = scale * raw + shift + sum of bends * (raw - knot)+.
        self.register_buffer("logit_scale", torch.ones(1))
        self.register_buffer("logit_shift", torch.zeros(1))
        self.register_buffer("logit_knots", torch.zeros(BENDS))
        self.register_buffer("logit_bends", torch.zeros(BENDS))
        # Performance is learned as z; these put it back (fitted on training athletes by train.py).
        self.register_buffer("performance_location", torch.zeros(1))
        self.register_buffer("performance_scale", torch.ones(1))

    def encode(
        self, bio: Tensor, bio_mask: Tensor, phys: Tensor, phys_mask: Tensor, perf: Tensor, perf_mask: Tensor,
        context: Tensor, context_mask: Tensor,
    ) -> Encoded:
        """Equations 9, 10, 13, 14, 15: everything that one window gives by itself."""
        steps = bio_mask.view(-1, self.sizes.time_steps, bio_mask.shape[1] // self.sizes.time_steps * bio_mask.shape[2])
        seen = (steps.amax(dim=2) > 0).to(bio.dtype)  # [B, L]
        bio_there = seen.amax(dim=1, keepdim=True)
        h, f_attn, attn_time = self.movement(bio, bio_mask, seen)
        there = [bio_there] + [m.amax(dim=1, keepdim=True) for m in (phys_mask, perf_mask, context_mask)]
        parts = [bio_mask.mean(dim=(1, 2)).unsqueeze(1)] + [m.mean(dim=1, keepdim=True) for m in (phys_mask, perf_mask, context_mask)]
        return Encoded(
            h=h,
            f_attn=f_attn * bio_there,
            attn_time=attn_time,
            phys=self.phys(phys, phys_mask) * there[1],
            perf=self.perf(perf, perf_mask) * there[2],
            context=self.context(context, context_mask) * there[3],
            present=torch.cat(there, dim=1),
            observed=torch.cat(parts, dim=1),
        )

    def movement(self, bio: Tensor, bio_mask: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """H, F_attn and the weight of each step. seen: [B, L], 1 where anything was observed."""
        share = seen / torch.clamp(seen.sum(dim=1, keepdim=True), min=1.0)
        if not self.variant.features:
            h = self.summary(bio * bio_mask, bio_mask)
            return h, h, share
        recurrent = self.recurrent_sequence(bio, bio_mask)
        h = torch.matmul(share.unsqueeze(1), recurrent).squeeze(1)
        return h, *self.attention(recurrent, seen)

    def recurrent_sequence(self, bio: Tensor, bio_mask: Tensor) -> Tensor:
        """Equations 9 and 10, step by step: [B, L, hidden]."""
        sequence = self.encoder(bio * bio_mask, bio_mask)
        recurrent, _ = self.lstm(self.drop(self.lstm_norm(sequence)).transpose(0, 1))
        return sequence + recurrent.transpose(0, 1)  # eq. 10

    def residual(self, h: Tensor, state_h: Tensor, bio_there: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 11 between windows that do not overlap: H(k) - H(k-2), or H(k) - H(k-1) where the last window is two hops back or more."""
        last, before = state_h[:, : self.sizes.hidden], state_h[:, self.sizes.hidden :]
        reference = torch.where(elapsed > 1.5, last, before)
        # An exact zero vector stands for "no such window": a mean over a sequence is never exactly zero.
        known = bio_there * (reference.abs().amax(dim=1, keepdim=True) > 0).to(h.dtype)
        return (h - reference) * known, known

    def cumulative(self, h: Tensor, a: Tensor, bio_there: Tensor, elapsed: Tensor) -> Tensor:
        """Eq. 12 as A <- g^n*A + (1 - g^n)*H. The first observed window sets A = H; a window without biomechanics leaves A alone."""
        started = (a.abs().amax(dim=1, keepdim=True) > 0).to(h.dtype)
        keep = remaining(self.adaptation, torch.clamp(elapsed, min=1.0)) * started
        return a + bio_there * (1.0 - keep) * (h - a)

    def combined(self, e: Encoded) -> Tensor:
        return self.drop(torch.cat((e.h, e.phys, e.perf, e.context), dim=1))  # eq. 16

    def carry(self, h: Tensor, bio_there: Tensor, projected: Tensor, state: State, elapsed: Tensor) -> tuple[Carried, State]:
        """Equations 11, 12 and 17: all that a window needs of earlier ones. projected: the combined representation behind eq. 17's input weights."""
        carried = (elapsed > 0.5).to(h.dtype)
        elapsed = torch.clamp(elapsed, max=MAX_ELAPSED)
        if not self.variant.recurrent:
            carried = torch.zeros_like(carried)
        state = State(state.final * carried, state.a * carried, state.h * carried)
        r, r_known = self.residual(h, state.h, bio_there, elapsed)
        a = self.cumulative(h, state.a, bio_there, elapsed)
        a_known = (a.abs().amax(dim=1, keepdim=True) > 0).to(a.dtype)
        if not self.variant.recurrent:
            a_known = torch.zeros_like(a_known)
        aged = state.final * remaining(self.ageing, elapsed)
        final = self.update.gate(projected, aged)  # eq. 17
        # H of a window without biomechanics is zero: the marker for "no such window" above.
        next_h = torch.cat((h * bio_there, state.h[:, : self.sizes.hidden]), dim=1)
        return Carried(r, r_known, a, a_known, final), State(final, a, next_h)

    def read(self, e: Encoded, combined: Tensor, c: Carried, state: State) -> Scored:
        """Equations 18 to 21, from what a window gives and what was carried to it; `state` is handed on."""
        present = torch.cat((e.present[:, :1], c.r_known, c.a_known, e.present[:, 1:], torch.ones_like(c.r_known)), dim=1)
        fused, attn_tokens = self.fusion([e.f_attn, c.r, c.a, e.phys, e.perf, e.context, c.final], present, combined)  # eq. 19
        fused = self.drop(self.fused_norm(fused))
        raw = self.injury(fused) + self.psi(self.drop(c.final))  # eq. 20, fed by eq. 18
        logit, slope = self.calibrated(raw)
        return Scored(
            state_logit=logit,
            rehab=torch.sigmoid(self.rehab(fused)),  # eq. 21
            performance=self.performance(fused) * self.performance_scale + self.performance_location,
            attn_tokens=attn_tokens,
            residual_norm=torch.sqrt((c.r * c.r).sum(dim=1, keepdim=True)),
            logit_sd=(F.softplus(self.spread(torch.cat((fused, e.present, e.observed), dim=1))) + 1e-3) * slope,
            fused=fused,
            state=state,
        )

    def calibrated(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """The calibrated logit, and its slope over the raw one, by which the spread grows. Bends are part of the graph only where there are any."""
        logit = raw * self.logit_scale + self.logit_shift
        if not self.bent:
            return logit, self.logit_scale
        above = (raw > self.logit_knots).to(raw.dtype)
        bent = (above * (raw - self.logit_knots) * self.logit_bends).sum(dim=1, keepdim=True)
        return logit + bent, self.logit_scale + (above * self.logit_bends).sum(dim=1, keepdim=True)

    @property
    def bent(self) -> bool:
        return bool(self.logit_bends.abs().max() > 0)

    def step(self, e: Encoded, state: State, elapsed: Tensor) -> Scored:
        """One window behind `state`. elapsed 0 = no earlier window, the state is ignored."""
        combined = self.combined(e)
        carried, after = self.carry(e.h, e.present[:, :1], self.update.x(combined), state, elapsed)
        return self.read(e, combined, carried, after)

    def sequence(self, e: Encoded, elapsed: Tensor, state: State) -> tuple[Scored, State]:
        """
        `step` over length windows of B athletes side by side: parts of `e` and elapsed [B, length, ...]. Only what is carried goes window by window;
        the rest is done for all at once. Gives Scored over [B * length] (athlete by athlete) and the state behind the last window.
        """
        lanes, length = elapsed.shape[:2]
        flat = Encoded(*(part.reshape(lanes * length, *part.shape[2:]) for part in e))
        combined = self.combined(flat)
        h, there, projected = (x.reshape(lanes, length, -1).unbind(1) for x in (flat.h, flat.present[:, :1], self.update.x(combined)))
        steps, states = [], []
        for at in range(length):
            carried, state = self.carry(h[at], there[at], projected[at], state, elapsed[:, at])
            steps.append(carried)
            states.append(state)
        joined = Carried(*(torch.stack(parts, dim=1).flatten(0, 1) for parts in zip(*steps)))
        after = State(*(torch.stack(parts, dim=1).flatten(0, 1) for parts in zip(*states)))
        return self.read(flat, combined, joined, after), state

    def initial_state(self, batch: int, device: torch.device | None = None) -> State:
        s = self.sizes
        return State(*(torch.zeros(batch, width, device=device) for width in (s.final, s.hidden, 2 * s.hidden)))

    def forward(self, bio, bio_mask, phys, phys_mask, perf, perf_mask, context, context_mask, state_final, state_a, state_h, elapsed):
        """The exported graph: INPUTS in, OUTPUTS out."""
        e = self.encode(bio, bio_mask, phys, phys_mask, perf, perf_mask, context, context_mask)
        s = self.step(e, State(state_final, state_a, state_h), elapsed)
        return (
            s.state_logit, s.rehab, s.performance, e.f_attn, e.attn_time, s.attn_tokens, s.residual_norm, s.logit_sd,
            s.state.final, s.state.a, s.state.h,
        )
