"""Rows to divide, and how tests divide them."""

from typing import Literal

from finetrail.contents.text.near import Texts
from finetrail.contents.text.split import TextSplit
from finetrail.data.splitting.report import label_counts, rows_of
from finetrail.data.splitting.report import warnings as warnings_of
from finetrail.data.splitting.rows import Rows
from finetrail.data.splitting.splits import Assignment
from finetrail.data.splitting.splits import assign as assign_near

Method = Literal["official", "stratified", "group", "hash"]
NEAR = 0.6


def assign(rows: Rows, settings: TextSplit) -> Assignment:
    return assign_near(rows, settings, Texts(rows.keys, settings.near))


def make_rows(texts: list[str], labels: list[str], official: list[str | None], groups: list[str | None]) -> Rows:
    return Rows([f"id{i:03d}" for i in range(len(texts))], texts, [(label,) for label in labels], official, groups)


def distinct(count: int, labels: list[str], groups: list[str | None] | None = None) -> Rows:
    """Rows that are not near to one another."""
    texts = [" ".join(f"w{row}x{i}" for i in range(6)) for row in range(count)]
    return make_rows(texts, labels, ["train"] * count, groups or [None] * count)


def warnings(rows: Rows, assignment: Assignment, settings: TextSplit) -> list[str]:
    return warnings_of(label_counts(rows, assignment), rows_of(assignment), settings)


def chosen(method: Method, seed: int = 0) -> TextSplit:
    return TextSplit(method=method, near_duplicates=NEAR, seed=seed)
