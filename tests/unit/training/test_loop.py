"""The training loop on a problem small enough to see through: what it learns, and what it says of it."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.models.networks import answers
from tests.unit.training.toys import distance, new_model, points, score, train

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_three_blobs_are_learnt(tmp_path: Path, optimizer: str, precision: str) -> None:
    run = train(tmp_path, epochs=10, optimizer=optimizer, precision=precision, warmup=0.1)
    assert run.fitted.best > 0.9
    assert not run.model.training
    assert score(answers(run.model, points(60, 2)))["macro_f1"] > 0.9


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path, precision: str) -> None:
    first = train(tmp_path, epochs=2, precision=precision)
    again = train(tmp_path, epochs=2, precision=precision)
    assert distance(first, again) == 0
    assert (first.fitted.train_curve, first.fitted.val_curve) == (again.fitted.train_curve, again.fitted.val_curve)
    assert distance(first, train(tmp_path, epochs=2, precision=precision, seed=100)) > 0


def test_the_loss_of_a_small_run_is_the_one_it_always_was(tmp_path: Path) -> None:
    losses = [point["loss"] for point in train(tmp_path, epochs=2, batch_size=16, log_every=3).fitted.train_curve]
    assert losses == pytest.approx([1.14014, 0.71306, 0.51150, 0.46084], rel=1e-3)


@pytest.mark.parametrize("rows", [16, 12])
def test_two_small_batches_an_optimiser_step_are_as_one_large(tmp_path: Path, rows: int) -> None:
    """With 12 rows the small batches are of 8 and of 4: each row still weighs the same."""
    common: dict[str, Any] = {"rows": rows, "epochs": 12, "optimizer": "sgd", "clip": None}
    large = train(tmp_path, batch_size=16, **common)
    small = train(tmp_path, batch_size=8, accumulate=2, **common)
    assert distance(large, small) < 1e-6
    assert distance(large, train(tmp_path, batch_size=8, **common)) > 1e-3
    steps = [[point["step"] for point in run.fitted.train_curve] for run in (large, small)]
    assert steps[0] == steps[1] == list(range(1, 13))
    losses = [[point["loss"] for point in run.fitted.train_curve] for run in (large, small)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_curves_have_a_point_every_so_many_steps_and_one_at_the_end_of_each_epoch(tmp_path: Path) -> None:
    run = train(tmp_path, rows=56, epochs=2, batch_size=8, log_every=3, schedule="linear")  # 7 steps an epoch
    train_curve, val_curve = run.fitted.train_curve, run.fitted.val_curve
    assert [point["step"] for point in train_curve] == [3, 6, 7, 9, 12, 14]
    assert [point["epoch"] for point in train_curve] == pytest.approx([3 / 7, 6 / 7, 1, 9 / 7, 12 / 7, 2], abs=1e-4)
    assert [point["learning_rate"] for point in train_curve] == pytest.approx(
        [0.05 * (14 - done) / 14 for done in (2, 5, 6, 8, 11, 13)]
    )
    assert [(point["epoch"], point["step"]) for point in val_curve] == [(1, 7), (2, 14)]
    assert {"loss", "accuracy", "macro_precision", "macro_recall", "macro_f1"} < set(val_curve[0])
    assert (run.fitted.epochs, run.fitted.samples) == (2, 112)
    first = [("train", 3), ("train", 6), ("train", 7), ("val", 7)]
    second = [("train", 9), ("train", 12), ("train", 14), ("val", 14)]
    assert [(curve, step) for curve, step, _ in run.heard] == first + second
    assert all(
        set(point) == {"loss", "learning_rate", "gradient_norm"} for curve, _, point in run.heard if curve == "train"
    )


def test_the_points_loss_is_the_mean_of_the_steps_since_the_last(tmp_path: Path) -> None:
    each = train(tmp_path, rows=48, epochs=1, batch_size=8, log_every=1).fitted.train_curve
    third = train(tmp_path, rows=48, epochs=1, batch_size=8, log_every=3).fitted.train_curve
    losses = [point["loss"] for point in each]
    assert [point["loss"] for point in third] == pytest.approx([sum(losses[:3]) / 3, sum(losses[3:]) / 3])


@pytest.mark.parametrize(("clip", "most"), [(0.01, 0.01), (None, float("inf"))])
def test_a_step_is_no_longer_than_the_clipped_gradient(tmp_path: Path, clip: float | None, most: float) -> None:
    before = new_model().state_dict()
    run = train(tmp_path, epochs=1, batch_size=96, optimizer="sgd", learning_rate=1.0, clip=clip)
    length = sum(float((run.weights[name] - before[name]).square().sum()) for name in before) ** 0.5
    norm = run.fitted.train_curve[0]["gradient_norm"]  # as it was before clipping
    assert norm > 0.1
    assert length == pytest.approx(min(norm, most), rel=1e-3)


def test_a_compiled_model_learns_the_same(tmp_path: Path) -> None:
    plain = train(tmp_path / "plain", epochs=2)
    compiled = train(tmp_path / "compiled", epochs=2, compile=True)
    assert distance(plain, compiled) < 1e-4
    assert set(plain.weights) == set(compiled.weights)
