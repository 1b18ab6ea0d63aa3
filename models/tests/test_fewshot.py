"""Head adaptation: what k windows of an athlete can and cannot do."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn.fewshot import SHOTS, Task, adapted, errors, mean_head, meta_train, query_error, ridge  # noqa: E402


def tasks(count: int, seed: int) -> list[Task]:
    """Athletes who share a line and differ in their own level, which a window or two show; the second target is never labelled."""
    rng = np.random.default_rng(seed)
    out = []
    for athlete in range(count):
        x = np.column_stack((rng.normal(0, 0.5, (80, 3)), np.ones(80))).astype(np.float32)
        y = x[:, :3] @ np.array([1.0, -1.0, 0.5]) + rng.normal(0, 1.0) + rng.normal(0, 0.1, 80)
        out.append(Task(athlete, x, np.column_stack((y, np.full(80, np.nan))).astype(np.float32)))
    return out


class Heads(unittest.TestCase):
    def test_ridge_is_the_same_over_windows_and_over_features(self):
        rng = np.random.default_rng(0)
        x, y, towards = rng.normal(size=(5, 8)), rng.normal(size=(5, 1)), rng.normal(size=(8, 1))
        few = ridge(x, y, 2.0, towards)
        wanted = towards + np.linalg.solve(x.T @ x + 2.0 * np.eye(8), x.T @ (y - x @ towards))
        np.testing.assert_allclose(few, wanted, atol=1e-9)

    def test_an_unlabelled_target_moves_nothing(self):
        x, y = torch.randn(4, 6, 3), torch.full((4, 6, 2), float("nan"))
        start = torch.randn(3, 2)
        torch.testing.assert_close(adapted(start, torch.ones(2), x, y), start.expand(4, 3, 2))
        self.assertEqual(float(np.abs(mean_head(y[0].numpy(), 3)).max()), 0.0)

    def test_meta_learning_uses_the_support_and_error_falls_with_shots(self):
        train, test = tasks(60, 0), tasks(30, 1)
        population = ridge(np.concatenate([t.x for t in train]), np.concatenate([t.y for t in train]), 1.0)
        start, rates = meta_train(train, population, 300, 0)

        def reached(at: int) -> float:
            head = lambda x, y: adapted(start, rates[at], torch.from_numpy(x), torch.from_numpy(y)).numpy() if len(x) else start.numpy()  # noqa: E731
            return float(np.nanmean(errors(test, {"meta": head}, SHOTS[at], 0)["meta"][:, 0]))

        none, twenty = reached(0), reached(3)
        self.assertLess(twenty, 0.5 * none)
        self.assertTrue(np.isnan(query_error(population, test[0])[1]))


if __name__ == "__main__":
    unittest.main()
