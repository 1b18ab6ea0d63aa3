"""BINN, equations 9 to 21 of the paper. Departures are listed in models/README.md beside the line that makes them.

Shapes: B batch, T = 200 samples at 100 Hz, L = 50 steps at 25 Hz. A mask is 1 where a value was observed. Values under a zero mask
are never looked at, whatever they hold (as long as they are finite).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import channels

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
    """

    def __init__(self, inputs: int, fast: int, middle: int, slow: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.halve = HalveRate()
        self.fast_in = nn.Conv1d(2 * inputs, fast, 6, stride=2, padding=2)
        self.fast_out = nn.Conv1d(fast, fast, 6, stride=2, padding=2)
        self.middle_in = nn.Conv1d(3 * inputs, middle, 6, stride=2, padding=2)
        self.slow_in = nn.Conv1d(3 * inputs, slow, 5, padding=2)

    def forward(self, value: Tensor, mask: Tensor) -> Tensor:
        x50 = self.halve(torch.cat((value, value.abs(), mask), dim=1))
        x25 = self.halve(x50)
        fast = F.relu(self.fast_out(F.relu(self.fast_in(torch.cat((value, mask), dim=1)))))
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

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        left, right, middle = channels.sides()
        self.side = Pyramid(len(left), sizes.fast, sizes.middle, sizes.slow)
        self.trunk = Pyramid(len(middle), sizes.fast // 2, sizes.middle // 2, sizes.slow // 2)
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


class SequenceAttention(nn.Module):
    """Eq. 13: pre-norm multi-head self-attention over the window's steps, pooled over observed steps. Also the weight of each step."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.depth = width // heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
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
        xr, xz, xn = self.x(x).chunk(3, dim=1)
        hr, hz, hn = self.h(state).chunk(3, dim=1)
        reset, update = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        candidate = torch.tanh(xn + reset * hn)
        return candidate + update * (state - candidate)


class TokenAttention(nn.Module):
    """Eq. 19: the combined representation asks, the tokens answer; missing tokens are masked. -> [B, width], [B, tokens]."""

    def __init__(self, widths: list[int], combined: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.depth = width // heads
        self.tokens = nn.ModuleList(nn.Linear(w, width) for w in widths)
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(combined, width)
        self.keys_values = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, parts: list[Tensor], present: Tensor, combined: Tensor) -> tuple[Tensor, Tensor]:
        tokens = torch.stack([project(part) for project, part in zip(self.tokens, parts)], dim=1)
        count = len(parts)
        k, v = self.keys_values(self.norm(tokens)).view(-1, count, 2, self.heads, self.depth).permute(2, 0, 3, 1, 4).unbind(0)
        q = self.query(combined).view(-1, self.heads, 1, self.depth)
        scores = (q * k).sum(dim=-1) * self.depth**-0.5 + (1.0 - present[:, None, :]) * MASKED
        weights = torch.softmax(scores, dim=-1)
        attended = torch.matmul(weights.unsqueeze(2), v).reshape(-1, self.heads * self.depth)
        return self.out(attended), weights.mean(dim=1)


class Binn(nn.Module):
    def __init__(self, sizes: Sizes | None = None) -> None:
        super().__init__()
        sizes = sizes or Sizes()
        self.sizes = sizes
        hidden, branch = sizes.hidden, sizes.branch
        self.encoder = MultiScaleEncoder(sizes)
        self.lstm_norm = nn.LayerNorm(hidden)
        self.drop = nn.Dropout(sizes.dropout)
        self.lstm = nn.LSTM(hidden, sizes.lstm, bidirectional=True)
        self.attention = SequenceAttention(hidden, sizes.heads)
        self.phys = Branch(sizes.phys, branch)
        self.perf = Branch(sizes.perf, branch)
        self.context = Branch(sizes.context, branch)
        # g = sigmoid: 0.9 at the start, a memory of some ten windows.
        self.adaptation = nn.Parameter(torch.full((hidden,), 2.2))
        # How fast eq. 17's state ages over a gap: 0.99 a missed hop at the start.
        self.ageing = nn.Parameter(torch.full((sizes.final,), 4.6))
        combined = hidden + 3 * branch
        self.update = GatedUpdate(combined, sizes.final)
        self.psi = nn.Linear(sizes.final, 1)
        self.fusion = TokenAttention([hidden, hidden, hidden, branch, branch, branch, sizes.final], combined, hidden, sizes.heads)
        self.fused_norm = nn.LayerNorm(hidden)
        self.injury = nn.Linear(hidden, 1)
        self.rehab = nn.Linear(hidden, 1)
        self.performance = nn.Linear(hidden, 1)
        self.spread = nn.Sequential(nn.Linear(hidden + 8, 16), nn.ReLU(), nn.Linear(16, 1))
        # 1 / temperature, set by calibrate.py from validation athletes.
        self.register_buffer("logit_scale", torch.ones(1))
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
        sequence = self.encoder(bio * bio_mask, bio_mask)
        recurrent, _ = self.lstm(self.drop(self.lstm_norm(sequence)).transpose(0, 1))
        recurrent = sequence + recurrent.transpose(0, 1)  # [B, L, hidden], eq. 10
        share = seen / torch.clamp(seen.sum(dim=1, keepdim=True), min=1.0)
        h = torch.matmul(share.unsqueeze(1), recurrent).squeeze(1)
        f_attn, attn_time = self.attention(recurrent, seen)
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
        keep = torch.exp(F.logsigmoid(self.adaptation) * torch.clamp(elapsed, min=1.0)) * started
        return a + bio_there * (1.0 - keep) * (h - a)

    def step(self, e: Encoded, state: State, elapsed: Tensor) -> Scored:
        """Equations 11, 12, 16 to 21: what needs the athlete's earlier windows. elapsed 0 = no earlier window, the state is ignored."""
        carried = (elapsed > 0.5).to(e.h.dtype)
        elapsed = torch.clamp(elapsed, max=MAX_ELAPSED)
        state = State(state.final * carried, state.a * carried, state.h * carried)
        bio_there = e.present[:, :1]
        r, r_known = self.residual(e.h, state.h, bio_there, elapsed)
        a = self.cumulative(e.h, state.a, bio_there, elapsed)
        a_known = (a.abs().amax(dim=1, keepdim=True) > 0).to(a.dtype)
        combined = self.drop(torch.cat((e.h, e.phys, e.perf, e.context), dim=1))  # eq. 16
        aged = state.final * torch.exp(F.logsigmoid(self.ageing) * torch.clamp(elapsed - 1.0, min=0.0))
        final = self.update(combined, aged)  # eq. 17
        present = torch.cat((bio_there, r_known, a_known, e.present[:, 1:], torch.ones_like(bio_there)), dim=1)
        fused, attn_tokens = self.fusion([e.f_attn, r, a, e.phys, e.perf, e.context, final], present, combined)  # eq. 19
        fused = self.drop(self.fused_norm(fused))
        raw = self.injury(fused) + self.psi(self.drop(final))  # eq. 20, fed by eq. 18
        logit = raw * self.logit_scale
        # H of a window without biomechanics is zero: the marker for "no such window" above.
        next_h = torch.cat((e.h * bio_there, state.h[:, : self.sizes.hidden]), dim=1)
        return Scored(
            state_logit=logit,
            rehab=torch.sigmoid(self.rehab(fused)),  # eq. 21
            performance=self.performance(fused) * self.performance_scale + self.performance_location,
            attn_tokens=attn_tokens,
            residual_norm=torch.sqrt((r * r).sum(dim=1, keepdim=True)),
            logit_sd=(F.softplus(self.spread(torch.cat((fused, e.present, e.observed), dim=1))) + 1e-3) * self.logit_scale,
            fused=fused,
            state=State(final, a, next_h),
        )

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
