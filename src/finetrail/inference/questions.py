"""A sample of the validation or test rows, to be asked again wherever a model goes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.contents.content import Content
from finetrail.data.store.shards import pick
from finetrail.errors import RoundTripError
from finetrail.targets.codec import Codec
from finetrail.targets.same_number import Questions

if TYPE_CHECKING:
    import pandas as pd

SAMPLE = 256
"""Rows that are asked again."""


def sampled(
    split: Path, content: Content, rows: "pd.DataFrame", most: int = SAMPLE
) -> "tuple[pd.DataFrame, list[Any]]":
    """Some of the rows, and their contents: those with the smallest ids, which are hashes, or all if there are fewer.

    Leaves out what a served model refuses, such as a text without any character: `validation` can let it through.

    Args:
        split: the folder of the split.
        rows: all of its rows, by column `id`.
    """
    rows = rows.sort_values("id", kind="stable").head(most)
    found = pick(split, content.name, rows["id"].tolist())
    refused = content.faults([found[row] for row in rows["id"]])
    rows = rows[[place not in refused for place in range(len(rows))]].reset_index(drop=True)
    return rows, [found[row] for row in rows["id"]]


def drawn(split: Path, content: Content, answered: "pd.DataFrame", codec: Codec, most: int = SAMPLE) -> Questions:
    """A sample of the rows that the pipeline answered.

    Args:
        answered: their predictions.parquet.
        codec: reads it.

    Raises:
        RoundTripError: the answers are another model's.
    """
    rows, contents = sampled(split, content, answered, most)
    return Questions(codec, rows["id"].tolist(), rows["label"].tolist(), contents, read_answers(codec, rows))


def read_answers(codec: Codec, frame: "pd.DataFrame") -> Any:
    """Answers out of a frame. Raises: RoundTripError: they are not this model's."""
    try:
        return codec.read(frame)
    except ValueError as error:
        raise RoundTripError(f"the answers come from another model ({error}); run `dvc repro`") from error
