"""Students: what their batches hold, what they learn of a teacher, and that a cut-off training goes on as it was."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finetrail.adaptation.full import Full
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.auxiliary.distillation import Distillation
from finetrail.contents.text.settings import TextBackbone
from finetrail.models.inputs import Changes
from finetrail.targets.per_row import RowTargets
from finetrail.targets.soft import of_one_class
from finetrail.training.taught import TaughtTargets, taught, with_teacher
from finetrail.training.work import Work
from tests.unit.models.networks import answers
from tests.unit.training.test_beside import OTHER, STEPS, CutError, trained
from tests.unit.training.works import small_work

FOLDER = "data/weights/teacher"
BAD = torch.tensor(["bad" in text for text in OTHER])


def student(
    backbone: TextBackbone, rows: str | None, alpha: float = 0.5, sure: float = 4.0, probe: bool = False
) -> Work:
    """A work whose teacher says the opposite of the labels, and of `OTHER` what their words say.

    Args:
        sure: how large its logits for the labelled rows are.
    """
    work = small_work(backbone, LinearProbe(method="linear_probe") if probe else Full(method="full"), **STEPS)
    opposite = torch.tensor([label == "good" for label in work.train_labels])
    inputs = {"train": taught(work.inputs["train"], _logits(opposite, sure))}
    if rows is not None:
        inputs["unlabelled"] = taught(work.built.processor.encode(OTHER), _logits(BAD, 4.0))
    asked = Distillation(teacher=FOLDER, rows=rows, alpha=alpha)
    candidate = work.candidate.model_copy(update={"distillation": asked})
    return replace(work, candidate=candidate, inputs=work.inputs | inputs)


def _logits(first: torch.Tensor, sure: float) -> torch.Tensor:
    """Of a teacher who answers with the first class, or with the second."""
    return torch.where(first[:, None], torch.tensor([sure, -sure]), torch.tensor([-sure, sure]))


@pytest.mark.parametrize("probe", [False, True])
def test_a_student_that_was_cut_off_ends_as_one_that_was_not(
    probe: bool, backbone: TextBackbone, tmp_path: Path
) -> None:
    whole = trained(student(backbone, "other", probe=probe), tmp_path / "whole")
    for at in (3, 9):
        with pytest.raises(CutError):
            trained(student(backbone, "other", probe=probe), tmp_path / "cut", until=at)
    cut = trained(student(backbone, "other", probe=probe), tmp_path / "cut")
    expected, found = whole.built.model.state_dict(), cut.built.model.state_dict()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []


@pytest.mark.parametrize(("alpha", "right"), [(0.05, True), (1.0, False)])
def test_a_student_believes_its_teacher_as_far_as_alpha_says(
    alpha: float, right: bool, backbone: TextBackbone, tmp_path: Path
) -> None:
    """Here the teacher is wrong about every row."""
    work = trained(student(backbone, None, alpha), tmp_path)
    found = answers(work.built.model, work.inputs["val"], 32).argmax(1)
    is_right = found == work.built.learning.codec.numbers(work.rows.labels["val"])  # type: ignore[attr-defined]
    assert (is_right == right).mean() > 0.6


def test_what_a_teacher_says_of_rows_without_labels_is_learnt(backbone: TextBackbone, tmp_path: Path) -> None:
    agreed = []
    for rows in (None, "other"):
        work = trained(student(backbone, rows, alpha=1.0, sure=0.0), tmp_path / f"{rows}")
        found = answers(work.built.model, work.built.processor.encode(OTHER), 32).argmax(1)
        agreed.append(((found == 0) == BAD.numpy()).mean())
    assert agreed[0] < 0.6
    assert agreed[1] > 0.9


def test_a_mixed_example_has_the_mix_of_both_answers() -> None:
    """As for labels: the loss is that of each teacher's answer, by its share."""
    outputs, logits = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0))
    changes = Changes(torch.tensor([1, 0]), torch.tensor([0.75, 0.5]))
    batch = TaughtTargets(RowTargets(torch.tensor([0, 1])), logits).batch([0, 1], changes)
    each = of_one_class(2.0)
    own, other = each(outputs, logits), each(outputs, logits[[1, 0]])
    expected = (torch.tensor([0.75, 0.5]) * own + torch.tensor([0.25, 0.5]) * other).mean()
    loss = with_teacher(lambda given, targets: given.sum() * 0, each, 1.0)
    torch.testing.assert_close(loss(outputs, batch), expected)
