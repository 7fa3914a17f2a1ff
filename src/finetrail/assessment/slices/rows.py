"""The validation rows with all that a search for slices looks at, as one table: all numbers come from it."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from finetrail.assessment.answered import answer_split, open_split, seconds_a_row
from finetrail.assessment.assessed import Given
from finetrail.assessment.nearest import features_of
from finetrail.assessment.slices.clusters import clustered
from finetrail.assessment.slices.settings import Slices
from finetrail.assessment.slices.tested import halves
from finetrail.data.store.shards import groups_of, metadata_of
from finetrail.evaluation.slices import SplitRows
from finetrail.models.inputs import Values
from finetrail.progress import duration
from finetrail.targets.codec import Answers, Codec


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
    val = open_split(given, "val")
    passes = 2 if settings.clusters else 1
    given.tell(f"{len(val.rows)} rows: about {duration(seconds_a_row(given, val) * len(val.rows) * passes)}")
    answers = answer_split(given, val)
    cluster = np.zeros(len(val.rows), dtype=np.int64)
    if settings.clusters:
        features = features_of(given.built, val.contents, scratch=given.workspace.scratch, track=given.track)
        cluster = clustered(features, settings.clusters, given.pipeline.seed)
    codec = given.built.codec
    return dealt(codec, val.rows, answers, cluster, settings=settings, seed=given.pipeline.seed, contents=val.contents)


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
    groups = groups_of(frame)
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
    return Rows(table, SplitRows(labels, groups, lambda: contents, metadata_of(frame)), contents)
