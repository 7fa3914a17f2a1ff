"""The rows whose labels are examined: those of train and val, never of test."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from finetrail.assessment.assessed import Given
from finetrail.data.near.leakage import units_of
from finetrail.data.splitting.rows import Rows
from finetrail.data.splitting.shares import divided
from finetrail.data.store.raw import read_manifest
from finetrail.data.store.shards import Contents, pick, read_frame
from finetrail.errors import SplitError
from finetrail.workspace import need

SPLITS = ("train", "val")


@dataclass(frozen=True)
class BothContents:
    """The contents of train and val, in order: see `finetrail.models.inputs.Values`."""

    parts: tuple[Contents, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(self.parts)


@dataclass(frozen=True)
class Examined:
    """Attributes: rows: id, split, label and group of each; contents: in their order."""

    rows: pd.DataFrame
    contents: BothContents

    @property
    def labels(self) -> list[Any]:
        """In the order of the rows."""
        found: list[Any] = self.rows["label"].tolist()
        return found


def examined(given: Given) -> Examined:
    """Read the rows of train and val."""
    folders = {name: need(given.workspace.split(name), "split") for name in SPLITS}
    rows = pd.concat([read_frame(folder).assign(split=name) for name, folder in folders.items()], ignore_index=True)
    column = given.built.task.content.name
    return Examined(rows, BothContents(tuple(Contents(folder, column) for folder in folders.values())))


def contents_of(given: Given, rows: pd.DataFrame) -> dict[str, Any]:
    """The contents of a few rows by id. Args: rows: their id and split."""
    found: dict[str, Any] = {}
    for name in SPLITS:
        own = set(rows.loc[rows["split"] == name, "id"])
        found |= pick(given.workspace.split(name), given.built.task.content.name, own)
    return found


def folds_of(given: Given, known: Examined, folds: int) -> list[int]:
    """The fold of each row, in proportion to what a split keeps in proportion.

    Rows that are the same or near, as section `split` has it, and rows of one group stay together: otherwise a wrong
    label would vouch for its copy.

    Raises:
        SplitError: all rows belong together.
    """
    rows, settings = known.rows, given.pipeline.split
    manifest = read_manifest(given.workspace.raw).set_index("id", drop=False).loc[rows["id"]]
    keys = settings.keys(manifest, known.contents)
    groups = [value if isinstance(value, str) else None for value in rows["group"]]
    units = units_of(settings.neighbours(manifest, keys).clusters().tolist(), groups)
    if len(units) < 2:
        raise SplitError(
            f"all {len(rows)} rows of train and val are near duplicates or of one group, but labels are judged by "
            "models of other rows; name a finer group in `source.columns`, or remove assess.labels"
        )
    folds = min(folds, len(units))
    official = [None] * len(rows)
    strata = settings.strata
    divisible = Rows(
        rows["id"].tolist(), keys, strata.of(known.labels, official, settings), official, groups, strata.divide
    )
    shares = {str(fold): 1 / folds for fold in range(1, folds)}
    found = [0] * len(rows)
    for row, fold in divided(divisible, units, shares, given.pipeline.seed, by_label=True):
        found[row] = int(fold)
    return found
