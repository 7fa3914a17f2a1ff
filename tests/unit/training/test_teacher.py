"""Teachers: what they are asked, who is none, and students that start as one."""

from pathlib import Path

import numpy as np
import pytest
import torch

from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError, ModelError
from finetrail.targets.classes import CLASSES
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built
from finetrail.training.teacher import load_teacher, start_as
from tests.unit.models.networks import LEARNING, answers, text_classifier

AT = "data/weights/teacher"


def saved(root: Path, backbone: TextBackbone, built: Built | None = None) -> Built:
    """A teacher in the workspace."""
    built = built or text_classifier(backbone)
    built.task.save(built, backbone, root / AT)
    return built


def test_a_teacher_answers_as_when_it_was_saved(backbone: TextBackbone, tmp_path: Path) -> None:
    built = saved(tmp_path, backbone)
    teacher = load_teacher(AT, tmp_path, text_classifier(backbone))
    texts = ["good table", "bad river"]
    found = [answers(one.model, one.processor.encode(texts)) for one in (built, teacher)]
    np.testing.assert_array_equal(found[0], found[1])


def test_a_student_starts_as_its_teacher_with_the_layers_that_it_has(backbone: TextBackbone, tmp_path: Path) -> None:
    torch.manual_seed(1)
    built = text_classifier(backbone)
    for parameter in built.model.parameters():
        torch.nn.init.normal_(parameter)
    teacher = saved(tmp_path, backbone, built)
    student = text_classifier(backbone.model_copy(update={"layers": 1}))
    start_as(student, load_teacher(AT, tmp_path, student), AT)
    own, given = student.model.state_dict(), teacher.model.state_dict()
    assert [name for name in own if not torch.equal(own[name], given[name])] == []


def test_a_teacher_with_fewer_layers_than_its_student_is_no_start(backbone: TextBackbone, tmp_path: Path) -> None:
    short = backbone.model_copy(update={"layers": 1})
    teacher = saved(tmp_path, short, text_classifier(short))
    with pytest.raises(
        ConfigError, match=r"lacks layers of this backbone \(.*\); set distillation.start to pretrained$"
    ):
        start_as(text_classifier(backbone), teacher, AT)


def test_another_model_is_no_teacher(backbone: TextBackbone, tmp_path: Path) -> None:
    student = text_classifier(backbone)
    numbers = get_task("text-regression")
    sets = get_task("text-classification", "multi_label_classification")
    known = [numbers.target.learned({"mean": 0.0, "std": 1.0}), sets.target.learned(sets_of("bad", "good"))]
    for task, learning in zip((numbers, sets), known, strict=True):
        saved(tmp_path, backbone, task.build(backbone, learning, tmp_path, ["text"]))
        with pytest.raises(ConfigError, match=r"^the teacher 'data/weights/teacher' was trained for .*, but this is"):
            load_teacher(AT, tmp_path, student)
    saved(tmp_path, backbone, student.task.build(backbone, LEARNING, tmp_path, ["title", "body"]))
    with pytest.raises(ConfigError, match=r"reads title and body, but the rows have text; name another"):
        load_teacher(AT, tmp_path, student)
    other = CLASSES.learned({"labels": ["bad", "fine", "ugly"]})
    saved(tmp_path, backbone, student.task.build(backbone, other, tmp_path, ["text"]))
    with pytest.raises(ConfigError, match=r"it alone knows 'fine' and 1 more; it does not know 'good'; name another"):
        load_teacher(AT, tmp_path, student)
    (tmp_path / AT / "model.json").unlink()
    with pytest.raises(ModelError, match=r"holds no model.json, so it is not a finetrail model"):
        load_teacher(AT, tmp_path, student)


def sets_of(*labels: str) -> dict[str, object]:
    """How a model.json describes sets of these classes."""
    return {"labels": list(labels), "thresholds": [0.5] * len(labels)}
