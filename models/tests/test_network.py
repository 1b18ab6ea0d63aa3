"""What the network promises to the service. Run: node scripts/binn.mjs setup && models/.venv/bin/python -m unittest discover models/tests"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn.calibrate import alarms, fit_temperature, sigmoid  # noqa: E402
from binn.data import Athlete, fill_chunks, split_of  # noqa: E402
from binn.export import input_shapes, random_inputs  # noqa: E402
from binn.losses import injury_loss, squared_error  # noqa: E402
from binn.network import INPUTS, OUTPUTS, Binn, State  # noqa: E402


def network(seed: int = 0) -> Binn:
    torch.manual_seed(seed)
    return Binn().eval()


def feeds(model: Binn, batch: int, seed: int = 0) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in random_inputs(model.sizes, batch, seed).items()}


@torch.no_grad()
def run(model: Binn, given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return dict(zip(OUTPUTS, model(*(given[name] for name in INPUTS))))


class Masks(unittest.TestCase):
    def test_nothing_observed_gives_finite_outputs(self):
        model = network()
        given = {name: torch.zeros(2, *shape) for name, shape in input_shapes(model.sizes).items()}
        out = run(model, given)
        for name, value in out.items():
            self.assertTrue(torch.isfinite(value).all(), name)
        self.assertEqual(float(out["attn_time"].abs().max()), 0.0)
        self.assertEqual(float(out["residual_norm"].abs().max()), 0.0)

    def test_values_under_a_zero_mask_change_nothing(self):
        model = network()
        given = feeds(model, 8)
        other = dict(given)
        for name in ("bio", "phys", "perf", "context"):
            other[name] = torch.where(given[f"{name}_mask"] > 0, given[name], torch.full_like(given[name], 1e3))
        for name, value in run(model, other).items():
            torch.testing.assert_close(value, run(model, given)[name], msg=name)

    def test_missing_tokens_get_no_attention(self):
        model = network()
        given = feeds(model, 4)
        given["phys_mask"] = torch.zeros_like(given["phys_mask"])
        given["bio_mask"] = torch.zeros_like(given["bio_mask"])
        given["state_a"] = torch.zeros_like(given["state_a"])
        tokens = run(model, given)["attn_tokens"]
        self.assertEqual(float(tokens[:, :4].abs().max()), 0.0)
        torch.testing.assert_close(tokens.sum(dim=1), torch.ones(4))


class Carried(unittest.TestCase):
    def setUp(self):
        self.model = network()
        self.h = torch.randn(3, self.model.sizes.hidden)
        self.there = torch.ones(3, 1)

    def test_first_window_ignores_whatever_state_it_is_given(self):
        given = feeds(self.model, 4)
        given["elapsed"] = torch.zeros(4, 1)
        zero = {**given, **{name: torch.zeros_like(given[name]) for name in ("state_final", "state_a", "state_h")}}
        for name, value in run(self.model, given).items():
            torch.testing.assert_close(value, run(self.model, zero)[name], msg=name)

    def test_residual_compares_windows_that_do_not_overlap(self):
        last, before = torch.randn_like(self.h), torch.randn_like(self.h)
        state = torch.cat((last, before), dim=1)
        next_hop, _ = self.model.residual(self.h, state, self.there, torch.ones(3, 1))
        after_gap, _ = self.model.residual(self.h, state, self.there, torch.full((3, 1), 2.0))
        torch.testing.assert_close(next_hop, self.h - before)
        torch.testing.assert_close(after_gap, self.h - last)

    def test_residual_is_missing_while_there_is_no_such_window(self):
        state = torch.cat((torch.randn_like(self.h), torch.zeros_like(self.h)), dim=1)
        r, known = self.model.residual(self.h, state, self.there, torch.ones(3, 1))
        self.assertEqual(float(r.abs().max()) + float(known.max()), 0.0)

    def test_cumulative_vector_of_n_hops_is_n_steps_of_one(self):
        with torch.no_grad():
            a = torch.randn_like(self.h)
            once = self.model.cumulative(self.h, a, self.there, torch.full((3, 1), 3.0))
            for _ in range(3):
                a = self.model.cumulative(self.h, a, self.there, torch.ones(3, 1))
            torch.testing.assert_close(once, a, rtol=1e-4, atol=1e-5)

    def test_a_window_without_movement_leaves_the_cumulative_vector(self):
        a = torch.randn_like(self.h)
        torch.testing.assert_close(self.model.cumulative(self.h * 0, a, torch.zeros(3, 1), torch.ones(3, 1)), a)

    @torch.no_grad()
    def test_a_day_of_stationary_input_moves_the_state_by_less_than_a_hundredth(self):
        model, given = self.model, feeds(self.model, 1)
        encoded = model.encode(*(given[name] for name in INPUTS[:8]))
        state, seen = model.initial_state(1), []
        for second in range(24 * 3600 // 20):
            scored = model.step(encoded, state, torch.tensor([[min(second, 1.0) * 1.0]]))
            state = scored.state
            seen.append(float(torch.sigmoid(scored.state_logit)))
        # A twentieth of a day suffices: what the state does after the first minutes is a fixed point.
        self.assertLess(max(seen[300:]) - min(seen[300:]), 0.01)


class Training(unittest.TestCase):
    def test_unlabelled_windows_carry_no_loss(self):
        nan = torch.tensor([float("nan"), 1.0])
        logit = torch.tensor([5.0, 0.0], requires_grad=True)
        (injury_loss(logit, nan) + squared_error(logit, nan)).backward()
        self.assertEqual(float(logit.grad[0]), 0.0)

    def test_lanes_go_on_with_their_athlete_until_told_otherwise(self):
        athletes = [Athlete(i, "train", np.arange(100) + 1000 * i) for i in range(5)]
        last = np.full(3, -1)
        for rows, fresh in fill_chunks(athletes, 16, 3, np.random.default_rng(0)):
            for lane in range(3):
                self.assertTrue((np.diff(rows[lane]) == 1).all())
                if not fresh[lane]:
                    self.assertEqual(rows[lane, 0], last[lane] + 1)
                last[lane] = rows[lane, -1]

    def test_splits_are_near_their_shares(self):
        shares = [split_of(i) for i in range(5000)]
        self.assertAlmostEqual(shares.count("train") / 5000, 0.6, delta=0.03)
        self.assertAlmostEqual(shares.count("test") / 5000, 0.2, delta=0.03)

    def test_temperature_undoes_overconfidence(self):
        rng = np.random.default_rng(0)
        logit = rng.normal(0, 2, 20000)
        label = (rng.random(20000) < sigmoid(logit)).astype(float)
        self.assertAlmostEqual(fit_temperature(logit * 3, label), 1 / 3, delta=0.03)

    def test_alarm_needs_k_of_n_and_does_not_repeat_while_open(self):
        p = np.array([0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
        self.assertEqual(alarms(p, np.ones(9, bool), np.arange(9), 0.8, 0.4), [4])
        self.assertEqual(alarms(p, np.zeros(9, bool), np.arange(9), 0.8, 0.4), [])


if __name__ == "__main__":
    unittest.main()
