"""A manifest of texts as the rules see it, without the work of writing one."""

from collections import Counter
from typing import Any

import pandas as pd

from finetrail.contents.text.stored import FACTS, StoredTexts
from finetrail.data.store.raw import Unreadable, keyed
from finetrail.targets.target import Target

Rows = list[tuple[str | None, str | None, str | None]]
"""Text, label and split; the label as a source has it."""
STRINGS = ["id", "source", "split", "label_text", "group", "sha256"]


def manifest(rows: Rows, target: Target) -> pd.DataFrame:
    """The manifest with each label as its key; the text itself stands in for its hash."""
    seen: Counter[str | None] = Counter()
    records: list[dict[str, Any]] = []
    for number, (text, given, split) in enumerate(rows, start=1):
        label = target.read(f"a.csv, row {number}", given, target.Columns())
        known, as_text = (None, str(label)) if isinstance(label, Unreadable) else (label, None)
        record = {"id": f"{text}-{seen[text]}", "source": "a.csv", "row": number, "split": split, "sha256": text}
        record |= {"label": known, "label_text": as_text, "group": None}
        (facts,), (more,) = StoredTexts().describe([text]), target.describe([known], [text])
        records.append(record | facts | more)
        seen[text] += 1
    table = pd.DataFrame(records, columns=[*STRINGS, "label", "row", *FACTS, *target.facts])
    return keyed(table.astype(dict.fromkeys(STRINGS, "str") | {"row": "int64"}), target.key)


def listed(column: "pd.Series[Any]") -> list[Any]:
    """The values, None for a missing one."""
    return [None if pd.isna(value) else value for value in column]
