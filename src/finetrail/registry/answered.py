"""The chosen model's answers to the test split: those of its last scoring, or new ones.

Another metric, tolerance or slice in `selection` is a question to answers that are there; the model need not see the
test rows again for it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from finetrail.data.store.shards import read_frame
from finetrail.errors import SplitError
from finetrail.inference.questions import read_answers
from finetrail.progress import Track
from finetrail.registry import scorings
from finetrail.registry.ledger import Ledger
from finetrail.serving.answer import answers_of_split
from finetrail.serving.asked_again import asked_again
from finetrail.targets.codec import refuse_broken
from finetrail.tasks.task import Built


@dataclass(frozen=True)
class Sealed:
    """A test split. Attributes: folder: of its rows; rows: all but their contents; sha256: as split.json names it."""

    folder: Path
    rows: pd.DataFrame
    sha256: str


def rows_to_test(split: Path) -> pd.DataFrame:
    """The rows of the test split, without their content.

    Raises:
        SplitError: it has none.
    """
    rows = read_frame(split)
    if rows.empty:
        raise SplitError(
            "there are no test rows, as `split.test: 0` allows; name some in `source:`, or divide the rows by another "
            "`split.method` and leave `split.test` out"
        )
    return rows


def answer_once(
    built: Built, model: str, split: Sealed, ledger: Ledger, *, scratch: Path, track: Track
) -> tuple[Any, int | None]:
    """A model's answers to the test split, given again only if the ledger has none that this code gave.

    Args:
        model: the fingerprint of its files.

    Returns:
        The answers, and the number of the entry of the ledger if they were given before.

    Raises:
        ModelError: an answer is NaN or infinite.
    """
    chain = ledger.read()
    entry = scorings.by_this_code(chain, model=model, test_split=split.sha256)
    frame = scorings.stored(ledger, chain, model=model, test_split=split.sha256) if entry else None
    # Where a stored answer is not the model's, it is scored again; the gate tells who gave the other one.
    if frame is not None and scorings.are_of(frame, split.rows) and asked_again(built, split.folder, frame)[1].agree:
        return read_answers(built.codec, frame), entry.number if entry else None
    answers = answers_of_split(built, split.folder, scratch=scratch, track=track, what="testing")
    refuse_broken(built.codec, answers, "the model", "train it again with a lower learning rate or in fp32")
    return answers, None
