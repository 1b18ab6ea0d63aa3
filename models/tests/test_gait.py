"""Real gait: figures against scikit-learn, refusals, and the command on a folder made up here."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models"))

from binn import gait, gait_metrics as metrics  # noqa: E402
from binn.gait_data import FEET, Bout, GaitError, GaitSet, Scale, aligned, joined, mounting  # noqa: E402
from binn.gait_model import Recipe, cut, in_contract, masked_error, mirrored, pretrain, represent, windows_of  # noqa: E402
from binn.network import Binn  # noqa: E402

REAL = Path(os.environ.get("KINEWATCH_DATA", ROOT.parent / "shared" / "data")) / "gait-imu"
BUILT = (ROOT / "dist" / "src" / "cli" / "dataset.js").exists()


def some_set(subjects: int = 14, windows: int = 4, names: str = "s") -> GaitSet:
    """Noise; orthopaedic subjects move less on the left."""
    rng = np.random.default_rng(5)
    label = np.arange(subjects) % 2
    bouts = []
    for at in range(subjects):
        signal = rng.standard_normal((100 * (windows + 1), 12)).astype(np.float32)
        signal[:, :6] *= 1 - 0.5 * label[at]
        bouts.append(Bout(at, at, signal, windows))
    scale = Scale(np.zeros(12, np.float32), np.ones(12, np.float32))
    context = rng.standard_normal((subjects, 12)).astype(np.float32)
    return GaitSet(
        names=[f"{names}{at}" for at in range(subjects)], label=label, age=rng.normal(50, 10, subjects), speed=rng.normal(3, 1, subjects),
        standing=rng.standard_normal((subjects, 6)), features=rng.standard_normal((subjects, 3)), feature_names=["a", "b", "c"], context=context,
        context_mask=np.ones_like(context), bouts=bouts, still=[], walking_windows=subjects * windows, trials=subjects, scale=scale,
    )


class Figures(unittest.TestCase):
    def setUp(self) -> None:
        rng = np.random.default_rng(2)
        self.label = (rng.random(60) < 0.5).astype(int)
        # Rounded, so that there are ties.
        self.score = np.round(rng.normal(size=60) + self.label, 1)
        self.covariates = rng.normal(size=(60, 2)) + self.label[:, None]
        self.counts = metrics.draws(self.label, 3, 200)

    def test_auc_and_its_draws_are_scikit_learns(self) -> None:
        drawn = metrics.auc_draws(self.label, self.score, self.counts)
        self.assertAlmostEqual(drawn[0], roc_auc_score(self.label, self.score), 12)
        for at in (1, 7, 150):
            rows = np.repeat(np.arange(60), self.counts[at].astype(int))
            self.assertEqual(len(rows), 60)
            self.assertAlmostEqual(drawn[at], roc_auc_score(self.label[rows], self.score[rows]), 12)

    def test_interval_is_the_estimate_and_percentiles_of_the_draws(self) -> None:
        low_high = metrics.interval(np.concatenate(([7.0], np.arange(1001.0), [np.nan])))
        self.assertEqual(low_high, [7.0, 25.0, 975.0])
        self.assertEqual(metrics.interval(np.array([np.nan, np.nan])), [None, None, None])

    def test_residual_auc_is_that_of_a_line_through_the_healthy(self) -> None:
        from sklearn.linear_model import LinearRegression

        well = self.label == 0
        line = LinearRegression().fit(self.covariates[well], self.score[well])
        wanted = roc_auc_score(self.label, self.score - line.predict(self.covariates))
        self.assertAlmostEqual(metrics.residual_auc_draws(self.label, self.score, self.covariates, self.counts[:1])[0], wanted, 12)

    def test_a_score_that_is_the_covariate_is_worth_nothing_once_adjusted(self) -> None:
        speed = self.covariates[:, 0]
        found = metrics.adjusted(self.label, speed + 1e-9 * self.score, np.zeros(60), speed, self.counts)
        self.assertGreater(roc_auc_score(self.label, speed), 0.7)
        self.assertLess(found["speed"]["matchedC"][0], 0.65)
        self.assertLess(found["speed"]["likelihoodRatio"]["statistic"], 0.5)

    def test_matched_pairs_are_counted_by_hand(self) -> None:
        label, score, age = np.array([1, 1, 0, 0]), np.array([3.0, 1.0, 2.0, 0.0]), np.array([[40.0], [70.0], [45.0], [61.0]])
        alike = metrics.alike_pairs(label, age, np.array([10.0]))
        self.assertEqual(alike.tolist(), [[True, False], [False, True]])
        self.assertEqual(metrics.concordance(label, metrics.ranked_right(label, score), np.ones((1, 4)), alike)[0], 1.0)
        self.assertEqual(metrics.concordance(label, metrics.ranked_right(label, score), np.ones((1, 4)))[0], 0.75)
        none = metrics.concordance(label, metrics.ranked_right(label, score), np.ones((1, 4)), alike & False)
        self.assertTrue(np.isnan(none[0]))

    def test_likelihood_ratio_sees_what_a_score_adds(self) -> None:
        rng = np.random.default_rng(1)
        covariate = rng.normal(size=(400, 1))
        label = (rng.random(400) < 1 / (1 + np.exp(-2 * rng.normal(size=400)))).astype(int)
        self.assertGreater(metrics.likelihood_ratio(label, 3 * label + rng.normal(size=400), covariate)["statistic"], 50)
        self.assertGreater(metrics.likelihood_ratio(label, rng.normal(size=400), covariate)["p"], 0.01)


class Model(unittest.TestCase):
    def test_mounting_lays_the_main_axis_on_y(self) -> None:
        rng = np.random.default_rng(0)
        axis = np.array([0.3, 0.9, -0.2]) / np.linalg.norm([0.3, 0.9, -0.2])
        turning = rng.normal(size=(500, 1)) * axis * 4 + 0.2 * rng.normal(size=(500, 3))
        turn = mounting(turning)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        laid = turning @ turn.T
        self.assertGreater(laid[:, 1].std(), 10 * laid[:, 0].std())
        self.assertGreater(laid[:, 1].std(), 10 * laid[:, 2].std())

    def test_aligned_turns_acceleration_and_angular_velocity_alike(self) -> None:
        data = some_set()
        out = aligned(data.bouts, data.bouts, data.scale)
        for foot in (0, 1):
            for sensor in (0, 1):
                columns = slice(6 * foot + 3 * sensor, 6 * foot + 3 * sensor + 3)
                before, after = data.bouts[0].signal[:, columns], out[0].signal[:, columns]
                np.testing.assert_allclose(np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1), rtol=1e-4)
        self.assertFalse(np.allclose(data.bouts[0].signal, out[0].signal))

    def test_mirror_twice_is_nothing_and_swaps_the_feet(self) -> None:
        x = torch.randn(2, 5, 12)
        torch.testing.assert_close(mirrored(mirrored(x)), x)
        torch.testing.assert_close(mirrored(x)[..., 0], x[..., 6])
        torch.testing.assert_close(mirrored(x)[..., 1], -x[..., 7])

    def test_only_the_feet_are_observed(self) -> None:
        bio, mask = in_contract(Binn(), torch.randn(3, 200, 12), torch.ones(3, 12))
        self.assertEqual(FEET, list(range(12)))
        self.assertEqual(float(mask[..., 12:].abs().sum() + bio[..., 12:].abs().sum()), 0.0)
        self.assertEqual(float(mask[..., FEET].min()), 1.0)

    def test_windows_come_back_as_they_were(self) -> None:
        bout = some_set().bouts[0]
        self.assertEqual(tuple(windows_of(bout).shape), (4, 200, 12))
        np.testing.assert_array_equal(windows_of(bout)[2].numpy(), bout.signal[200:400])
        self.assertEqual(tuple(cut(bout, 1.3, np.random.default_rng(0)).shape), (200, 12))

    def test_only_hidden_channels_count_in_pretraining(self) -> None:
        windows, hidden = torch.randn(2, 200, 12), torch.zeros(2, 12)
        hidden[:, 4] = 1.0
        guess = windows.reshape(2, 50, 48).clone()
        guess[:, :, 0::12] += 9.0
        self.assertEqual(float(masked_error(guess, windows, hidden)), 0.0)
        guess[:, :, 4::12] += 1.0
        self.assertAlmostEqual(float(masked_error(guess, windows, hidden)), 1.0, 5)

    def test_pretraining_repeats_itself_and_sees_training_subjects_only(self) -> None:
        torch.set_num_threads(1)
        data, recipe = some_set(), Recipe(updates=2, batch=4)
        train = np.arange(8)
        first = pretrain(data, train, recipe, data.scale, 3).state_dict()
        changed = some_set()
        for bout in changed.bouts[8:]:
            bout.signal[:] = 99.0
        changed.label[:] = 1 - changed.label
        second = pretrain(changed, train, recipe, data.scale, 3).state_dict()
        for name, value in first.items():
            torch.testing.assert_close(value, second[name], rtol=0, atol=0)
        self.assertFalse(torch.equal(first["encoder.mix.weight"], pretrain(data, train, recipe, data.scale, 4).state_dict()["encoder.mix.weight"]))

    def test_parts_do_not_ask_which_side(self) -> None:
        data = some_set(subjects=3)
        model = Binn().eval()
        turned = [Bout(b.subject, b.trial, mirrored(torch.from_numpy(b.signal)).numpy(), b.windows) for b in data.bouts]
        straight = represent(model, 4, data.bouts)
        np.testing.assert_allclose(straight[:3], represent(model, 4, turned)[:3], atol=1e-5)
        self.assertTrue(np.isnan(straight[3]).all())


class Refusals(unittest.TestCase):
    def test_a_subject_in_both_folders(self) -> None:
        with self.assertRaisesRegex(GaitError, "subject s0, s1.* is in both folders"):
            gait.refuse_overlap(some_set(), some_set(subjects=2))
        gait.refuse_overlap(some_set(), some_set(names="t"))

    def test_too_few_or_one_group(self) -> None:
        with self.assertRaisesRegex(GaitError, "8 subjects are too few; 10 are needed"):
            gait.check(some_set(subjects=8), Path("x"), 10)
        data = some_set()
        data.label[:] = 1
        with self.assertRaisesRegex(GaitError, "all 14 subjects are of one group"):
            gait.check(data, Path("x"), 10)
        data = some_set()
        del data.bouts[3]
        with self.assertRaisesRegex(GaitError, "no walking of two seconds from subject s3"):
            gait.check(data, Path("x"), 10)

    def test_joined_sets_keep_who_is_who(self) -> None:
        both = joined(some_set(), some_set(subjects=4, names="t"))
        self.assertEqual((len(both), both.names[14], both.bouts[14].subject, both.bouts[14].trial), (18, "t0", 14, 14))

    def test_folds_keep_everybody_once(self) -> None:
        data = some_set(subjects=23)
        folds = gait.nested_folds(data, 1)
        self.assertEqual(sorted(np.concatenate([fold.test for fold in folds]).tolist()), list(range(23)))
        for fold in folds:
            self.assertFalse(set(fold.train.tolist()) & set(fold.test.tolist()))


def write_folder(folder: Path, names: list[str], groups: list[str]) -> None:
    """Trials of the gait-imu form: both feet swing, those of orthopaedic subjects less on the left."""
    rng = np.random.default_rng(len(names))
    (folder / "trials").mkdir(parents=True)
    left, right = [[400 + 100 * k, 460 + 100 * k] for k in range(7)], [[450 + 100 * k, 510 + 100 * k] for k in range(7)]
    with (folder / "trials.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow("code subject trial group age sex height_m mass_kg laterality walking_speed_m_s samples left_steps right_steps".split())
        for at, (name, group) in enumerate(zip(names, groups)):
            out.writerow([f"{name}-1", name, 1, group, 30 + at, "MF"[at % 2], 1.7, 70, "Right", 2.5, 1200, json.dumps(left), json.dumps(right)])
            values = rng.normal(0, 8, (1200, 16))
            for steps, columns, gain in ((left, slice(0, 8), 0.6 if group == "orthopedic" else 1.0), (right, slice(8, 16), 1.0)):
                for a, b in steps:
                    swing = np.sin(np.pi * np.arange(b - a) / (b - a))[:, None]
                    values[a:b, columns] += gain * swing * np.array([0, 700, 200, 500, 0, 300, 2500, 200])
            (folder / "trials" / f"{name}-1.i16.gz").write_bytes(gzip.compress(values.round().astype("<i2").tobytes()))


@unittest.skipUnless(BUILT, "the service is not built (npm run build): the export cannot run")
class Command(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.at = Path(self.folder.name)

    def run_it(self, *given: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "binn.gait", "--out", str(self.at / "out.json"), "--networks", "1", "--updates", "2", *given]
        return subprocess.run(command, cwd=self.at, env={**os.environ, "PYTHONPATH": str(ROOT / "models")}, capture_output=True, text=True, check=False)

    def both(self, name: str, count: int) -> Path:
        write_folder(self.at / name, [f"{name}{at}" for at in range(count)], [("healthy", "orthopedic")[at % 2] for at in range(count)])
        return self.at / name

    def test_one_folder_against_another(self) -> None:
        train, test = self.both("a", 12), self.both("b", 6)
        done = self.run_it("--data", str(train), "--test-data", str(test))
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads((self.at / "out.json").read_text())
        self.assertEqual(set(report["auc"]), {"binn", "binnNoContext", "logistic", "age", "speed", "standing"})
        for low_high in report["auc"].values():
            self.assertEqual(len(low_high), 3)
        self.assertEqual([p["subject"] for p in report["predictions"]], [f"b{at}" for at in range(6)])
        self.assertEqual([p["label"] for p in report["predictions"]], [0, 1] * 3)
        # What is told apart here is a gait that limps: any network sees it.
        self.assertEqual(report["auc"]["binnNoContext"][0], 1.0)

    def test_refuses_in_a_sentence_with_status_2(self) -> None:
        train = self.both("a", 12)
        (self.at / "same").mkdir()
        (self.at / "empty").mkdir()
        for given, said in (
            (("--data", str(self.at / "empty")), "has no trials.csv; readable is the gait-imu form only"),
            (("--data", str(train), "--test-data", str(self.at / "empty")), "has no trials.csv"),
            (("--data", str(self.both("few", 4))), "4 subjects are too few"),
        ):
            done = self.run_it(*given)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(said, done.stderr.strip().splitlines()[-1])
        overlap = self.at / "overlap"
        write_folder(overlap, ["a1", "x1", "x2", "x3"], ["healthy", "orthopedic", "healthy", "orthopedic"])
        done = self.run_it("--data", str(train), "--test-data", str(overlap))
        self.assertEqual((done.returncode, done.stderr.strip().splitlines()[-1][:30]), (2, "subject a1 is in both folders:"))
        (train / "trials" / "a3-1.i16.gz").write_bytes((train / "trials" / "a3-1.i16.gz").read_bytes()[:500])
        done = self.run_it("--data", str(train))
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr.strip().splitlines()[-1], r"a3-1\.i16\.gz: the gzip is damaged or cut short")


class Stored(unittest.TestCase):
    @unittest.skipUnless(REAL.exists(), f"no gait recordings at {REAL}: nothing to hold the stored figures against")
    def test_every_subject_of_the_recordings_is_in_the_stored_result(self) -> None:
        stored = json.loads((ROOT / "models" / "gait-evaluation.json").read_text())
        with (REAL / "trials.csv").open() as file:
            groups = {row["subject"]: int(row["group"] == "orthopedic") for row in csv.DictReader(file)}
        self.assertEqual({p["subject"]: p["label"] for p in stored["predictions"]}, groups)
        label, p = (np.array([row[name] for row in stored["predictions"]]) for name in ("label", "p"))
        self.assertAlmostEqual(roc_auc_score(label, p), stored["auc"]["binn"][0], 3)
        for estimate, *_ in stored["auc"].values():
            self.assertLess(estimate, 0.95, "above this a search for leaks has to be written down first")


if __name__ == "__main__":
    unittest.main()
