"""What the network promises to the service. Run: node scripts/binn.mjs setup && models/.venv/bin/python -m unittest discover models/tests"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn.data import Athlete, fill_chunks, split_of  # noqa: E402
from binn.export import input_shapes, random_inputs, session  # noqa: E402
from binn.losses import injury_loss, squared_error  # noqa: E402
from binn.network import INPUTS, OUTPUTS, Binn, Encoded, State  # noqa: E402


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
    def test_many_windows_at_once_are_the_same_as_one_after_the_other(self):
        lanes, length = 3, 5
        given = feeds(self.model, lanes * length, 3)
        flat = self.model.encode(*(given[name] for name in INPUTS[:8]))
        laid = Encoded(*(part.view(lanes, length, *part.shape[1:]) for part in flat))
        elapsed = torch.tensor([[0.0, 1, 1, 3, 1], [1, 1, 0, 1, 1], [2, 1, 1, 1, 900]]).unsqueeze(2)
        at_once, last = self.model.sequence(laid, elapsed, self.model.initial_state(lanes))
        state = self.model.initial_state(lanes)
        for at in range(length):
            scored = self.model.step(Encoded(*(part[:, at] for part in laid)), state, elapsed[:, at])
            state = scored.state
            for name in ("state_logit", "rehab", "performance", "logit_sd", "attn_tokens", "residual_norm"):
                together = getattr(at_once, name).view(lanes, length, -1)[:, at]
                torch.testing.assert_close(together, getattr(scored, name), rtol=1e-5, atol=1e-6, msg=name)
        for one, other in zip(last, state):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)

    @torch.no_grad()
    def test_one_window_alone_equals_the_same_among_64(self):
        given = feeds(self.model, 64, 1)
        whole = run(self.model, given)
        for row in range(0, 64, 7):
            alone = run(self.model, {name: value[row : row + 1] for name, value in given.items()})
            for name, value in alone.items():
                self.assertLess(float((value[0] - whole[name][row]).abs().max()), 1e-5, name)


STATES = ("state_final", "state_a", "state_h")
# What may still move before: a session starts, the state finds its place.
SETTLED = 120
# By then the state repeats itself to the last bit, and the rest of the day is known without being run.
AT_REST = 3000


def stationary(sizes) -> dict[str, np.ndarray]:
    """Eight windows that could go on all day: noise, stillness, large z (at the clip), one foot, watch only, nothing at all."""
    given = random_inputs(sizes, 8, 5)
    for name in ("bio", "phys", "perf", "context"):
        given[f"{name}_mask"][:] = 1.0
    given["bio"][1] = 0.0
    given["bio"][2] = np.sign(given["bio"][2]) * 8.0
    given["bio"][3], given["phys"][3] = 8.0, -8.0
    given["bio_mask"][4, :, 6:] = 0.0
    given["bio_mask"][5] = 0.0
    for name in ("bio", "phys", "perf", "context"):
        given[f"{name}_mask"][6] = 0.0
    given["bio_mask"][7, ::2] = 0.0
    for name in ("state_final", "state_a", "state_h"):
        given[name] = np.zeros_like(given[name])
    return given


def until_rest(advance, state: tuple[np.ndarray, ...]) -> tuple[list[np.ndarray], int]:
    """
    Calls advance(second, state) -> (score, next state) until a state comes back to the last bit: from there on the day repeats itself, and need not be run.
    Gives the scores so far and the length of the cycle (1 = at rest, 0 = none came within AT_REST).
    """
    scores: list[np.ndarray] = []
    known: dict[bytes, int] = {}
    for second in range(AT_REST):
        score, state = advance(second, state)
        scores.append(score)
        key = b"".join(value.tobytes() for value in state)
        if second > SETTLED and key in known:
            return scores, second - known[key]
        known[key] = second
    return scores, 0


class Stationary(unittest.TestCase):
    """24 h of the same window move the state by less than 0.01."""

    def hold(self, scores: list[np.ndarray], cycle: int) -> None:
        self.assertGreater(cycle, 0, f"the state has not come to rest within {AT_REST} s")
        self.assertLess(np.abs(np.array(scores[SETTLED:]) - scores[SETTLED]).max(), 0.01)

    @torch.no_grad()
    def test_a_network_whose_memory_is_as_long_as_it_can_be_learned(self):
        model = network()
        # Learned decays at their bound, and an update gate that keeps everything.
        model.adaptation.fill_(50.0)
        model.ageing.fill_(50.0)
        model.update.x.bias[model.sizes.final : 2 * model.sizes.final] = 8.0
        given = {name: torch.from_numpy(value) for name, value in stationary(model.sizes).items()}
        e = model.encode(*(given[name] for name in INPUTS[:8]))
        combined = model.combined(e)
        projected, there = model.update.x(combined), e.present[:, :1]

        def advance(second: int, state):
            carried, after = model.carry(e.h, there, projected, State(*map(torch.from_numpy, state)), torch.full((8, 1), float(second > 0)))
            return torch.sigmoid(model.read(e, combined, carried, after).state_logit)[:, 0].numpy(), tuple(part.numpy() for part in after)

        self.hold(*until_rest(advance, tuple(part.numpy() for part in model.initial_state(8))))

    def test_the_weights_that_are_served(self):
        runner = session(Path(__file__).resolve().parents[1] / "binn.onnx")
        given = stationary(Binn().sizes)

        def advance(second: int, state):
            given["elapsed"][:] = float(second > 0)
            out = dict(zip(OUTPUTS, runner.run(list(OUTPUTS), {**given, **dict(zip(STATES, state))})))
            logit = out["state_logit"][:, 0].astype(float)
            return 1.0 / (1.0 + np.exp(-logit)), (out["next_final"], out["next_a"], out["next_h"])

        self.hold(*until_rest(advance, tuple(given[name] for name in STATES)))


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


if __name__ == "__main__":
    unittest.main()
