"""The validation rows with all that a search for slices looks at, as one table: all numbers come from it."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from finetrail.assessment.assessed import Given
from finetrail.assessment.nearest import features_of
from finetrail.assessment.slices.clusters import clustered
from finetrail.assessment.slices.settings import Slices
from finetrail.assessment.slices.tested import halves
from finetrail.assessment.spoken import duration
from finetrail.data.store.shards import Contents, read_frame
from finetrail.evaluation.slices import SplitRows
from finetrail.models.inputs import Values
from finetrail.serving.answer import answers_of_split, answers_to
from finetrail.targets.codec import Answers, Codec, refuse_broken
from finetrail.workspace import need

REMEDY = "train it again with a lower learning rate or in fp32"
TIMED = 16
"""Rows that are answered to say how long all of them take."""


@dataclass(frozen=True)
class Rows:
    """The validation rows.

    Attributes:
        table: id, half, error, cluster, label, group where there are groups, and the columns of the answers.
        split: for conditions.
    """

    table: pd.DataFrame
    split: SplitRows
    contents: Values

    @property
    def errors(self) -> NDArray[np.float64]:
        """How wrong the answers are (n,)."""
        return self.table["error"].to_numpy()

    @property
    def searching(self) -> NDArray[np.bool_]:
        """The half that searches (n,)."""
        return np.asarray(self.table["half"] == "search", dtype=np.bool_)


def looked_up(given: Given, settings: Slices) -> Rows:
    """Answer the validation rows, cluster them, and deal them out to two halves.

    Raises:
        ModelError: an answer is NaN or infinite.
    """
    built, codec = given.built, given.built.codec
    folder = need(given.workspace.split("val"), "split")
    frame, contents = read_frame(folder), Contents(folder, built.task.content.name)
    given.tell(_duration(given, contents, passes=2 if settings.clusters else 1))
    scratch = given.workspace.scratch
    answers = answers_of_split(built, folder, scratch=scratch, track=given.track, what="answering")
    refuse_broken(codec, answers, "the model", REMEDY)
    cluster = np.zeros(len(frame), dtype=np.int64)
    if settings.clusters:
        features = features_of(built, contents, scratch=scratch, track=given.track)
        cluster = clustered(features, settings.clusters, given.seed)
    return dealt(codec, frame, answers, cluster, settings=settings, seed=given.seed, contents=contents)


def dealt(
    codec: Codec,
    frame: pd.DataFrame,
    answers: Answers,
    cluster: NDArray[np.int64],
    *,
    settings: Slices,
    seed: int,
    contents: Values,
) -> Rows:
    """Put the table together, and deal the rows out to two halves.

    Rows of a group stay together, because they are alike; but a group that is large enough for a slice is dealt out.

    Args:
        frame: id, label and group of the rows.
        cluster: of each row (n,).
        contents: what the rows hold.
    """
    groups = frame["group"].astype(object).where(frame["group"].notna(), None).tolist()
    large = {group for group, rows in Counter(groups).items() if group is None or rows >= 4 * settings.min_rows}
    pairs = zip(frame["id"], groups, strict=True)
    units = [f"row {row}" if group in large else f"group {group}" for row, group in pairs]
    labels = frame["label"].tolist()
    known = {
        "id": frame["id"],
        "half": np.where(halves(units, seed), "search", "test"),
        "error": codec.judge.row_errors(labels, answers),
        "cluster": cluster,
        "label": frame["label"],
    }
    known |= {"group": groups} if any(group is not None for group in groups) else {}
    table = pd.DataFrame(known | codec.columns(answers))
    return Rows(table, SplitRows(labels, groups, lambda: contents), contents)


def _duration(given: Given, contents: Contents, *, passes: int) -> str:
    first: Sequence[Any] = [content for _, content in zip(range(TIMED), contents, strict=False)]
    answers_to(given.built, first)  # the first pass is slower than the others
    started = time.perf_counter()
    answers_to(given.built, first)
    seconds = (time.perf_counter() - started) / max(1, len(first)) * len(contents) * passes
    return f"{len(contents)} rows: about {duration(seconds)}"
