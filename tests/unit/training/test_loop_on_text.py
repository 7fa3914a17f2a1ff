"""The training loop with a real encoder and each method of adaptation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetrail.adaptation.full import Full
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.inference.device import build_accelerator
from finetrail.inference.feeding import Examples
from finetrail.inference.predict import compute_features, predict
from finetrail.models.backbone_settings import TextBackbone
from finetrail.models.inputs import Inputs
from finetrail.targets.losses import LossOptions
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.loop import fit
from finetrail.training.settings import Training
from tests.unit.conftest import NEGATIVE, NEUTRAL, POSITIVE
from tests.unit.training.toys import score


def reviews(count: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts of neutral words with one that tells, and whether it is a good one."""
    generator = np.random.default_rng(seed)
    texts, targets = [], np.arange(count) % 2
    for target in targets:
        words = [str(word) for word in generator.choice(NEUTRAL, size=generator.integers(1, 4))]
        words.insert(int(generator.integers(len(words) + 1)), str(generator.choice(POSITIVE if target else NEGATIVE)))
        texts.append(" ".join(words))
    return texts, targets


def build(backbone: TextBackbone) -> Built:
    torch.manual_seed(5)
    return get_task("text-classification").build(backbone, ["bad", "good"], Path())


def run(built: Built, splits: dict[str, Examples], tmp_path: Path, **settings: Any) -> Fitted:
    return fit(
        built.model,
        splits["train"],
        splits["val"],
        Training.model_validate({"precision": "fp32", "log_every": 1} | settings),
        loss=get_task("text-classification").loss(LossOptions()),
        score=score,
        accelerator=build_accelerator(),
        precision="fp32",
        seed=0,
        checkpoints=Checkpoints(tmp_path),
        observe=lambda curve, step, point: None,
    )


def encode(built: Built, train: int = 128) -> dict[str, Examples]:
    drawn = {"train": reviews(train, 1), "val": reviews(60, 2)}
    return {name: Examples(built.processor.encode(texts), targets, texts) for name, (texts, targets) in drawn.items()}


@pytest.mark.parametrize(
    ("adaptation", "rate", "at_least"),
    [
        (LinearProbe(method="linear_probe"), 5e-2, 0.7),  # the features of a backbone that was never trained
        (Lora(method="lora"), 2e-2, 0.9),
        (Full(method="full"), 1e-2, 0.9),
    ],
    ids=["linear_probe", "lora", "full"],
)
def test_a_word_that_tells_is_learnt_by_every_method(
    backbone: TextBackbone, tmp_path: Path, adaptation: LinearProbe | Lora | Full, rate: float, at_least: float
) -> None:
    built = build(backbone)
    adaptation.apply(built.model)
    splits = encode(built)
    before = score(predict(built.model, splits["val"].inputs, 32), splits["val"].targets)["loss"]
    fitted = run(built, splits, tmp_path, batch_size=16, epochs=8, learning_rate=rate)
    adaptation.merge(built.model)
    after = score(predict(built.model, splits["val"].inputs, 32), splits["val"].targets)
    assert fitted.best >= at_least
    assert after["macro_f1"] == fitted.best
    assert after["loss"] < 0.9 * before


def test_a_head_learns_the_same_from_features_computed_once_as_from_the_frozen_backbone(
    backbone: TextBackbone, tmp_path: Path
) -> None:
    heads, curves = [], []
    for cached in (False, True):
        built = build(backbone)
        built.model.backbone.requires_grad_(False)
        splits = encode(built, train=32)
        if cached:

            def once(inputs: Inputs, model: Any = built.model) -> Inputs:
                return compute_features(model, inputs, 8)

            splits = {name: replace(examples, inputs=once(examples.inputs)) for name, examples in splits.items()}
        # One batch an epoch: how the rows are grouped cannot differ.
        curves.append(run(built, splits, tmp_path, epochs=8, batch_size=32, learning_rate=0.05).train_curve)
        heads.append(built.model.head.weight.detach().clone())
    torch.testing.assert_close(heads[0], heads[1], rtol=1e-4, atol=1e-5)
    assert [point["loss"] for point in curves[0]] == pytest.approx([point["loss"] for point in curves[1]], abs=1e-5)
    assert curves[0][-1]["loss"] < curves[0][0]["loss"]


def test_the_checkpoint_of_a_low_rank_training_holds_only_what_trains(backbone: TextBackbone, tmp_path: Path) -> None:
    built = build(backbone)
    Lora(method="lora", r=1).apply(built.model)
    run(built, encode(built, train=16), tmp_path, epochs=1)
    # 448 numbers of rank 1 (counted in adaptation/test_methods.py) and 34 of the head, of 4 bytes, and the header.
    assert 4 * (448 + 34) < next(tmp_path.glob("best-*.safetensors")).stat().st_size < 4 * 5664
