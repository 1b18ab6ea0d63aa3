"""Equations 22 to 24: what is minimised."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .network import Binn

ALPHA = 0.3  # the paper's, after eq. 24
BETA = 0.01  # the paper's, after eq. 24


@dataclass
class Targets:
    """Labels of N windows; NaN = not labelled. performance and domain are z-scores over training athletes."""

    altered: Tensor
    rehab: Tensor
    performance: Tensor
    domain: Tensor  # [N, D]


def masked_mean(values: Tensor, known: Tensor) -> Tensor:
    """Mean over known entries; 0 (with a gradient of 0) where nothing is known."""
    return (values * known).sum() / torch.clamp(known.sum(), min=1.0)


def squared_error(estimate: Tensor, target: Tensor) -> Tensor:
    known = torch.isfinite(target)
    return masked_mean((estimate - torch.where(known, target, torch.zeros_like(target))) ** 2, known.to(estimate.dtype))


def injury_loss(logit: Tensor, altered: Tensor) -> Tensor:
    """L_injury: binary cross-entropy. Not class-weighted: weights harm calibration."""
    known = torch.isfinite(altered)
    each = F.binary_cross_entropy_with_logits(logit, torch.where(known, altered, torch.zeros_like(altered)), reduction="none")
    return masked_mean(each, known.to(logit.dtype))


class DomainMap(nn.Module):
    """Eq. 22: a learned linear map takes F_attn to the measured domain features, which have no meaning in F_attn's own axes."""

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, features)

    def forward(self, f_attn: Tensor) -> Tensor:
        return self.linear(f_attn)


def consistency_loss(mapped: Tensor, domain: Tensor, bio_there: Tensor) -> Tensor:
    """Eq. 22, over the features that were measured in windows whose movement the model saw. Mean, so that alpha means the same at any N."""
    known = torch.isfinite(domain) & (bio_there > 0)
    return masked_mean((mapped - torch.where(known, domain, torch.zeros_like(domain))) ** 2, known.to(mapped.dtype))


def regularisation(model: Binn) -> Tensor:
    """Eq. 23, over the two heads as printed (and psi, which is the injury head's second half); lambda is 1, beta scales it."""
    return (model.injury.weight**2).sum() + (model.psi.weight**2).sum() + (model.rehab.weight**2).sum()


@dataclass
class Parts:
    injury: Tensor
    rehab: Tensor
    performance: Tensor
    consistency: Tensor
    regularisation: Tensor

    def total(self, alpha: float = ALPHA, beta: float = BETA) -> Tensor:
        """Eq. 24, with the performance estimate that eq. 33 needs beside rehabilitation."""
        return self.injury + self.rehab + self.performance + alpha * self.consistency + beta * self.regularisation


def spread_loss(sd: Tensor, logit: Tensor, smooth: Tensor) -> Tensor:
    """Gaussian likelihood of the athlete's smoothed, fully observed logit around this window's own. `logit` and `smooth` carry no gradient."""
    known = torch.isfinite(smooth)
    gap = torch.where(known, smooth - logit, torch.zeros_like(logit))
    return masked_mean(torch.log(sd) + 0.5 * (gap / sd) ** 2, known.to(sd.dtype))
