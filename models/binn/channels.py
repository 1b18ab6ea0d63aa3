"""The channels of the model contract, in the order of the graph's last axis. src/contracts/model.ts is the type."""

from __future__ import annotations

ACTIVITY_CLASSES = ("rest", "walk", "run", "jump")
WINDOW = {"lengthS": 2, "hopS": 1, "rateHz": 100}
WINDOW_SAMPLES = WINDOW["lengthS"] * WINDOW["rateHz"]
Z_CLIP = 8.0

_IMU = (("ax", "m/s2"), ("ay", "m/s2"), ("az", "m/s2"), ("gx", "rad/s"), ("gy", "rad/s"), ("gz", "rad/s"))
_MUSCLES = ("quadriceps-left", "quadriceps-right", "hamstring-left", "hamstring-right")
_JOINTS = ("knee-left", "knee-right", "hip-left", "hip-right")


def _bio() -> list[dict]:
    rows = []

    def add(name: str, unit: str, kind: str, placement: str, channel: str) -> None:
        rows.append({"name": name, "unit": unit, "kind": kind, "placement": placement, "channel": channel})

    for placement in ("foot-left", "foot-right", "trunk"):
        for channel, unit in _IMU:
            add(f"{placement}.{channel}", unit, "imu", placement, channel)
    for side in ("left", "right"):
        for channel in ("fv", "fap", "fml"):
            add(f"force-{side}.{channel}", "BW", "force-plate", side, channel)
    for muscle in _MUSCLES:
        add(f"emg.{muscle}", "%MVC", "emg", muscle, "envelope")
    for joint in _JOINTS:
        add(f"angle.{joint}", "rad", "mocap", "body", joint)
    return rows


BIO = _bio()
PHYS = [
    {"name": "heartRate", "unit": "bpm"},
    {"name": "lnRmssd", "unit": "ln(ms)"},
    {"name": "respirationRate", "unit": "1/min"},
    {"name": "spo2", "unit": "%"},
    {"name": "smo2", "unit": "%"},
    {"name": "skinTemperature", "unit": "Cel"},
    {"name": "vo2", "unit": "mL/min/kg"},
    {"name": "emgActivation", "unit": "%MVC"},
]
PERF = [
    {"name": "speed", "unit": "m/s"},
    {"name": "sprintPeak", "unit": "m/s"},
    {"name": "distance", "unit": "m"},
    {"name": "cadence", "unit": "1/min"},
    {"name": "power", "unit": "W"},
    {"name": "jumpHeight", "unit": "m"},
    {"name": "rsiMod", "unit": "m/s"},
    {"name": "reactionTime", "unit": "s"},
]
CONTEXT = [
    {"name": "age", "unit": "a"},
    {"name": "sex", "unit": "1"},
    {"name": "massKg", "unit": "kg"},
    {"name": "heightM", "unit": "m"},
    {"name": "pastInjuries", "unit": "1"},
    {"name": "daysSinceInjury", "unit": "d"},
    {"name": "injurySeverity", "unit": "1"},
    {"name": "imagingGrade", "unit": "1"},
    {"name": "surfaceHardness", "unit": "1"},
    {"name": "wbgt", "unit": "Cel"},
    {"name": "altitude", "unit": "m"},
    {"name": "travelHours", "unit": "h"},
]


def sensor_groups() -> dict[str, list[int]]:
    """Indices of the bio channels that come and go together: one sensor each."""
    groups: dict[str, list[int]] = {}
    for index, channel in enumerate(BIO):
        groups.setdefault(channel["name"].split(".")[0], []).append(index)
    return groups


# Mirror image in the sagittal plane (x forward, y to the side, z up): a polar vector turns y round, an axial one (angular velocity) x and z.
_TURNED = ("ay", "gx", "gz", "fml")


def sides() -> tuple[list[int], list[int], list[int]]:
    """Bio channels of the left side, the same of the right side, and those of the middle, as indices."""
    names = [channel["name"] for channel in BIO]
    left = [i for i, name in enumerate(names) if "-left" in name]
    right = [names.index(names[i].replace("-left", "-right")) for i in left]
    middle = [i for i in range(len(names)) if i not in left and i not in right]
    return left, right, middle


def mirror_signs() -> list[float]:
    """-1 for the bio channels that a mirror image turns round."""
    return [-1.0 if channel["channel"] in _TURNED else 1.0 for channel in BIO]


def mirror_order() -> list[int]:
    """Which channel a mirror image puts in each channel's place."""
    names = [channel["name"] for channel in BIO]
    swap = {"left": "right", "right": "left"}
    return [names.index(name.replace(side, swap[side])) if (side := next((s for s in swap if f"-{s}" in name), "")) else i for i, name in enumerate(names)]
