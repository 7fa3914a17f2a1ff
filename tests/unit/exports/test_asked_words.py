"""Exported taggers: the outputs of the pieces give the trained metric of the spans."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import RoundTripError
from finetrail.exports.asked import compared
from finetrail.exports.forms import Form, write_form
from finetrail.serving.answer import answers_to
from finetrail.targets.same_number import Questions
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built
from tests.unit.exports.folders import TEXTS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]

LONG = "cloud " * 40
F1 = next(metric for metric in get_task("token-classification").target.metrics if metric.name == "f1")


@pytest.fixture(scope="module")
def built(backbone: TextBackbone) -> Built:
    """A tagger without a favourite tag."""
    task = get_task("token-classification")
    known = {"types": ["PER", "LOC"], "plain": False, "temperature": 1.5}
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(4)
        made = task.build(backbone, task.target.learned(known), Path(), ["text"])
        made.model.eval()
        logits = np.concatenate(answers_to(made, TEXTS).logits)
        made.model.head.get_parameter("bias").sub_(torch.from_numpy(logits.mean(axis=0)).float())
    return made


def _asked(built: Built) -> Questions:
    answers = answers_to(built, TEXTS)
    labels = [[{"start": one.start, "end": one.end, "type": one.type} for one in spans] for spans in answers.spans]
    assert sum(map(len, labels)) > 2
    return Questions(built.codec, [f"row{place}" for place in range(len(TEXTS))], labels, list(TEXTS), answers)


@pytest.mark.parametrize("form", ["hf", "onnx"])
def test_a_tagger_has_the_trained_metric_but_for_texts_that_need_several_windows(
    built: Built, tmp_path: Path, form: Form
) -> None:
    assert LONG in TEXTS
    done = write_form(built, form, tmp_path)
    line = compared(built, done, tmp_path, _asked(built), F1)
    assert re.fullmatch(rf"\S* ?F1 on {len(TEXTS) - 1} validation rows: trained 1\.000, {done.library} 1\.000", line)


def test_types_in_another_order_are_refused_by_the_metric(built: Built, tmp_path: Path) -> None:
    done = write_form(built, "hf", tmp_path)
    config: Any = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config["id2label"] = {str(number): name for number, name in enumerate(built.codec.outputs[::-1])}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(
        RoundTripError, match=r"F1 of the transformers export is 0(\.\d+)? on 3 validation rows, but 1 wh"
    ):
        compared(built, done, tmp_path, _asked(built), F1)
