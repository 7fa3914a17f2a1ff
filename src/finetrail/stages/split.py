"""Stage `split`: divide the rows that passed validation into train, val and test, with nothing on two sides."""

import csv
import io
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from finetrail.data.leakage import normalise
from finetrail.data.raw import read_rows
from finetrail.data.split_report import content_hash, label_counts, leakage_report, refuse, warnings
from finetrail.data.splits import Assignment, Rows, Split, assign
from finetrail.errors import SplitError
from finetrail.progress import Track, quiet
from finetrail.workspace import SPLITS, Workspace, need, replacing, write_json

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 200  # characters of a text in quarantine.csv


@dataclass(frozen=True)
class Divided:
    """What `split` did. Attributes: rows: as in split.json; warnings: findings a person should read."""

    rows: dict[str, int]
    warnings: tuple[str, ...]


def split(workspace: Workspace, settings: Split, track: Track = quiet) -> Divided:
    """Read `data/raw` and the quarantine of `validate`; write train, val, test, split.json and quarantine.csv.

    Nothing is written unless all of it can be.

    Raises:
        SplitError: the rows cannot be divided as asked, or do not add up.
    """
    frame = read_rows(workspace.raw)
    ingested = len(frame)
    quarantined = _quarantined(need(workspace.quarantine, "validate"))
    frame = frame[~frame["id"].isin(quarantined)]
    texts, labels = (_complete(frame, column) for column in ("text", "label"))
    rows = Rows(
        ids=frame["id"].tolist(),
        texts=[normalise(text) for text in track(texts, total=len(texts), what="normalising texts")],
        labels=labels,
        official=_optional(frame["split"]),
        groups=_optional(frame["group"]),
    )
    assignment = assign(rows, settings)
    counts = label_counts(rows, assignment)
    refuse(counts, len(assignment.removed))
    sizes = {
        "ingested": ingested,
        "quarantined_by_validation": len(quarantined),
        "quarantined_by_split": len(assignment.removed),
        **{name: sum(counts[name].values()) for name in SPLITS},
    }
    if ingested != sum(sizes.values()) - ingested:
        raise SplitError(f"the rows do not add up ({sizes}): raw and quarantine are not of one run; run `dvc repro`")
    ordered = {name: _members(rows, assignment, name) for name in SPLITS}
    hashes = {
        name: content_hash(*([column[row] for row in members] for column in (rows.ids, labels, texts)))
        for name, members in ordered.items()
    }
    found = warnings(counts, settings)
    report = {
        "method": settings.method,
        "seed": settings.seed,
        "near": {
            "method": "Jaccard similarity of word shingles of the normalised text, exact"
            if settings.near_duplicates < 1
            else "same normalised text",
            "threshold": settings.near_duplicates,
            "shingle_words": settings.shingle_words,
        },
        "rows": sizes,
        "labels": sorted(counts["train"]),
        "label_counts": counts,
        "sha256": hashes,
        "leakage": leakage_report(rows, assignment),
        "warnings": found,
    }
    with ExitStack() as stack:  # three separate outs of DVC, written all or none
        for name, members in ordered.items():
            _write(stack.enter_context(replacing(workspace.split(name))), members, rows, texts)
        _write_quarantine(workspace.splits / "quarantine.csv", rows, assignment, texts, settings)
        write_json(workspace.split_report, report)
    return Divided(sizes, tuple(found))


def _quarantined(file: Path) -> set[str]:
    with file.open(encoding="utf-8", newline="") as stream:
        return {record["id"] for record in csv.DictReader(stream)}


def _complete(frame: "pd.DataFrame", column: str) -> list[str]:
    missing = frame.loc[frame[column].isna(), "id"]
    if len(missing):
        raise SplitError(
            f"{len(missing)} of {len(frame)} rows have no {column} (first: {missing.min()!r}): they cannot be "
            "trained on; let `validate` quarantine them"
        )
    return [str(value) for value in frame[column]]


def _optional(column: "pd.Series[str]") -> list[str | None]:
    return [value if isinstance(value, str) else None for value in column]


def _members(rows: Rows, assignment: Assignment, name: str) -> list[int]:
    """The rows of a split in the order of their ids, so that equal splits are equal bytes."""
    members = [row for row, split in enumerate(assignment.splits) if split == name]
    return sorted(members, key=lambda row: rows.ids[row])


def _write(folder: Path, members: list[int], rows: Rows, texts: list[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"id": rows.ids, "text": texts, "label": rows.labels, "group": rows.groups}
    arrays = {name: pa.array([column[row] for row in members], pa.string()) for name, column in columns.items()}
    pq.write_table(pa.table(arrays), folder / "part-00000.parquet", compression="zstd")


def _write_quarantine(file: Path, rows: Rows, assignment: Assignment, texts: list[str], settings: Split) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", "split", "label", "reason", "text"])
    for entry in assignment.removed:
        if rows.texts[entry.row] == rows.texts[entry.because_of]:
            how = "the same text as"
        else:
            how = "near to" if entry.similarity >= settings.near_duplicates else "joined by a chain of near rows to"
        stays = f"{rows.ids[entry.because_of]} of {assignment.splits[entry.because_of]}"
        reason = f"{how} {stays} (Jaccard {entry.similarity:.3f})"
        shown = " ".join(texts[entry.row].split())[:SHOWN]
        writer.writerow([rows.ids[entry.row], entry.split, rows.labels[entry.row], reason, shown])
    partial = file.with_name(file.name + ".partial")
    partial.write_text(stream.getvalue(), encoding="utf-8")
    partial.replace(file)
