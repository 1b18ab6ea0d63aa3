"""
Few-shot adaptation of a head to an athlete (Fig. 2 of the paper), ANIL style: athletes are tasks, the network's body stays as it was trained, and a linear head over
F_attn and the fused representation learns where to start and how far to step so that a few gradient steps on k labelled windows help most.

Tasks have dense labels: rehabilitation, performance and the domain features, each as z over training athletes. Support windows come from the first half of an
athlete's session, query windows from the second. Four arms, so that a gain can be told from what any athlete's mean would give:

    meta      meta-learned start and step sizes, k windows, STEPS gradient steps
    tuned     the population head (ridge over all training windows), its intercept and weights re-fitted by ridge towards the population; strength by validation
    mean      the mean of the k support labels; the population's for k = 0
    frozen    the population head, k not looked at

No alarm label is adapted: an athlete has about one injury a year, and a head that follows it learns zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .data import Athlete, WindowSet
from .network import Binn
from .train import Scales, predict

SHOTS = (0, 1, 5, 20)
STEPS = 3
QUERY = 40
REPEATS = 5
STRENGTHS = tuple(float(v) for v in np.geomspace(0.3, 3000.0, 9))


@dataclass(frozen=True)
class Task:
    """Windows of one athlete: features [n, D] with a last column of ones, targets [n, K] with NaN where not labelled, in order of time."""

    athlete: int
    x: np.ndarray
    y: np.ndarray

    def halves(self) -> tuple[slice, slice]:
        middle = len(self.x) // 2
        return slice(0, middle), slice(middle, len(self.x))


def target_names(windows: WindowSet) -> list[str]:
    return ["rehab", "performance", *(feature["name"] for feature in windows.description.get("domain", []))]


def tasks_of(model: Binn, windows: WindowSet, athletes: list[Athlete], scales: Scales, standard: tuple[np.ndarray, np.ndarray] | None = None):
    """Tasks of athletes with at least twice the largest shot count of active windows, and the location and scale of the features."""
    given = predict(model, windows, athletes)
    features = np.concatenate((given["f_attn"], given["fused"]), axis=1)
    rows = np.concatenate([athlete.rows for athlete in athletes])
    labels = {name: torch.from_numpy(windows.columns[name][rows]) for name in ("label_altered", "label_rehab", "label_performance", "domain")}
    targets = scales.targets(labels)
    rehab = windows.columns["label_rehab"][rows]
    y = np.column_stack((rehab / scales.rehab_scale, targets.performance.numpy(), targets.domain.numpy()))
    active = windows.columns["activity"][rows] != "rest"
    standard = standard or (features.mean(axis=0), features.std(axis=0) + 1e-6)
    x = np.column_stack(((features - standard[0]) / standard[1] / features.shape[1] ** 0.5, np.ones(len(features)))).astype(np.float32)
    edges = np.cumsum([0, *(len(athlete.rows) for athlete in athletes)])
    tasks = []
    for athlete, start, end in zip(athletes, edges[:-1], edges[1:]):
        keep = np.flatnonzero(active[start:end]) + start
        if len(keep) >= 2 * max(SHOTS):
            tasks.append(Task(athlete.athlete, x[keep], y[keep].astype(np.float32)))
    return tasks, standard


def adapted(start: Tensor, rates: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The head after STEPS gradient steps on the support's squared error. x [..., k, D], y [..., k, K] with NaN, start [D, K], rates [K] -> [..., D, K]."""
    known = torch.isfinite(y).to(x.dtype)
    wanted = torch.nan_to_num(y)
    count = torch.clamp(known.sum(dim=-2, keepdim=True), min=1.0)
    head = start.expand(*x.shape[:-2], *start.shape)
    for _ in range(STEPS):
        error = (x @ head - wanted) * known / count
        head = head - rates * (x.transpose(-1, -2) @ error)
    return head


def draw(tasks: list[Task], shots: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Support x, y and query x, y of each task, stacked."""
    parts: list[list[np.ndarray]] = [[], [], [], []]
    for task in tasks:
        first, second = task.halves()
        support = rng.choice(np.arange(first.start, first.stop), max(shots, 1), replace=False)
        query = rng.choice(np.arange(second.start, second.stop), min(QUERY, max(SHOTS)), replace=False)
        for part, value in zip(parts, (task.x[support], task.y[support], task.x[query], task.y[query])):
            part.append(value)
    return tuple(torch.from_numpy(np.stack(part)) for part in parts)


def ridge(x: np.ndarray, y: np.ndarray, strength: float, towards: np.ndarray | None = None) -> np.ndarray:
    """[D, K] that minimises squared error over known labels plus strength * |W - towards|^2, target by target."""
    towards = np.zeros((x.shape[1], y.shape[1])) if towards is None else towards
    out = np.array(towards, dtype=float)
    for k in range(y.shape[1]):
        known = np.isfinite(y[:, k])
        mine, gap = x[known].astype(float), y[known, k] - x[known] @ towards[:, k]
        if len(mine) < x.shape[1]:
            # The same solution over windows in place of features: k of them are few.
            out[:, k] += mine.T @ np.linalg.solve(mine @ mine.T + strength * np.eye(len(mine)), gap)
        else:
            out[:, k] += np.linalg.solve(mine.T @ mine + strength * np.eye(x.shape[1]), mine.T @ gap)
    return out


def meta_train(tasks: list[Task], population: np.ndarray, iterations: int, seed: int) -> tuple[Tensor, Tensor]:
    """Start [D, K] and step sizes [shots, K] of the head, by Adam on the query error of random athletes; the start begins at the population head."""
    rng = np.random.default_rng((seed, 5))
    start = torch.tensor(population, dtype=torch.float32, requires_grad=True)
    log_rates = torch.full((len(SHOTS), population.shape[1]), -1.0, requires_grad=True)
    optimiser = torch.optim.Adam([{"params": [start], "lr": 2e-3}, {"params": [log_rates], "lr": 2e-2}])
    for _ in range(iterations):
        at = int(rng.integers(len(SHOTS)))
        picked = [tasks[i] for i in rng.integers(0, len(tasks), 16)]
        sx, sy, qx, qy = draw(picked, SHOTS[at], rng)
        head = adapted(start, torch.exp(log_rates[at]), sx, sy) if SHOTS[at] else start.expand(len(picked), *start.shape)
        known = torch.isfinite(qy)
        loss = (((qx @ head - torch.nan_to_num(qy)) ** 2) * known).sum() / torch.clamp(known.sum(), min=1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return start.detach(), torch.exp(log_rates).detach()


def query_error(head: np.ndarray, task: Task) -> np.ndarray:
    """Mean squared error [K] on the second half of the session; NaN where nothing is labelled."""
    _, second = task.halves()
    with np.errstate(all="ignore"):
        error = (task.x[second] @ head - task.y[second]) ** 2
        known = np.isfinite(error)
        return np.where(known.any(axis=0), np.nansum(error, axis=0) / np.maximum(known.sum(axis=0), 1), np.nan)


def mean_head(y: np.ndarray, width: int) -> np.ndarray:
    """The head that gives the support's mean whatever the features; 0 (the population's) where nothing is labelled."""
    head = np.zeros((width, y.shape[1]))
    known = np.isfinite(y)
    head[-1] = np.where(known, y, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return head


def errors(tasks: list[Task], arms, shots: int, seed: int) -> dict[str, np.ndarray]:
    """Arm -> [tasks, K]: query error, mean over REPEATS draws of the support. arms: name -> function of support x, y giving a head."""
    rng = np.random.default_rng((seed, shots))
    out = {name: [] for name in arms}
    for task in tasks:
        first, _ = task.halves()
        each: dict[str, list[np.ndarray]] = {name: [] for name in arms}
        for _ in range(REPEATS if shots else 1):
            support = rng.choice(np.arange(first.start, first.stop), shots, replace=False)
            for name, head in arms.items():
                each[name].append(query_error(head(task.x[support], task.y[support]), task))
        for name, values in each.items():
            out[name].append(np.mean(values, axis=0))
    return {name: np.array(values) for name, values in out.items()}


def few_shot(model: Binn, windows: WindowSet, iterations: int, seed: int) -> dict:
    """Curves on test athletes: {targets, athletes, curves: {arm: {shots: [athletes, K]}}} with errors as shares of each target's variance over training athletes."""
    training = windows.of("train")
    scales = Scales.of(windows, training)
    train, standard = tasks_of(model, windows, training, scales)
    held, _ = tasks_of(model, windows, windows.of("validation"), scales, standard)
    test, _ = tasks_of(model, windows, windows.of("test"), scales, standard)
    x, y = np.concatenate([task.x for task in train]), np.concatenate([task.y for task in train])
    # rehab has no location in Scales: shares are of the variance about the training mean.
    location, variance = np.nanmean(y, axis=0), np.maximum(np.nanvar(y, axis=0), 1e-9)
    train, held, test = ([Task(task.athlete, task.x, task.y - location) for task in tasks] for tasks in (train, held, test))
    population = ridge(x, y - location, 1.0)
    start, rates = meta_train(train, population, iterations, seed)
    curves: dict[str, dict[str, np.ndarray]] = {"meta": {}, "tuned": {}, "mean": {}, "frozen": {}}
    strengths = {}
    for at, shots in enumerate(SHOTS):
        tuned = {str(s): (lambda sx, sy, s=s: ridge(sx, sy, s, population) if len(sx) else population) for s in STRENGTHS}
        reached = {name: float(np.nanmean(np.nanmean(value, axis=0) / variance)) for name, value in errors(held, tuned, shots, seed).items()}
        best = min(reached, key=reached.__getitem__)
        strengths[str(shots)] = float(best)

        def meta(sx: np.ndarray, sy: np.ndarray, at: int = at) -> np.ndarray:
            return adapted(start, rates[at], torch.from_numpy(sx), torch.from_numpy(sy)).numpy() if len(sx) else start.numpy()

        arms = {"meta": meta, "tuned": tuned[best], "mean": lambda sx, sy: mean_head(sy, x.shape[1]), "frozen": lambda sx, sy: population}
        for name, value in errors(test, arms, shots, seed).items():
            curves[name][str(shots)] = value / variance
    return {"targets": target_names(windows), "athletes": [task.athlete for task in test], "strengths": strengths, "curves": curves}
