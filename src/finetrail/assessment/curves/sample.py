"""The rows whose contents are changed, and the columns of the table of answers that belong to them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from finetrail.assessment.assessed import Given
from finetrail.assessment.curves.ways import Ways
from finetrail.data.store.shards import pick, read_frame
from finetrail.workspace import need

CANDIDATE = "candidate"
"""The column that names the model."""
TOUCHED = "touched"
"""The column that says whether a content was changed at all."""


@dataclass(frozen=True)
class Sample:
    """The rows that are changed. Attributes: rows: id, label and group of each; contents: by id."""

    rows: pd.DataFrame
    contents: Mapping[str, Any]

    @property
    def values(self) -> list[Any]:
        """The contents in the order of the rows."""
        return [self.contents[row] for row in self.rows["id"]]

    def table(
        self, ways: Ways, answers: pd.DataFrame, candidate: str, at: tuple[str, int], *, touched: Any
    ) -> pd.DataFrame:
        """Rows of the table of answers. Args: answers: the codec's columns; at: way and strength; touched: (n,)."""
        groups = {"group": self.rows["group"]} if self.rows["group"].notna().any() else {}
        said = {CANDIDATE: candidate, ways.way: at[0], ways.strength: at[1], TOUCHED: touched}
        labels = {"label": self.rows["label"], **groups}
        return pd.DataFrame({"id": self.rows["id"]} | said | labels | {name: answers[name] for name in answers})

    @property
    def untouched(self) -> Any:
        """(n,), for the rows as they are."""
        return np.zeros(len(self.rows), dtype=np.bool_)


def sampled(given: Given, most: int) -> Sample:
    """Validation rows, at most so many: those with the smallest hashes, which stay when others are added."""
    return sample_of(need(given.workspace.split("val"), "split"), given.built.task.content.name, most)


def sample_of(folder: Path, content: str, most: int) -> Sample:
    """Rows of a folder of shards, as `sampled`. Args: content: the column of contents."""
    rows = read_frame(folder)
    hashes = [hashlib.sha256(str(row).encode()).hexdigest() for row in rows["id"]]
    kept = sorted(np.argsort(np.array(hashes, dtype=object), kind="stable")[:most].tolist())
    rows = rows.iloc[kept].reset_index(drop=True)
    return Sample(rows, pick(folder, content, set(rows["id"])))
