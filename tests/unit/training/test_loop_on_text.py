"""The training loop with a real encoder and each method of adaptation."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetrail.adaptation.full import Full
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.contents.text.settings import TextBackbone
from finetrail.evaluation.scores.metric import Point
from finetrail.inference.device import Machine, build_accelerator
from finetrail.inference.features import compute_features
from finetrail.inference.feeding import Examples
from finetrail.models.inputs import Inputs
from finetrail.targets.classes.losses import cross_entropy
from finetrail.tasks.task import Built
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.loop import fit
from finetrail.training.settings import Training
from finetrail.training.steps import Objective, Records
from tests.unit.conftest import NEGATIVE, NEUTRAL, POSITIVE
from tests.unit.models.networks import LEARNING, answers, text_classifier
from tests.unit.training.toys import MACRO_F1

VAL = 60


def labels(count: int) -> list[str]:
    return ["bad", "good"] * (count // 2)


def reviews(count: int, seed: int) -> list[str]:
    """Texts of neutral words with one that tells what their label is."""
    generator = np.random.default_rng(seed)
    texts = []
    for label in labels(count):
        words = [str(word) for word in generator.choice(NEUTRAL, size=generator.integers(1, 4))]
        telling = POSITIVE if label == "good" else NEGATIVE
        words.insert(int(generator.integers(len(words) + 1)), str(generator.choice(telling)))
        texts.append(" ".join(words))
    return texts


def build(backbone: TextBackbone) -> Built:
    torch.manual_seed(5)
    return text_classifier(backbone)


def run(built: Built, splits: dict[str, Inputs], tmp_path: Path, **settings: Any) -> Fitted:
    objective = Objective(
        cross_entropy(), LEARNING.keep, lambda kept: LEARNING.score(kept, splits["val"], labels(VAL)), MACRO_F1
    )
    return fit(
        built.model,
        {name: Examples(inputs, [f"{name} {row}" for row in inputs.rows]) for name, inputs in splits.items()},
        Training.model_validate({"precision": "fp32", "log_every": 1} | settings),
        objective=objective,
        machine=Machine(build_accelerator(), "fp32"),
        records=Records(Checkpoints(tmp_path), lambda *heard: None),
        seed=0,
    )


def encode(built: Built, train: int = 128) -> dict[str, Inputs]:
    splits = {"train": built.processor.encode(reviews(train, 1)), "val": built.processor.encode(reviews(VAL, 2))}
    return {name: one.labelled(LEARNING.encode(labels(len(one)), one)) for name, one in splits.items()}


def score(built: Built, val: Inputs) -> Point:
    return LEARNING.score(answers(built.model, val, 32), val, labels(VAL))


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
    before = score(built, splits["val"])["loss"]
    fitted = run(built, splits, tmp_path, batch_size=16, epochs=8, learning_rate=rate)
    adaptation.merge(built.model)
    after = score(built, splits["val"])
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
            splits = {name: compute_features(built.model, inputs, 8) for name, inputs in splits.items()}
        # One batch an epoch: how the rows are grouped cannot differ.
        curves.append(run(built, splits, tmp_path, epochs=8, batch_size=32, learning_rate=0.05).train_curve)
        heads.append(built.model.head.get_parameter("weight").detach().clone())
    torch.testing.assert_close(heads[0], heads[1], rtol=1e-4, atol=1e-5)
    assert [point["loss"] for point in curves[0]] == pytest.approx([point["loss"] for point in curves[1]], abs=1e-5)
    assert curves[0][-1]["loss"] < curves[0][0]["loss"]


def test_the_checkpoint_of_a_low_rank_training_holds_only_what_trains(backbone: TextBackbone, tmp_path: Path) -> None:
    built = build(backbone)
    Lora(method="lora", r=1).apply(built.model)
    run(built, encode(built, train=16), tmp_path, epochs=1)
    # 448 numbers of rank 1 (counted in adaptation/test_methods.py) and 34 of the head, of 4 bytes, and the header.
    assert 4 * (448 + 34) < next(tmp_path.glob("best-*.safetensors")).stat().st_size < 4 * 5664
