"""A split with the chosen model's answers, as several assessments need it."""

import time
from dataclasses import dataclass

import pandas as pd

from finetrail.assessment.assessed import Given
from finetrail.data.store.shards import Contents, read_frame
from finetrail.serving.answer import answers_of_split, answers_to
from finetrail.targets.codec import Answers, refuse_broken
from finetrail.workspace import need

REMEDY = "train it again with a lower learning rate or in fp32"
TIMED = 16
"""Rows that are answered to say how long all of them take."""


@dataclass(frozen=True)
class Split:
    """Rows of the workspace. Attributes: rows: id, label and group of each; contents: what they hold, read anew."""

    name: str
    rows: pd.DataFrame
    contents: Contents


def open_split(given: Given, name: str) -> Split:
    """The rows of a split. Raises: WorkspaceError: `split` did not write it."""
    folder = need(given.workspace.split(name), "split")
    return Split(name, read_frame(folder), Contents(folder, given.built.task.content.name))


def answer_split(given: Given, split: Split) -> Answers:
    """The model's answers to a split. Raises: ModelError: an answer is NaN or infinite."""
    folder, scratch = given.workspace.split(split.name), given.workspace.scratch
    answers = answers_of_split(given.built, folder, scratch=scratch, track=given.track, what="answering")
    refuse_broken(given.built.codec, answers, "the model", REMEDY)
    return answers


def seconds_a_row(given: Given, split: Split) -> float:
    """How long an answer takes, from a few of them."""
    first = [content for _, content in zip(range(TIMED), split.contents, strict=False)]
    answers_to(given.built, first)  # the first pass is slower than the others
    started = time.perf_counter()
    answers_to(given.built, first)
    return (time.perf_counter() - started) / max(1, len(first))
