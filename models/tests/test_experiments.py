"""Cells resume and skip, ablations differ as they say, pretraining hides what it says."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from binn import channels, experiments  # noqa: E402
from binn.experiments import Cell, Sums, meaning, of_kind, run_cells, summarise  # noqa: E402
from binn.export import export_graph, random_inputs  # noqa: E402
from binn.network import INPUTS, OUTPUTS, Binn  # noqa: E402
from binn.pretrain import hide_some, pooled, reconstruction_loss  # noqa: E402
from binn.train import Settings, hidden_sensors  # noqa: E402
from binn.variants import ABLATIONS, FULL, Variant  # noqa: E402

QUIET = lambda line: None  # noqa: E731


def outputs(model: Binn, changes: dict | None = None) -> dict[str, torch.Tensor]:
    feeds = {name: torch.from_numpy(value) for name, value in random_inputs(model.sizes, 4, 0).items()}
    feeds |= changes or {}
    with torch.no_grad():
        return dict(zip(OUTPUTS, model.eval()(*(feeds[name] for name in INPUTS))))


def built(variant: Variant = FULL) -> Binn:
    torch.manual_seed(0)
    return Binn(variant=variant)


class Variants(unittest.TestCase):
    def test_the_default_is_the_graph_that_is_served(self):
        served = Path(__file__).resolve().parents[1] / "binn.onnx"
        model = Binn(variant=Variant())
        with torch.no_grad():
            for parameter in model.parameters():
                # The exporter would keep one of two equal weights, as norms that nobody has trained are.
                parameter.add_(0.01 * torch.randn_like(parameter))
        with tempfile.TemporaryDirectory() as folder:
            export_graph(model, Path(folder) / "binn.onnx")
            graphs = [onnx.load(path).graph for path in (served, Path(folder) / "binn.onnx")]
        inputs, given = zip(*(([i.name for i in graph.input], [o.name for o in graph.output]) for graph in graphs))
        self.assertEqual(inputs[0], inputs[1])
        self.assertEqual(given[0], given[1])
        learned = dict(model.named_parameters())
        weights = [{i.name: tuple(i.dims) for i in graph.initializer if i.name in learned} for graph in graphs]
        self.assertEqual(weights[0], weights[1])
        kinds = [Counter(node.op_type for node in graph.node) for graph in graphs]
        for operator in ("Conv", "LSTM", "MatMul", "Gemm", "Softmax", "LayerNormalization", "Tanh", "Sigmoid"):
            self.assertEqual(kinds[0][operator], kinds[1][operator], operator)

    def test_each_ablation_takes_one_part_away(self):
        for name, variant in ABLATIONS.items():
            self.assertEqual(sum(not value for value in variant.to_dict().values()), int(name != "full"), name)
            for value in outputs(built(variant)).values():
                self.assertTrue(torch.isfinite(value).all(), name)

    def test_without_features_there_is_no_convolution_and_no_recurrence_in_the_window(self):
        names = [name for name, _ in built(replace(FULL, features=False)).named_parameters()]
        self.assertFalse([name for name in names if name.startswith(("encoder", "lstm", "attention"))])
        self.assertTrue([name for name in names if name.startswith("summary")])

    def test_without_attention_both_attentions_are_means(self):
        out = outputs(built(replace(FULL, attention=False)))
        for weights in (out["attn_time"], out["attn_tokens"]):
            for row in weights:
                self.assertEqual(len(torch.unique(row[row > 0])), 1)

    def test_without_recurrence_no_earlier_window_is_felt(self):
        model = built(replace(FULL, recurrent=False))
        zero = {name: torch.zeros(4, width) for name, width in (("state_final", 64), ("state_a", 64), ("state_h", 128))}
        torch.testing.assert_close(outputs(model)["state_logit"], outputs(model, zero)["state_logit"])
        self.assertGreater(float((outputs(built())["state_logit"] - outputs(built(), zero)["state_logit"]).abs().max()), 1e-4)

    def test_without_scales_one_branch_is_as_wide_as_three(self):
        model = built(replace(FULL, scales=False))
        self.assertEqual(model.encoder.side.fast_out.out_channels, 48)
        self.assertFalse(hasattr(model.encoder.side, "slow_in"))

    def test_without_adaptive_weights_nothing_learns_how_to_weight(self):
        model = built(replace(FULL, adaptive=False))
        self.assertFalse(model.adaptation.requires_grad or model.ageing.requires_grad or model.fusion.learned)
        self.assertTrue(model.attention.learned)

    def test_without_priors_nothing_pulls_f_attn_to_the_domain_features(self):
        self.assertEqual(Settings(variant=replace(FULL, priors=False)).weight, 0.0)
        self.assertEqual(Settings().weight, 0.3)


def cell(arm: str, kind: str = "ablation", seed: int = 1, **settings) -> Cell:
    return Cell(kind, arm, {"updates": 3, **settings}, seed, "data", "code")


def result(shift: float, arm: str, seed: int = 0) -> dict:
    """A cell's file as run_cell makes it, of 30 athletes whose logits tell the labels apart by `shift`."""
    rng = np.random.default_rng(seed)
    altered = np.repeat(np.arange(30) % 2, 20)
    logit = np.clip(np.round((rng.normal(0, 1, 600) + shift * (altered - 0.5)) / 0.08), -127, 127).astype(np.int8)
    encode = lambda value: experiments.base64.b64encode(value.tobytes()).decode()  # noqa: E731
    predictions = {
        "athletes": list(range(30)), "windows": [20] * 30, "step": 0.08, "logit": encode(logit), "altered": encode(np.packbits(altered > 0)),
        "rehab": [[2.0, 20]] * 30, "performance": [[1.0, 20]] * 30,
    }
    settings = {"updates": 3, "variant": ABLATIONS[arm].to_dict()}
    return {
        "format": 1, "kind": "ablation", "arm": arm, "seed": 1, "name": f"ablation-{arm}-s1-x", "settings": settings, "data": "d", "code": "c", "seconds": 1.0,
        "truncated": False, "parameters": 5, "split": "test", "finished": "2026-01-01T00:00:00Z", "predictions": predictions, "figures": {"auc": [0.5, 0.4, 0.6]},
    }


class Cells(unittest.TestCase):
    def test_a_finished_cell_is_skipped_and_a_killed_one_starts_again(self):
        wanted, ran = [cell("a"), cell("b"), cell("c")], []

        def work(one, windows, checkpoint, minutes, log):
            ran.append(one.arm)
            if one.arm == "b" and ran.count("b") == 1:
                raise KeyboardInterrupt
            return {"seconds": 1}

        with tempfile.TemporaryDirectory() as folder:
            go = lambda: run_cells(wanted, Path(folder), lambda: None, None, 10, 60, QUIET, work)  # noqa: E731
            with self.assertRaises(KeyboardInterrupt):
                go()
            self.assertEqual(len(list(Path(folder).iterdir())), 1)
            self.assertEqual(go(), 2)
            self.assertEqual(go(), 0)
        self.assertEqual(ran, ["a", "b", "b", "c"])

    def test_a_budget_that_holds_no_other_cell_ends_the_run(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run_cells([cell("a")], Path(folder), lambda: None, None, 10, 0, QUIET, lambda *a: {}), 0)

    def test_settings_seed_data_and_code_make_the_name_and_comments_do_not(self):
        one = cell("a")
        others = [cell("a", seed=2), cell("a", alpha=0.1), replace(one, data="other"), replace(one, code="other")]
        self.assertEqual(len({c.name for c in (one, *others)}), 5)
        self.assertEqual(meaning("def f():\n    \"words\"\n    return 1  # why\n"), meaning("def f():\n    return 1\n"))
        self.assertNotEqual(meaning("x = 1"), meaning("x = 2"))

    def test_figures_from_sums_equal_the_usual_ones(self):
        from sklearn.metrics import roc_auc_score

        stored = result(1.5, "full")["predictions"]
        sums = Sums(stored)
        logit = np.frombuffer(experiments.base64.b64decode(stored["logit"]), np.int8) * 0.08
        altered = np.repeat(np.arange(30) % 2, 20)
        figures = sums.figures(np.ones((1, 30)))
        self.assertAlmostEqual(figures["auc"][0], roc_auc_score(altered, logit), places=9)
        self.assertAlmostEqual(figures["rehabMae"][0], 0.1)
        # An athlete drawn twice counts twice.
        weights = np.ones((1, 30))
        weights[0, 3] = 2.0
        twice = np.concatenate((np.arange(600), np.arange(60, 80)))
        self.assertAlmostEqual(sums.figures(weights)["auc"][0], roc_auc_score(altered[twice], logit[twice]), places=9)

    def test_summary_pairs_ablations_with_the_full_network(self):
        with tempfile.TemporaryDirectory() as folder:
            for arm, shift in (("full", 2.0), ("without attention", 0.5)):
                value = result(shift, arm)
                (Path(folder) / f"{value['name']}.json").write_text(json.dumps(value))
            table = summarise(Path(folder))
        rows = {row["name"]: row for row in table["ablation"]["rows"]}
        self.assertIsNone(rows["full"]["minusFull"])
        self.assertLess(rows["without attention"]["minusFull"]["auc"][2], 0.0)
        self.assertTrue(table["stale"]["ablation"])

    def test_cells_of_other_data_or_code_are_not_mixed(self):
        old, new = result(1, "full"), {**result(1, "without attention"), "code": "newer"}
        self.assertEqual(of_kind([old, new], "ablation"), [new])


class Hiding(unittest.TestCase):
    def test_pretraining_hides_only_what_was_observed_and_spares_a_sensor(self):
        mask = (torch.rand(16, 200, 32) > 0.2).float()
        hidden = hide_some(mask, np.random.default_rng(0))
        self.assertEqual(float((hidden * (1 - mask)).max()), 0.0)
        left = mask - hidden
        groups = channels.sensor_groups().values()
        self.assertTrue(all(any(torch.equal(left[w][:, g], mask[w][:, g]) for g in groups) for w in range(16)))
        self.assertGreater(float(hidden.sum()), 0.0)

    def test_reconstruction_does_not_see_what_it_must_fill_in(self):
        model, head = built().eval(), torch.nn.Linear(64, 32)
        bio, mask = torch.randn(2, 200, 32), torch.ones(2, 200, 32)
        hidden = torch.zeros_like(mask)
        hidden[:, 52:92, :6] = 1.0
        target, known = pooled(bio, hidden, 50)
        self.assertEqual(int(known.sum()), 2 * 10 * 6)
        torch.testing.assert_close(target[:, 13, 0], bio[:, 52:56, 0].mean(dim=1))
        other = torch.where(hidden > 0, bio + 5.0, bio)
        with torch.no_grad():
            torch.testing.assert_close(model.recurrent_sequence(bio, mask - hidden), model.recurrent_sequence(other, mask - hidden))
        self.assertEqual(float(reconstruction_loss(model, head, bio, mask, torch.zeros_like(mask))), 0.0)

    def test_every_kind_of_athlete_is_met_in_training(self):
        groups, rng = channels.sensor_groups(), np.random.default_rng(0)
        kept = [tuple(sorted(set(groups) - set(hidden_sensors(groups, set(groups), rng)))) for _ in range(3000)]
        for wanted in (tuple(sorted(groups)), ("foot-left", "foot-right"), ("foot-left",), ("foot-right",), ()):
            self.assertIn(wanted, kept)
        self.assertTrue(any(names and all(name.startswith(("force", "emg")) for name in names) for names in kept))


if __name__ == "__main__":
    unittest.main()
