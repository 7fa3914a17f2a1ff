"""Rows with labels of three targets, each of which some rows lack, and random answers to them."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from finetrail.inference.features import Features
from finetrail.models.network import Batch
from finetrail.targets.several.learning import SeveralLearning
from finetrail.tasks.registry import get_task

KINDS = {"stars": "regression", "tags": "multi_label_classification", "topic": "single_label_classification"}
TASK = get_task("text-multi-target").of(KINDS)
TARGET: Any = TASK.target
LABELS: list[dict[str, Any]] = [
    {"stars": 1.0, "tags": ["a"], "topic": "x"},
    {"stars": None, "tags": ["a", "b"], "topic": "y"},
    {"stars": 4.0, "tags": None, "topic": "x"},
    {"stars": 2.5, "tags": [], "topic": None},
    {"stars": None, "tags": None, "topic": "x"},
    {"stars": 5.0, "tags": ["b"], "topic": "z"},
]
FULL = [LABELS[0], LABELS[5], {"stars": 3.0, "tags": [], "topic": "y"}, {"stars": 2.0, "tags": ["a"], "topic": "x"}]


def settings(**given: Any) -> Any:
    """Section `train`."""
    return TARGET.Training.model_validate(given)


def learn(labels: list[dict[str, Any]] = LABELS, **given: Any) -> SeveralLearning:
    found: SeveralLearning = TARGET.learn(labels, settings(**given))
    return found


def batch_of(learning: SeveralLearning, labels: list[dict[str, Any]], rows: list[int] | None = None) -> Batch:
    """The targets of some rows."""
    examples: Any = Features(torch.zeros(len(labels), 1), range(len(labels))).labelled(
        learning.encode(labels, Features(torch.zeros(len(labels), 1), range(len(labels))))
    )
    return dict(examples.batch(range(len(labels)) if rows is None else rows))


def answers(rows: int, seed: int = 0) -> NDArray[np.float32]:
    """Outputs (n, 6): a number, two logits of tags, three of topics."""
    return np.random.default_rng(seed).normal(0, 2, (rows, 6)).astype(np.float32)
