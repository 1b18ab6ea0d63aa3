"""Walking of recorded trials as `npm run dataset -- --data DIR --out OUT` exports it, held in memory.

Only the foot channels are kept: a gait recording has nothing else. Neighbouring windows share a second, so a run of walking windows is
laid back into one signal, from which training cuts windows at any place and speed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from . import channels

FEET = [i for i, row in enumerate(channels.BIO) if row["placement"] in ("foot-left", "foot-right")]
CONTEXT_AT = [i for i, row in enumerate(channels.CONTEXT) if row["name"] in ("age", "sex", "massKg", "heightM")]
HOP = channels.WINDOW["hopS"] * channels.WINDOW["rateHz"]
LENGTH = channels.WINDOW_SAMPLES
# Left against right: turned round by a mirror image, so that a model of how well somebody walks takes their size.
SIGNED = ("footFlatSymmetryPct", "peakMotionSymmetryPct")


class GaitError(ValueError):
    """Something is wrong with what was given, said in one sentence."""


@dataclass(frozen=True)
class Scale:
    """Location and scale of the foot channels, by which z goes back to m/s2 and rad/s: a rotation mixes axes of different scale."""

    location: np.ndarray  # [len(FEET)] float32
    scale: np.ndarray

    @staticmethod
    def of(contract: dict) -> "Scale":
        priors = [contract["bio"][at]["prior"]["walk"] for at in FEET]
        return Scale(*(np.array([prior[name] for prior in priors], np.float32) for name in ("location", "scale")))


@dataclass(frozen=True)
class Bout:
    """A run of consecutive windows of one trial."""

    subject: int
    trial: int
    signal: np.ndarray  # [HOP * (windows + 1), len(FEET)] z
    windows: int


@dataclass(frozen=True)
class GaitSet:
    """Subjects of one folder. Arrays over subjects have one row a subject; `features` is the mean over the subject's trials."""

    names: list[str]
    label: np.ndarray  # [S] 1 orthopaedic, 0 healthy
    age: np.ndarray  # [S] years
    speed: np.ndarray  # [S] mean of the source's column, no unit
    standing: np.ndarray  # [S, 6] mean standing acceleration of left and right foot, m/s2
    features: np.ndarray  # [S, features] signed ones as sizes
    feature_names: list[str]
    context: np.ndarray  # [S, context channels] z
    context_mask: np.ndarray  # [S, context channels]
    bouts: list[Bout]  # walking
    still: list[Bout]  # standing, after the standing mean was taken off: for the search for leaks only
    walking_windows: int
    trials: int
    scale: Scale

    def __len__(self) -> int:
        return len(self.names)


def _list_column(table: pa.Table, name: str) -> np.ndarray:
    column = table.column(name).combine_chunks()
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)


def _bouts(rows: np.ndarray, index: np.ndarray, trial: np.ndarray, subject: np.ndarray, bio: np.ndarray) -> list[Bout]:
    """Runs of neighbouring windows among `rows` (in order of trial and time) as signals."""
    made: list[Bout] = []
    if len(rows) == 0:
        return made
    ends = np.flatnonzero((np.diff(index[rows]) != 1) | (np.diff(trial[rows]) != 0)) + 1
    for run in np.split(rows, ends):
        parts = [bio[run[0]], *(bio[row][HOP:] for row in run[1:])]
        made.append(Bout(int(subject[run[0]]), int(trial[run[0]]), np.concatenate(parts), len(run)))
    return made


def turn_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest rotation [3, 3] that takes unit vector a to unit vector b; they must not be opposite."""
    x, y, z = np.cross(a, b)
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + skew + skew @ skew / (1.0 + a @ b)


def mounting(angular_velocity: np.ndarray) -> np.ndarray:
    """
    Rotation [3, 3] that lays the foot's main axis of turning (pitch: largest eigenvector of its angular velocity [rows, 3]) on the sensor's y axis,
    which points to the side. How the sensor sat on the shoe then matters less. No label is looked at, nothing but the trial itself.
    """
    _, vectors = np.linalg.eigh(angular_velocity.T @ angular_velocity)
    main = vectors[:, -1]
    side = np.array([0.0, 1.0, 0.0])
    return turn_between(main if main[1] >= 0 else -main, side)


def aligned(bouts: list[Bout], walking: list[Bout], scale: Scale) -> list[Bout]:
    """The bouts with each foot's sensor turned by the mounting of the trial's walking; a trial without walking stays as it is."""
    turns: dict[int, list[np.ndarray]] = {}
    for trial in {bout.trial for bout in walking}:
        raw = np.concatenate([bout.signal for bout in walking if bout.trial == trial]) * scale.scale + scale.location
        turns[trial] = [mounting(raw[:, 6 * foot + 3 : 6 * foot + 6].astype(np.float64)) for foot in (0, 1)]
    made = []
    for bout in bouts:
        if bout.trial not in turns:
            made.append(bout)
            continue
        raw = (bout.signal * scale.scale + scale.location).reshape(-1, 2, 2, 3)
        turned = np.stack([raw[:, foot] @ turns[bout.trial][foot].T for foot in (0, 1)], axis=1).reshape(bout.signal.shape)
        made.append(replace(bout, signal=((turned - scale.location) / scale.scale).astype(np.float32)))
    return made


def _sizes(gait: np.ndarray, names: list[str]) -> np.ndarray:
    """Signed figures as sizes: which side it is says nothing about whether it is."""
    out = gait.astype(np.float64).copy()
    for at, name in enumerate(names):
        if name in SIGNED:
            out[:, at] = np.abs(out[:, at])
        elif name == "interLimbPhase":
            out[:, at] = np.abs(out[:, at] - 0.5)
    return out


def load(folder: Path) -> GaitSet:
    """Reads an export. GaitError where it is none of recordings or has no walking."""
    description = json.loads((folder / "dataset.json").read_text())
    if description.get("source") != "recorded":
        raise GaitError(f"{folder} is no export of recordings")
    files = sorted(folder.glob("*.arrow"))
    if not files:
        raise GaitError(f"{folder} holds no window: no trial is two seconds long")
    table = pa.concat_tables([pa.ipc.open_file(pa.memory_map(str(file))).read_all() for file in files])
    bio = _list_column(table, "bio").reshape(len(table), LENGTH, -1)[:, :, FEET].astype(np.float32)
    names_of = table.column("subject").to_pylist()
    names = sorted(set(names_of), key=lambda name: (len(name), name))
    subject = np.array([names.index(name) for name in names_of])
    _, first, trial = np.unique(np.array(table.column("trial").to_pylist()), return_index=True, return_inverse=True)
    index = table.column("window_index").to_numpy()
    feature_names = [feature["name"] for feature in description["gait"]]
    sized = _sizes(_list_column(table, "gait"), feature_names)
    standing = _list_column(table, "standing_mean")[:, [0, 1, 2, 6, 7, 8]]

    def by_subject(values: np.ndarray) -> np.ndarray:
        """Mean over a subject's trials, NaN left out."""
        trials = {at: [row for row in first if subject[row] == at] for at in range(len(names))}
        with np.errstate(all="ignore"):
            return np.stack([np.nanmean(values[trials[at]], axis=0) for at in range(len(names))])

    order = np.lexsort((index, trial))
    walking, still = table.column("walking").to_numpy()[order] > 0, table.column("standing").to_numpy()[order] > 0
    groups = np.array(table.column("group").to_pylist())
    scale = Scale.of(description["contract"])
    bouts = _bouts(order[walking], index, trial, subject, bio)
    standing_bouts = _bouts(order[still], index, trial, subject, bio)
    context_rows = [np.flatnonzero(subject == at)[0] for at in range(len(names))]
    number = lambda name: np.asarray(table.column(name).to_numpy(), np.float64)[:, None]
    return GaitSet(
        names=names, label=np.array([int(groups[subject == at][0] == "orthopedic") for at in range(len(names))]),
        age=by_subject(number("age"))[:, 0], speed=by_subject(number("walking_speed"))[:, 0], standing=by_subject(standing),
        features=by_subject(sized), feature_names=feature_names,
        context=_list_column(table, "context")[context_rows].astype(np.float32),
        context_mask=_list_column(table, "context_mask")[context_rows].astype(np.float32),
        bouts=aligned(bouts, bouts, scale), still=aligned(standing_bouts, bouts, scale), walking_windows=sum(bout.windows for bout in bouts), trials=len(first), scale=scale,
    )


def joined(first: GaitSet, second: GaitSet) -> GaitSet:
    """Both sets as one, the subjects of the second after those of the first; both must have been exported with the same location and scale."""

    def moved(bouts: list[Bout]) -> list[Bout]:
        return [replace(bout, subject=bout.subject + len(first), trial=bout.trial + first.trials) for bout in bouts]

    rows = {
        name: np.concatenate((getattr(first, name), getattr(second, name)))
        for name in ("label", "age", "speed", "standing", "features", "context", "context_mask")
    }
    return replace(
        first, names=first.names + second.names, bouts=first.bouts + moved(second.bouts), still=first.still + moved(second.still),
        walking_windows=first.walking_windows + second.walking_windows, trials=first.trials + second.trials, **rows,
    )
