"""A data set whose test athletes are those of another folder: for a test set that is larger than a split, or that nobody has looked at yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .data import Athlete, WindowSet

# Two seeds give the same numbers to other people: those of the test folder begin here.
TEST_NUMBERS = 1_000_000_000


class WithTestSet(WindowSet):
    """
    Training and validation athletes of `folder`, and all athletes of `test` as test athletes. The test athletes of `folder` belong to no split. The test set has to be
    normalised with the priors of `folder` (`npm run dataset -- --priors`): ValueError where it has priors or channels of its own.
    """

    def __init__(self, folder: Path, test: Path) -> None:
        super().__init__(folder)
        other = WindowSet(test)
        if other.description.get("contract") != self.description.get("contract"):
            raise ValueError(f"{test} has other priors or channels than {folder}: make it with --priors {folder}")
        self.test_description = other.description
        rows, batches = len(self), len(self._wide)
        self._wide += other._wide
        self._place = np.concatenate((self._place, other._place + np.array([batches, 0])))
        other.columns["athlete"] += TEST_NUMBERS
        self.columns = {name: np.concatenate((values, other.columns[name])) for name, values in self.columns.items()}
        self.athletes = [athlete for athlete in self.athletes if athlete.split != "test"]
        self.athletes += [Athlete(athlete.athlete + TEST_NUMBERS, "test", athlete.rows + rows) for athlete in other.athletes]
