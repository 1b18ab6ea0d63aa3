"""Which parts of the network are there: everything in what is served, one part less in each ablation (the paper's Tables 7 to 9)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Variant:
    """
    One switch a part. The default is what is served; a switch that is off means:

    features   off: no convolutions and no BiLSTM (eq. 9, 10). Each movement channel is summed up over the window by five hand-made figures (mean, standard
               deviation, mean absolute change from sample to sample, minimum, maximum, over observed samples) and its observed share; one linear
               layer and a GELU make H, which also stands for F_attn. This is "without biomechanical feature learning".
    attention  off: F_attn is the mean over observed steps (eq. 13), and the token attention is the mean of the tokens that are there (eq. 19).
               This is "without attention-guided prediction".
    priors     off: alpha is 0 (no consistency loss) and athletes are not mirrored in training. Sides keep their shared weights, and the data keep the
               population priors that windows are normalised with: both were there before the first weight was learned.
    recurrent  off: every window is an athlete's first (eq. 11, 12 and 17 start from nothing); the residual and the cumulative vector are missing
               tokens. This is "without real-time adaptive monitoring".
    scales     off: one branch of convolutions, from 100 Hz, as wide as the three together.
    adaptive   off: nothing learns how to weight: eq. 12 forgets by 0.9 a hop, eq. 17's state ages by 0.965 a hop, and eq. 19 weights
               the tokens that are there equally.
    """

    features: bool = True
    attention: bool = True
    priors: bool = True
    recurrent: bool = True
    scales: bool = True
    adaptive: bool = True

    def to_dict(self) -> dict[str, bool]:
        return asdict(self)


FULL = Variant()
# Name in tables -> variant. One part off at a time.
ABLATIONS = {
    "full": FULL,
    **{f"without {name}": replace(FULL, **{switch: False}) for switch, name in (
        ("features", "feature learning"), ("attention", "attention"), ("priors", "consistency loss and priors"),
        ("recurrent", "recurrent state"), ("scales", "multi-scale branches"), ("adaptive", "adaptive weights"),
    )},
}
