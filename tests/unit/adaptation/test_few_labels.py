"""Methods for few labels: what their losses are, what they train, and that a plain model is left."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy

from finetrail.adaptation.few_shot import FewShot
from finetrail.adaptation.method import Method
from finetrail.adaptation.prototypes import Prototypes
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError
from finetrail.inference.launch import MEETING
from finetrail.models.contrast import supervised_contrast
from finetrail.targets.classes import losses
from finetrail.tasks.registry import load_model
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.outcome import fit_work
from finetrail.training.steps import Records
from tests.unit.adaptation.few_labels import trained
from tests.unit.models.networks import answers
from tests.unit.training.programs import REPOSITORY
from tests.unit.training.toys import Run, new_model, points, train
from tests.unit.training.works import small_work

FEW_SHOT = FewShot(method="few_shot")
BATCH = points(6, 3).batch(range(6))  # two of each class


def test_the_contrast_is_that_of_the_paper() -> None:
    """Equation 2 of Khosla et al. 2020, example by example."""
    features, targets, temperature = torch.randn(5, 4), [0, 0, 1, 0, 2], 0.5
    each = []
    for anchor in (0, 1, 3):  # classes 1 and 2 have one example each
        near = [float(cosine_similarity(features[anchor], one, dim=0)) / temperature for one in features]
        total = sum(math.exp(near[other]) for other in range(5) if other != anchor)
        positives = [other for other in (0, 1, 3) if other != anchor]
        each.append(-sum(near[other] - math.log(total) for other in positives) / len(positives))
    found = supervised_contrast(features, torch.tensor(targets), temperature)
    assert float(found) == pytest.approx(sum(each) / 3, rel=1e-5)


@pytest.mark.parametrize("targets", [[0, 1, 2], [0]])
def test_a_batch_without_a_pair_teaches_the_backbone_nothing_and_the_head_as_usual(targets: list[int]) -> None:
    model, plain = new_model(), new_model()
    FEW_SHOT.apply(model)
    batch = {"x": torch.randn(len(targets), 4), "targets": torch.tensor(targets)}
    FEW_SHOT.loss(model, losses.cross_entropy())(model.train()(batch), batch).backward()  # type: ignore[no-untyped-call]
    cross_entropy(plain(batch), batch["targets"]).backward()  # type: ignore[no-untyped-call]
    assert not any(one.grad.any() for one in model.backbone.parameters() if one.grad is not None)
    gradients = {name.removeprefix("head."): one.grad for name, one in model.head.named_parameters()}
    for name, one in plain.head.named_parameters():
        torch.testing.assert_close(gradients[name], one.grad)


def test_pairs_bring_the_rows_of_a_class_together_and_a_plain_model_is_left(tmp_path: Path) -> None:
    def apart(run: Run) -> float:
        return float(supervised_contrast(run.model.features(BATCH).detach(), BATCH["targets"], 0.1))

    model = new_model()
    FEW_SHOT.apply(model)
    run = train(tmp_path / "pairs", model=model, method=FEW_SHOT, epochs=4, batch_size=16)
    answers = model(BATCH)
    FEW_SHOT.merge(model)
    assert torch.equal(model(BATCH), answers)
    assert model.state_dict().keys() == new_model().state_dict().keys()
    assert apart(run) < apart(train(tmp_path / "full", epochs=4, batch_size=16)) - 0.05
    assert run.fitted.best > 0.9


def test_rows_of_mixed_classes_are_refused() -> None:
    model = new_model()
    FEW_SHOT.apply(model)
    mixed = BATCH | {"targets_of_partner": BATCH["targets"], "targets_share": torch.ones(6)}
    with pytest.raises(
        ConfigError, match=r"few_shot compares rows of one class.*; remove mixup and cutmix, or use another meth"
    ):
        FEW_SHOT.loss(model, losses.cross_entropy())(model.train()(BATCH), mixed)


def prototypes(folder: Path, method: Prototypes) -> Run:
    model = new_model()
    method.apply(model)
    return train(folder, model=model, method=method, epochs=2, weight_decay=0.1)


def test_the_answer_is_the_class_of_the_most_similar_mean(tmp_path: Path) -> None:
    untouched, rows = new_model(), points(96, 1).batch(range(96))
    run = prototypes(tmp_path, Prototypes(method="prototypes"))
    similar = torch.nn.functional.normalize(untouched.features(rows), dim=1).detach()
    means = torch.stack([similar[rows["targets"] == number].mean(0) for number in range(3)])
    held_out = points(60, 2).batch(range(60))
    features = untouched.features(held_out)
    nearest = torch.stack([cosine_similarity(features, mean, dim=1) for mean in means]).argmax(0)
    assert torch.equal(run.model(held_out).argmax(1), nearest)
    assert run.fitted.val_curve[0] == {**run.fitted.val_curve[1], "epoch": 1, "step": run.fitted.val_curve[0]["step"]}
    assert all(
        torch.equal(one, other)
        for one, other in zip(run.model.backbone.parameters(), untouched.backbone.parameters(), strict=True)
    )


def test_what_trains_from_the_means_on_is_what_was_asked_for(tmp_path: Path) -> None:
    still = prototypes(tmp_path / "none", Prototypes(method="prototypes")).weights
    for then, trains in (("linear_probe", {"head"}), ("full", {"head", "backbone"})):
        method = Prototypes(method="prototypes", then=then)  # type: ignore[arg-type]
        found = prototypes(tmp_path / then, method).weights
        assert {name.partition(".")[0] for name in found if not torch.equal(found[name], still[name])} == trains


@pytest.mark.parametrize("method", [FEW_SHOT, Prototypes(method="prototypes")])
def test_the_saved_model_answers_as_the_trained_one(backbone: TextBackbone, tmp_path: Path, method: Method) -> None:
    work = small_work(backbone, method, epochs=1, batch_size=16, learning_rate=2e-3, head_learning_rate=2e-2)  # type: ignore[arg-type]
    records = Records(Checkpoints(tmp_path / "checkpoints"), observe=lambda curve, step, point: None)
    untrained = answers(work.built.model, work.inputs["val"])
    fit_work(work, records, tmp_path, None)
    before = answers(work.built.model, work.inputs["val"])
    method.merge(work.built.model)
    work.built.task.save(work.built, backbone, tmp_path / "model")
    assert (answers(load_model(tmp_path / "model").model, work.inputs["val"]) == before).all()
    assert abs(before - untrained).max() > 0.1


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    """Pairs too: a process that saw those of its own rows alone would learn something else."""
    environment = os.environ | {
        MEETING: str(tmp_path / "meeting"),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.unit.adaptation.few_labels", str(tmp_path / "two")]
    running = [
        subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=240)[0] for process in running]
    assert json.loads(said[0]) == [pytest.approx(one, abs=2e-5) for one in trained(tmp_path / "alone")]
