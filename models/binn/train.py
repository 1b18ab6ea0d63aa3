"""Trains BINN on the data set of `npm run dataset`, then calibrates it and writes binn.onnx, binn.json and parity.json.

    python -m binn.train --data models/data/first --out models --minutes 15

Table 5's settings are Adam, 5e-4, batch 32. A batch here is LANES athletes side by side, each a chunk of 16 windows whose state is carried
from the chunk before: with 32 lanes (512 windows an update) the same time gives a quarter of the updates, so 8
lanes (128 windows) stand for a batch of 32 single windows. Progress goes to stderr, one JSON object to stdout.

What is judged on validation, kept and exported is not the weights of the last update but their exponential moving average (a departure from
Table 5): at a constant rate the weights keep jumping about a minimum, and their average lies nearer to it.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from . import channels
from .data import Athlete, WindowSet, fill_chunks
from .losses import ALPHA, BETA, DomainMap, Parts, Targets, consistency_loss, injury_loss, regularisation, spread_loss, squared_error
from .network import Binn, Encoded, State
from .variants import FULL, Variant

LEARNING_RATE = 5e-4
LANES = 8
CHUNK = 16
RESET_PROBABILITY = 0.1
# Looks at validation in a pass, and how many without a gain end the run.
LOOKS = 2
PATIENCE = 10
# The average of the weights forgets with this factor an update: some 500 updates, three quarters of a pass over 84,000 windows. (chosen)
AVERAGE = 0.998
GRADIENT_NORM = 1.0
# Athletes that the spread is fitted on: eight views of each have to be scored.
SPREAD_ATHLETES = 240
INPUT_NAMES = ("bio", "bio_mask", "phys", "phys_mask", "perf", "perf_mask", "context", "context_mask")


@dataclass(frozen=True)
class Scales:
    """Location and scale over training athletes of what is learned as z."""

    domain_location: np.ndarray
    domain_scale: np.ndarray
    rehab_scale: float
    performance_location: float
    performance_scale: float

    @staticmethod
    def of(windows: WindowSet, athletes: list[Athlete]) -> "Scales":
        rows = np.concatenate([athlete.rows for athlete in athletes])
        domain, performance = windows.columns["domain"][rows], windows.columns["label_performance"][rows]
        with np.errstate(all="ignore"):
            location, scale = np.nanmean(domain, axis=0), np.nanstd(domain, axis=0)
        seen = performance[np.isfinite(performance)]
        rehab = windows.columns["label_rehab"][rows]
        return Scales(
            np.nan_to_num(location), np.where(np.isfinite(scale) & (scale > 1e-6), scale, 1.0), max(float(np.nanstd(rehab)), 1e-3),
            float(seen.mean()) if len(seen) else 0.0, max(float(seen.std()), 1e-3) if len(seen) else 1.0,
        )

    def targets(self, block: dict[str, Tensor]) -> Targets:
        location, scale = torch.from_numpy(self.domain_location).float(), torch.from_numpy(self.domain_scale).float()
        return Targets(
            block["label_altered"], block["label_rehab"],
            (block["label_performance"] - self.performance_location) / self.performance_scale,
            torch.clamp((block["domain"] - location) / scale, -5.0, 5.0),
        )


def tensors(block: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in block.items()}


FEET = ("foot-left", "foot-right")


def hidden_sensors(groups: dict[str, list[int]], there: set[str], rng: np.random.Generator) -> list[str]:
    """
    The sensor groups and branches that one chunk loses. `there`: groups that the chunk has. (chosen shares)
    60 % keep everything; 7 % keep only the feet, 4 % one foot, 5 % lose one foot, 4 % lose all movement; 4 % keep of the movement only force plates
    and EMG where they have any (else one foot); the others lose each sensor or branch with 0.25.
    """
    kind = rng.random()
    if kind < 0.60:
        return []
    foot = FEET[int(rng.random() < 0.5)]
    if kind < 0.67:
        return [name for name in groups if name not in FEET] + ["phys", "perf"]
    if kind < 0.71:
        return [name for name in groups if name != foot]
    if kind < 0.76:
        return [foot]
    if kind < 0.80:
        return list(groups)
    if kind < 0.84:
        kept = {name for name in there if name.startswith(("force", "emg"))} or {foot}
        return [name for name in groups if name not in kept]
    return [name for name in (*groups, "phys", "perf") if rng.random() < 0.25]


def hide_sensors(block: dict[str, Tensor], names: list[str], groups: dict[str, list[int]]) -> None:
    """Masks sensor groups, phys, perf or context in every row of the block, in place."""
    for name in names:
        if name in groups:
            block["bio_mask"][..., groups[name]] = 0.0
        else:
            block[f"{name}_mask"][:] = 0.0


def drop_modalities(block: dict[str, Tensor], lanes: int, rng: np.random.Generator) -> None:
    """
    Hides sensors for a whole chunk, in place, so that an athlete with a watch only, or one foot only, is no stranger. Context is
    hidden in half of all chunks: age and mass name the athlete, and some hundred athletes can be learned by heart. (chosen)
    """
    groups = channels.sensor_groups()
    masks = {name: value.view(lanes, -1, *value.shape[1:]) for name, value in block.items() if name.endswith("_mask")}
    for lane in range(lanes):
        mine = {name: value[lane] for name, value in masks.items()}
        if rng.random() < 0.5:
            hide_sensors(mine, ["context"], groups)
        first = mine["bio_mask"][0].amax(dim=0)
        there = {name for name, indices in groups.items() if float(first[indices].max()) > 0}
        hide_sensors(mine, hidden_sensors(groups, there, rng), groups)


def mirror(block: dict[str, Tensor], lanes: Tensor, domain: list[str]) -> None:
    """
    Turns the chunks of some lanes into their mirror image, in place: twice as many athletes. z-scores take it because the population is as
    good as symmetric. `domain` names the domain features; signed left-right differences turn round, the inter-limb phase p becomes 1 - p.
    """
    order, signs = torch.tensor(channels.mirror_order()), torch.tensor(channels.mirror_signs())
    rows = torch.repeat_interleave(lanes, CHUNK)
    block["bio"][rows] = block["bio"][rows].index_select(2, order) * signs
    block["bio_mask"][rows] = block["bio_mask"][rows].index_select(2, order)
    for index, name in enumerate(domain):
        if name.endswith("SymmetryPct"):
            block["domain"][rows, index] *= -1.0
        elif name == "interLimbPhase":
            block["domain"][rows, index] = 1.0 - block["domain"][rows, index]


def over_time(model: Binn, encoded: Encoded, elapsed: Tensor, state: State, lanes: int):
    """The recurrent part over [lanes * length] windows that are already encoded: Scored over the same rows, and the last state."""
    length = elapsed.shape[0] // lanes
    laid = Encoded(*(part.view(lanes, length, *part.shape[1:]) for part in encoded))
    return model.sequence(laid, elapsed.view(lanes, length, 1), state)


def losses_of(model: Binn, domain_map: DomainMap, given: dict[str, Tensor], bio_there: Tensor, scales: Scales, targets: Targets) -> Parts:
    """The parts of eq. 24; both squared errors as shares of the label's variance over training athletes, so that neither drowns beside the BCE."""
    performance = (given["performance"] - model.performance_location) / model.performance_scale
    return Parts(
        injury_loss(given["state_logit"], targets.altered),
        squared_error(given["rehab"] / scales.rehab_scale, targets.rehab / scales.rehab_scale),
        squared_error(performance, targets.performance),
        consistency_loss(domain_map(given["f_attn"]), targets.domain, bio_there),
        regularisation(model),
    )


@dataclass(frozen=True)
class Settings:
    """What a run is told. alpha and beta: eq. 24."""

    alpha: float = ALPHA
    beta: float = BETA
    learning_rate: float = LEARNING_RATE
    average: float = AVERAGE
    variant: Variant = FULL

    @property
    def weight(self) -> float:
        """alpha as used: without priors nothing pulls F_attn to the domain features."""
        return self.alpha if self.variant.priors else 0.0


class Run:
    """What changes while training: network, domain map, their moving averages, optimiser."""

    def __init__(self, windows: WindowSet, training: list[Athlete], settings: Settings, seed: int) -> None:
        torch.manual_seed(seed)
        self.settings = settings
        self.scales = Scales.of(windows, training)
        self.model = Binn(variant=settings.variant)
        self.model.performance_location.fill_(self.scales.performance_location)
        self.model.performance_scale.fill_(self.scales.performance_scale)
        self.domain_map = DomainMap(self.model.sizes.hidden, windows.columns["domain"].shape[1])
        self.domain = [feature["name"] for feature in windows.description.get("domain", [])]
        # spread gets no gradient here: fit_spread trains it once the rest stands still.
        trained = [p for name, p in self.model.named_parameters() if not name.startswith("spread") and p.requires_grad]
        self.parameters = [*trained, *self.domain_map.parameters()]
        self.optimiser = torch.optim.Adam(self.parameters, lr=settings.learning_rate)
        self.updates = 0
        self.average, self.average_map = copy.deepcopy(self.model), copy.deepcopy(self.domain_map)
        self._pairs = [list(pair) for pair in zip(*zip([*self.average.parameters(), *self.average_map.parameters()], [*self.model.parameters(), *self.domain_map.parameters()]))]

    def restart_average(self) -> None:
        """The average of weights that came from elsewhere (pretraining) starts at them."""
        self.average.load_state_dict(self.model.state_dict())
        self.average_map.load_state_dict(self.domain_map.state_dict())

    def update(self, loss: Tensor) -> None:
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, GRADIENT_NORM)
        self.optimiser.step()
        self.updates += 1
        # Young averages forget faster, or they would remember the random start.
        keep = min(self.settings.average, (1 + self.updates) / (10 + self.updates))
        with torch.no_grad():
            torch._foreach_lerp_(self._pairs[0], self._pairs[1], 1.0 - keep)

    def stored(self) -> dict:
        parts = {"model": self.model, "map": self.domain_map, "average": self.average, "average_map": self.average_map, "optimiser": self.optimiser}
        return {**{name: part.state_dict() for name, part in parts.items()}, "updates": self.updates}

    def restore(self, stored: dict) -> None:
        parts = {"model": self.model, "map": self.domain_map, "average": self.average, "average_map": self.average_map, "optimiser": self.optimiser}
        for name, part in parts.items():
            part.load_state_dict(stored[name])
        self.updates = stored["updates"]


def updates_in_pass(athletes: list[Athlete]) -> int:
    """About: athletes start at a random window of their first chunk."""
    return max(sum((len(athlete.rows) - CHUNK // 2) // CHUNK for athlete in athletes if len(athlete.rows) >= CHUNK) // LANES, 1)


def train_pass(run: Run, windows: WindowSet, athletes: list[Athlete], rng: np.random.Generator) -> Iterator[float]:
    """One pass over the training athletes; yields the loss after each update (LANES * CHUNK windows)."""
    model, variant = run.model, run.settings.variant
    state = model.initial_state(LANES)
    mirrored = torch.zeros(LANES, dtype=torch.bool)
    for rows, fresh in fill_chunks(athletes, CHUNK, LANES, rng):
        model.train()
        block = tensors(windows.read(rows.reshape(-1)))
        drop_modalities(block, LANES, rng)
        # An athlete stays mirrored as long as the lane's state is theirs.
        mirrored = torch.where(torch.from_numpy(fresh), torch.from_numpy(rng.random(LANES) < 0.5), mirrored)
        if variant.priors:
            mirror(block, mirrored, run.domain)
        keep = torch.from_numpy(~(fresh | (rng.random(LANES) < RESET_PROBABILITY))).float()[:, None]
        # A state that starts anew is what a service without a checkpoint sees: its first window has elapsed 0.
        block["elapsed"].view(LANES, CHUNK, 1)[:, 0] *= keep
        state = State(*(part.detach() * keep for part in state))
        encoded = model.encode(*(block[name] for name in INPUT_NAMES))
        scored, state = over_time(model, encoded, block["elapsed"], state, LANES)
        given = {"f_attn": encoded.f_attn, **{name: getattr(scored, name)[:, 0] for name in ("state_logit", "rehab", "performance")}}
        parts = losses_of(model, run.domain_map, given, encoded.present[:, :1], run.scales, run.scales.targets(block))
        loss = parts.total(run.settings.weight, run.settings.beta)
        run.update(loss)
        yield loss.item()


def encode_rows(model: Binn, windows: WindowSet, rows: np.ndarray, hide, at_once: int = 512) -> tuple[Encoded, Tensor]:
    """What the windows give by themselves, and their elapsed hops."""
    parts, gaps = [], []
    for start in range(0, len(rows), at_once):
        block = tensors(windows.read(rows[start : start + at_once]))
        if hide is not None:
            hide(block)
        parts.append(model.encode(*(block[name] for name in INPUT_NAMES)))
        gaps.append(block["elapsed"])
    return Encoded(*(torch.cat(columns) for columns in zip(*parts))), torch.cat(gaps)


@torch.inference_mode()
def predict(model: Binn, windows: WindowSet, athletes: list[Athlete], hide=None, lanes: int = 32) -> dict[str, np.ndarray]:
    """Each athlete's windows in order, state carried from the first. `hide(block)` may mask inputs. Arrays over the athletes' rows joined."""
    model.eval()
    names = ("state_logit", "rehab", "performance", "logit_sd", "residual_norm")
    out: dict[str, list[np.ndarray]] = {name: [] for name in (*names, "fused", "seen", "f_attn")}
    for start in range(0, len(athletes), lanes):
        group = athletes[start : start + lanes]
        lengths = [len(athlete.rows) for athlete in group]
        # Shorter athletes repeat their last window; what comes of it is cut off again.
        laid = np.stack([np.pad(athlete.rows, (0, max(lengths) - len(athlete.rows)), mode="edge") for athlete in group])
        encoded, elapsed = encode_rows(model, windows, laid.reshape(-1), hide)
        elapsed.view(len(group), -1)[:, 0] = 0.0
        scored, _ = over_time(model, encoded, elapsed, model.initial_state(len(group)), len(group))
        given = {name: getattr(scored, name)[:, 0] for name in names}
        given["fused"] = scored.fused
        given["seen"] = torch.cat((encoded.present, encoded.observed), dim=1)
        given["f_attn"] = encoded.f_attn
        for name, value in given.items():
            by_athlete = value.reshape(len(group), max(lengths), -1).numpy()
            out[name].extend(by_athlete[i, :n] if value.ndim > 1 else by_athlete[i, :n, 0] for i, n in enumerate(lengths))
    return {name: np.concatenate(parts) for name, parts in out.items()}


@torch.inference_mode()
def validation_loss(model, domain_map, windows, athletes, scales, alpha, beta) -> dict[str, float]:
    """Eq. 24 on validation athletes, all sensors as recorded, states carried."""
    given = predict(model, windows, athletes)
    rows = np.concatenate([athlete.rows for athlete in athletes])
    block = {name: torch.from_numpy(windows.columns[name][rows]) for name in ("label_altered", "label_rehab", "label_performance", "domain")}
    outputs = {name: torch.from_numpy(given[name]) for name in ("f_attn", "state_logit", "rehab", "performance")}
    parts = losses_of(model, domain_map, outputs, torch.from_numpy(given["seen"][:, :1]), scales, scales.targets(block))
    return {"total": float(parts.total(alpha, beta)), **{name: float(getattr(parts, name)) for name in parts.__dataclass_fields__}}


def smooth_within(values: np.ndarray, labels: np.ndarray, athletes: list[Athlete], reach: int = 5) -> np.ndarray:
    """Centred mean over +-reach windows of one athlete and one label."""
    out, at = np.empty_like(values), 0
    for athlete in athletes:
        n = len(athlete.rows)
        v, label = values[at : at + n], labels[at : at + n]
        for i in range(n):
            near = slice(max(0, i - reach), i + reach + 1)
            out[at + i] = v[near][label[near] == label[i]].mean() if np.isfinite(label[i]) else np.nan
        at += n
    return out


def fit_spread(model: Binn, windows: WindowSet, athletes: list[Athlete], rng: np.random.Generator) -> None:
    """
    logit_sd: how far a window's logit lies from the athlete's smoothed logit with every sensor on. Fitted after the rest is frozen, on
    windows as recorded, with few sensors, and with sensors hidden at random. A sd learned inside the cross-entropy would not be identified.
    """
    athletes = [athletes[i] for i in rng.permutation(len(athletes))[:SPREAD_ATHLETES]]
    labels = np.concatenate([windows.columns["label_altered"][athlete.rows] for athlete in athletes])
    smooth = smooth_within(predict(model, windows, athletes)["state_logit"], labels, athletes)
    groups = channels.sensor_groups()

    def hide_some(names: list[str]):
        return lambda block: hide_sensors(block, names, groups)

    everything = [*groups, "phys", "perf"]
    # As recorded; feet, one foot, force plates and EMG alone; no movement; sensors at random.
    views = [[], [name for name in everything if name not in FEET], [name for name in everything if name != FEET[0]]]
    views += [[FEET[1]], [name for name in groups if not name.startswith(("force", "emg"))], list(groups)]
    views += [[name for name in everything if rng.random() < 0.4] for _ in range(2)]
    given = [predict(model, windows, athletes, hide_some(view)) for view in views]
    features = torch.from_numpy(np.concatenate([np.concatenate((g["fused"], g["seen"]), axis=1) for g in given]))
    logit = torch.from_numpy(np.concatenate([g["state_logit"] for g in given]))
    target = torch.from_numpy(np.tile(smooth, len(views)))
    optimiser = torch.optim.Adam(model.spread.parameters(), lr=2e-3)
    for _ in range(600):
        pick = torch.from_numpy(rng.integers(0, len(logit), 1024))
        sd = torch.nn.functional.softplus(model.spread(features[pick]))[:, 0] + 1e-3
        loss = spread_loss(sd, logit[pick], target[pick])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


@dataclass
class Progress:
    """Where a run stands: everything that the next pass needs beside the weights. `looks` counts looks at validation."""

    passes: int = 0
    looks: int = 0
    seen: int = 0
    seconds: float = 0.0
    best: float = float("inf")
    best_look: int = 0
    history: list = field(default_factory=list)

    def since(self) -> int:
        return self.looks - self.best_look


class Bar:
    """A line on a terminal that is written over; on anything else a line for every quarter of a pass."""

    def __init__(self, log) -> None:
        self.log = log
        self.quarter = 0

    def show(self, number: int, done: int, total: int, loss: float, seconds: float) -> None:
        share = min(done / total, 1.0)
        text = f"pass {number:3d}  [{'#' * int(24 * share):24s}] {share:4.0%}  loss {loss:.4f}  {done * LANES * CHUNK / max(seconds, 1e-9):.0f} windows/s"
        if sys.stderr.isatty():
            print(f"\r{text}", end="\r" if share == 1.0 else "", file=sys.stderr, flush=True)
        elif int(4 * share) > self.quarter:
            self.log(text)
        self.quarter = int(4 * share) if share < 1.0 else 0


def fit(
    windows: WindowSet, minutes: float, seed: int, alpha: float, beta: float, max_passes: int, running: Path | None, log,
    settings: Settings | None = None, start: dict[str, Tensor] | None = None,
) -> tuple[Binn, DomainMap, dict]:
    """
    Trains until validation stops improving, the passes or the minutes are used up; gives back the best average of weights by validation loss.
    After each pass everything is written to `running`; where that file is there already, the run goes on from it. `start` are weights
    of the movement encoder from pretrain.py. `settings` overrides alpha and beta.
    """
    training, validation = windows.of("train"), windows.of("validation")
    if not training or not validation:
        raise ValueError("the data set needs training and validation athletes")
    settings = settings or Settings(alpha, beta)
    run, at, best_weights = Run(windows, training, settings, seed), Progress(), None
    if start is not None:
        run.model.load_state_dict(start, strict=False)
        run.restart_average()
    if running is not None and running.exists():
        stored = torch.load(running, weights_only=True)
        run.restore(stored["run"])
        at, best_weights = Progress(**stored["progress"]), stored["best"]
        log(f"going on after pass {at.passes} of {running}")
    started = time.monotonic()
    before, deadline = at.seconds, started + minutes * 60
    expected, bar = updates_in_pass(training), Bar(log)

    def look(losses: list[float]) -> None:
        nonlocal best_weights
        held = validation_loss(run.average, run.average_map, windows, validation, run.scales, settings.weight, settings.beta)
        at.looks, at.seconds = at.looks + 1, before + time.monotonic() - started
        at.history.append({name: round(float(value), 4) for name, value in {"pass": run.updates / expected, "train": np.mean(losses), **held}.items()})
        # Judged by what is served (injury, rehabilitation, performance); the domain map is thrown away.
        judged = held["injury"] + held["rehab"] + held["performance"]
        if judged < at.best:
            at.best, at.best_look = judged, at.looks
            weights = {"model": run.average.state_dict(), "map": run.average_map.state_dict()}
            best_weights = copy.deepcopy({name: dict(part) for name, part in weights.items()})
        log(
            f"pass {run.updates / expected:5.2f}  train {np.mean(losses):.4f}  validation {held['total']:.4f}  injury {held['injury']:.4f}  rehab {held['rehab']:.3f}"
            f"  performance {held['performance']:.3f}  consistency {held['consistency']:.3f}  {at.seen} windows, {at.seconds:.0f} s{'  *' if at.since() == 0 else ''}"
        )

    def over() -> bool:
        return at.since() >= PATIENCE or time.monotonic() >= deadline

    while at.passes < max_passes and not over():
        # Seeded by pass, so that a run that was cut and went on equals one that was not.
        rng = np.random.default_rng((seed, at.passes))
        torch.manual_seed(seed * 100_003 + at.passes)
        losses: list[float] = []
        began = time.monotonic()
        for done, loss in enumerate(train_pass(run, windows, training, rng), start=1):
            losses.append(loss)
            at.seen += LANES * CHUNK
            bar.show(at.passes + 1, done, expected, float(np.mean(losses[-50:])), time.monotonic() - began)
            if done % (expected // LOOKS + 1) == 0:
                look(losses)
                losses = []
            if over():
                break
        if losses:
            look(losses)
        at.passes += 1
        if running is not None:
            torch.save({"run": run.stored(), "progress": vars(at), "best": best_weights}, running)
    if best_weights is None:
        raise RuntimeError("no pass ended within the time")
    model, domain_map = run.average, run.average_map
    model.load_state_dict(best_weights["model"])
    domain_map.load_state_dict(best_weights["map"])
    best = at.history[at.best_look - 1]
    facts = {
        "seed": seed, "alpha": settings.alpha, "beta": settings.beta, "learningRate": settings.learning_rate, "average": settings.average, "lanes": LANES,
        "chunk": CHUNK, "passes": at.passes, "bestPass": best["pass"], "updates": run.updates, "windowsSeen": at.seen, "seconds": round(at.seconds, 1),
        "stoppedEarly": at.since() >= PATIENCE, "variant": settings.variant.to_dict(), "validation": best, "history": at.history,
    }
    return model, domain_map, facts


def main() -> None:
    from . import release

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder written by npm run dataset")
    parser.add_argument("--out", type=Path, required=True, help="folder for binn.onnx, binn.json and parity.json")
    parser.add_argument("--cache", type=Path, help="folder for the checkpoint (default: the data folder)")
    parser.add_argument("--minutes", type=float, default=30.0, help="time for the passes; calibration and export come on top")
    parser.add_argument("--passes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alpha", type=float, default=ALPHA)
    parser.add_argument("--beta", type=float, default=BETA)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path, help="weights of the movement encoder, written by pretrain.py")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--resume", action="store_true", help="go on with the run that the cache holds (running.pt)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    windows = WindowSet(args.data)
    start = torch.load(args.start, weights_only=True) if args.start else None
    log(f"{len(windows)} windows of {len(windows.athletes)} athletes: " + ", ".join(f"{s} {len(windows.of(s))}" for s in ("train", "validation", "test")))
    cache = args.cache or args.data
    cache.mkdir(parents=True, exist_ok=True)
    running = cache / "running.pt"
    if not args.resume:
        running.unlink(missing_ok=True)
    model, _, facts = fit(windows, args.minutes, args.seed, args.alpha, args.beta, args.passes, running, log, start=start)
    fit_spread(model, windows, windows.of("train"), np.random.default_rng(args.seed + 1))
    report = release.publish(model, windows, facts, args.out, cache, args.version)
    log(f"wrote {args.out / 'binn.onnx'}: {report['bytes']} bytes, {report['msPerWindow']:.3f} ms a window at batch 8 on one thread")
    print(json.dumps({"training": facts, **report}))


if __name__ == "__main__":
    main()
