"""A small work: texts of a few words, one of which tells the label, and a tiny encoder."""

from typing import Any

import pandas as pd
import torch

from finetrail.adaptation.methods import Adaptation
from finetrail.contents.text.settings import TextBackbone
from finetrail.sections import sections
from finetrail.tasks.registry import get_task
from finetrail.training.candidate import Candidate
from finetrail.training.work import Rows, Work
from tests.unit.models.networks import LEARNING, text_classifier
from tests.unit.training.test_loop_on_text import labels, reviews


def small_work(
    backbone: TextBackbone, adaptation: Adaptation, train: int = 128, val: int = 60, **settings: Any
) -> Work:
    """A new model, adapted, with the rows that it reads."""
    torch.manual_seed(5)
    built = text_classifier(backbone)
    adaptation.apply(built.model)
    counts = {"train": train, "val": val}
    inputs = {split: built.processor.encode(reviews(count, count)) for split, count in counts.items()}
    given = {split: labels(count) for split, count in counts.items()}
    frames = {
        split: pd.DataFrame({"id": [f"{split}-{row}" for row in range(count)], "label": given[split]})
        for split, count in counts.items()
    }
    training = sections(get_task("text-classification")).model_fields["train"].annotation
    assert training is not None
    return Work(
        built,
        Candidate(adaptation=adaptation, backbone=backbone, train=training(precision="fp32", **settings)),
        Rows(frames, given, ("text",), LEARNING),
        {split: one.labelled(LEARNING.encode(given[split], one)) for split, one in inputs.items()},
        given["train"],
        seed=0,
    )
