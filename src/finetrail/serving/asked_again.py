"""Answers that are stored somewhere, held against the model that is said to have given them."""

from pathlib import Path
from random import SystemRandom

import pandas as pd

from finetrail.data.store.shards import pick
from finetrail.serving.answer import answers_to
from finetrail.targets.agreement import Farthest, farthest
from finetrail.tasks.task import Built

SAMPLE = 256
"""Rows that are answered again."""


def asked_again(built: Built, split: Path, frame: pd.DataFrame) -> tuple[str, Farthest]:
    """Have a model answer a sample of rows again, which nobody can foresee.

    Args:
        split: the folder of the rows.
        frame: their stored answers.

    Returns:
        The id of the row whose two answers lie farthest apart, and how far that is.
    """
    # From the system, not from a seed: who forges answers must not know which rows are looked at.
    chosen = frame.iloc[sorted(SystemRandom().sample(range(len(frame)), min(SAMPLE, len(frame))))]
    ids = chosen["id"].tolist()
    contents = pick(split, built.task.content.name, ids)
    worst = farthest(built.codec, answers_to(built, [contents[row] for row in ids]), built.codec.read(chosen))
    return ids[worst.row], worst
