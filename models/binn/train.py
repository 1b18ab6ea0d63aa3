"""Trains BINN on the data set of `npm run dataset`, then calibrates it and writes binn.onnx, binn.json and parity.json.

    python -m binn.train --data models/data/first --out models --minutes 15

Table 5's settings are Adam, 5e-4, batch 32. A batch here is LANES athletes side by side, each a chunk of 16 windows whose state is carried
from the chunk before: with 32 lanes (512 windows an update) the same time gives a quarter of the updates, so 8
lanes (128 windows) stand for a batch of 32 single windows. Progress goes to stderr, one JSON object to stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import channels
from .data import Athlete, WindowSet, fill_chunks
from .losses import ALPHA, BETA, DomainMap, Parts, Targets, consistency_loss, injury_loss, regularisation, spread_loss, squared_error
from .network import Binn, Encoded, Scored, State

LEARNING_RATE = 5e-4
LANES = 8
CHUNK = 16
RESET_PROBABILITY = 0.1
PATIENCE = 8
GRADIENT_NORM = 1.0
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


def drop_modalities(block: dict[str, Tensor], lanes: int, rng: np.random.Generator) -> None:
    """
    Hides sensors for a whole chunk, in place, so that an athlete with a watch only, or feet only, is no stranger. Two in three chunks
    keep every sensor; of the rest some keep only the feet, some lose all movement, the others lose each sensor or branch with 0.25. Context is
    hidden in half of all chunks: age and mass name the athlete, and some hundred athletes can be learned by heart. (chosen)
    """
    groups = channels.sensor_groups()
    feet = {"foot-left", "foot-right"}
    for lane in range(lanes):
        if rng.random() < 0.5:
            block["context_mask"].view(lanes, CHUNK, -1)[lane] = 0.0
        kind = rng.random()
        if kind < 0.67:
            continue
        if kind < 0.75:
            hidden = [name for name in groups if name not in feet] + ["phys", "perf"]
        elif kind < 0.79:
            hidden = list(groups)
        else:
            hidden = [name for name in (*groups, "phys", "perf") if rng.random() < 0.25]
        for name in hidden:
            if name in groups:
                block["bio_mask"].view(lanes, CHUNK, channels.WINDOW_SAMPLES, -1)[lane][..., groups[name]] = 0.0
            else:
                block[f"{name}_mask"].view(lanes, CHUNK, -1)[lane] = 0.0


def mirror(block: dict[str, Tensor], lanes: Tensor, domain: list[str]) -> None:
    """
    Turns the chunks of some lanes into their mirror image, in place: twice as many athletes. z-scores take it because the population is as
    good as symmetric. `domain` names the domain features; signed left-right differences turn round, the inter-limb phase p becomes 1 - p.
    """
    order, signs = channels.mirror_order(), torch.tensor(channels.mirror_signs())
    rows = torch.repeat_interleave(lanes, CHUNK)
    block["bio"][rows] = block["bio"][rows][:, :, order] * signs
    block["bio_mask"][rows] = block["bio_mask"][rows][:, :, order]
    for index, name in enumerate(domain):
        if name.endswith("SymmetryPct"):
            block["domain"][rows, index] *= -1.0
        elif name == "interLimbPhase":
            block["domain"][rows, index] = 1.0 - block["domain"][rows, index]


def join(steps: list[Scored], name: str) -> Tensor:
    """[lanes * length] from one [lanes, 1] a step, lane by lane as the rows were read."""
    return torch.stack([getattr(step, name)[:, 0] for step in steps], dim=1).reshape(-1)


def run_steps(model: Binn, encoded: Encoded, elapsed: Tensor, state: State, lanes: int) -> tuple[list[Scored], State]:
    """The recurrent part over [lanes, length] windows that are already encoded."""
    length = elapsed.shape[0] // lanes
    laid = Encoded(*(part.view(lanes, length, *part.shape[1:]) for part in encoded))
    gaps = elapsed.view(lanes, length, 1)
    steps = []
    for at in range(length):
        scored = model.step(Encoded(*(part[:, at] for part in laid)), state, gaps[:, at])
        state = scored.state
        steps.append(scored)
    return steps, state


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


def train_pass(model, domain_map, optimiser, windows, athletes, scales, rng, deadline, alpha, beta) -> tuple[float, int]:
    """One pass over the training athletes. Returns the mean loss and the number of windows seen."""
    model.train()
    state = model.initial_state(LANES)
    mirrored = torch.zeros(LANES, dtype=torch.bool)
    domain = [feature["name"] for feature in windows.description.get("domain", [])]
    total, count = 0.0, 0
    for rows, fresh in fill_chunks(athletes, CHUNK, LANES, rng):
        block = tensors(windows.read(rows.reshape(-1)))
        drop_modalities(block, LANES, rng)
        # An athlete stays mirrored as long as the lane's state is theirs.
        mirrored = torch.where(torch.from_numpy(fresh), torch.from_numpy(rng.random(LANES) < 0.5), mirrored)
        mirror(block, mirrored, domain)
        keep = torch.from_numpy(~(fresh | (rng.random(LANES) < RESET_PROBABILITY))).float()[:, None]
        # A state that starts anew is what a service without a checkpoint sees: its first window has elapsed 0.
        block["elapsed"].view(LANES, CHUNK, 1)[:, 0] *= keep
        state = State(*(part.detach() * keep for part in state))
        encoded = model.encode(*(block[name] for name in INPUT_NAMES))
        steps, state = run_steps(model, encoded, block["elapsed"], state, LANES)
        given = {"f_attn": encoded.f_attn, **{name: join(steps, name) for name in ("state_logit", "rehab", "performance")}}
        loss = losses_of(model, domain_map, given, encoded.present[:, :1], scales, scales.targets(block)).total(alpha, beta)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*model.parameters(), *domain_map.parameters()], GRADIENT_NORM)
        optimiser.step()
        total, count = total + loss.item(), count + 1
        if time.monotonic() > deadline:
            break
    return total / max(count, 1), count * LANES * CHUNK


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


@torch.no_grad()
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
        steps, _ = run_steps(model, encoded, elapsed, model.initial_state(len(group)), len(group))
        given = {name: join(steps, name) for name in names}
        given["fused"] = torch.stack([step.fused for step in steps], dim=1)
        given["seen"] = torch.cat((encoded.present, encoded.observed), dim=1)
        given["f_attn"] = encoded.f_attn
        for name, value in given.items():
            by_athlete = value.reshape(len(group), max(lengths), -1).numpy()
            out[name].extend(by_athlete[i, :n] if value.ndim > 1 else by_athlete[i, :n, 0] for i, n in enumerate(lengths))
    return {name: np.concatenate(parts) for name, parts in out.items()}


@torch.no_grad()
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
    windows as recorded, with feet only, and with sensors hidden at random. A sd learned inside the cross-entropy would not be identified.
    """
    labels = np.concatenate([windows.columns["label_altered"][athlete.rows] for athlete in athletes])
    smooth = smooth_within(predict(model, windows, athletes)["state_logit"], labels, athletes)
    groups = channels.sensor_groups()

    def hide_some(names: list[str]):
        def hide(block: dict[str, Tensor]) -> None:
            for name in names:
                if name in groups:
                    block["bio_mask"][..., groups[name]] = 0.0
                else:
                    block[f"{name}_mask"][:] = 0.0

        return hide

    everything = [*groups, "phys", "perf"]
    views = [[], [name for name in everything if name not in ("foot-left", "foot-right")], list(groups)]
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
    """Where a run stands after a pass: everything that the next pass needs."""

    passes: int = 0
    seen: int = 0
    seconds: float = 0.0
    best: float = float("inf")
    best_pass: int = 0
    history: list | None = None

    def since(self) -> int:
        return self.passes - self.best_pass


def fit(windows: WindowSet, minutes: float, seed: int, alpha: float, beta: float, max_passes: int, running: Path | None, log) -> tuple[Binn, DomainMap, dict]:
    """
    Trains until validation stops improving, the passes or the minutes are used up; gives back the best weights by validation loss.
    After each pass everything is written to `running`; where that file is there already, the run goes on from it.
    """
    training, validation = windows.of("train"), windows.of("validation")
    if not training or not validation:
        raise ValueError("the data set needs training and validation athletes")
    torch.manual_seed(seed)
    scales = Scales.of(windows, training)
    model = Binn()
    model.performance_location.fill_(scales.performance_location)
    model.performance_scale.fill_(scales.performance_scale)
    domain_map = DomainMap(model.sizes.hidden, windows.columns["domain"].shape[1])
    # spread gets no gradient here: fit_spread trains it once the rest stands still.
    optimiser = torch.optim.Adam([*(p for n, p in model.named_parameters() if not n.startswith("spread")), *domain_map.parameters()], lr=LEARNING_RATE)
    at, best_weights = Progress(history=[]), None
    if running is not None and running.exists():
        stored = torch.load(running, weights_only=True)
        model.load_state_dict(stored["model"])
        domain_map.load_state_dict(stored["map"])
        optimiser.load_state_dict(stored["optimiser"])
        at, best_weights = Progress(**stored["progress"]), stored["best"]
        log(f"going on after pass {at.passes} of {running}")
    started = time.monotonic()
    before, deadline = at.seconds, started + minutes * 60
    while at.passes < max_passes and at.since() < PATIENCE and time.monotonic() < deadline:
        # Seeded by pass, so that a run that was cut and went on equals one that was not.
        rng = np.random.default_rng((seed, at.passes))
        torch.manual_seed(seed * 100_003 + at.passes)
        train_loss, count = train_pass(model, domain_map, optimiser, windows, training, scales, rng, deadline, alpha, beta)
        held = validation_loss(model, domain_map, windows, validation, scales, alpha, beta)
        at.passes, at.seen, at.seconds = at.passes + 1, at.seen + count, before + time.monotonic() - started
        at.history.append({"pass": at.passes, "train": train_loss, **held})
        # Judged by what is served (injury, rehabilitation, performance); the domain map is thrown away.
        judged = held["injury"] + held["rehab"] + held["performance"]
        if judged < at.best:
            at.best, at.best_pass = judged, at.passes
            best_weights = {"model": {k: v.clone() for k, v in model.state_dict().items()}, "map": {k: v.clone() for k, v in domain_map.state_dict().items()}}
        log(
            f"pass {at.passes:3d}  train {train_loss:.4f}  validation {held['total']:.4f}  injury {held['injury']:.4f}  rehab {held['rehab']:.3f}"
            f"  consistency {held['consistency']:.3f}  {at.seen} windows, {at.seconds:.0f} s"
        )
        if running is not None:
            torch.save(
                {"model": model.state_dict(), "map": domain_map.state_dict(), "optimiser": optimiser.state_dict(), "progress": vars(at), "best": best_weights},
                running,
            )
    if best_weights is None:
        raise RuntimeError("no pass ended within the time")
    model.load_state_dict(best_weights["model"])
    domain_map.load_state_dict(best_weights["map"])
    facts = {
        "seed": seed, "alpha": alpha, "beta": beta, "learningRate": LEARNING_RATE, "lanes": LANES, "chunk": CHUNK, "passes": at.passes,
        "bestPass": at.best_pass, "windowsSeen": at.seen, "seconds": round(at.seconds, 1), "stoppedEarly": at.since() >= PATIENCE,
        "validation": at.history[at.best_pass - 1],
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
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--resume", action="store_true", help="go on with the run that the cache holds (running.pt)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    windows = WindowSet(args.data)
    log(f"{len(windows)} windows of {len(windows.athletes)} athletes: " + ", ".join(f"{s} {len(windows.of(s))}" for s in ("train", "validation", "test")))
    cache = args.cache or args.data
    cache.mkdir(parents=True, exist_ok=True)
    running = cache / "running.pt"
    if not args.resume:
        running.unlink(missing_ok=True)
    model, _, facts = fit(windows, args.minutes, args.seed, args.alpha, args.beta, args.passes, running, log)
    fit_spread(model, windows, windows.of("train"), np.random.default_rng(args.seed + 1))
    report = release.publish(model, windows, facts, args.out, cache, args.version)
    log(f"wrote {args.out / 'binn.onnx'}: {report['bytes']} bytes, {report['msPerWindow']:.3f} ms a window at batch 8 on one thread")
    print(json.dumps({"training": facts, **report}))


if __name__ == "__main__":
    main()
