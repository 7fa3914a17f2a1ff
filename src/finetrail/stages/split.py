"""Stage `split`: divide the rows that passed validation into train, val and test, with nothing on two sides."""

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.near.leakage import Neighbours
from finetrail.data.splitting.buckets import distribute
from finetrail.data.splitting.report import chains, content_hash, label_counts, leakage_report, refuse, warnings
from finetrail.data.splitting.settings import ImageSplit, TextSplit
from finetrail.data.splitting.splits import Assignment, Rows, assign
from finetrail.data.store.raw import Contents, read_manifest
from finetrail.errors import SplitError
from finetrail.progress import Track, quiet
from finetrail.workspace import SPLITS, Workspace, need, replacing, write_json

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Divided:
    """What `split` did. Attributes: rows: as in split.json; warnings: findings a person should read."""

    rows: dict[str, int]
    warnings: tuple[str, ...]


def split(workspace: Workspace, settings: TextSplit | ImageSplit, track: Track = quiet) -> Divided:
    """Read `data/raw` and the quarantine of `validate`; write train, val, test, split.json and quarantine.csv.

    Decided on the manifest; the contents then go from shard to shard. Nothing is written unless all of it can be.

    Raises:
        SplitError: the rows cannot be divided as asked, or do not add up.
    """
    import numpy as np

    manifest = read_manifest(workspace.raw)
    quarantined = _quarantined(need(workspace.quarantine, "validate"))
    kept = ~manifest["id"].isin(quarantined)
    frame = manifest[kept]
    for column, content in settings.needed.items():
        _refuse_missing(frame, column, content)
    _refuse_missing(frame, "label", "label")
    contents = compress(Contents(workspace.raw, settings.column), kept)
    keys = settings.keys(frame, track(contents, total=len(frame), what=f"reading {settings.column}s"))
    labels, official = frame["label"].tolist(), _optional(frame["split"])
    rows = Rows(
        ids=frame["id"].tolist(),
        keys=keys,
        labels=settings.strata.of(labels, official, settings),
        official=official,
        groups=_optional(frame["group"]),
    )
    near = settings.neighbours(frame, keys)
    assignment = assign(rows, settings, near)
    counts = label_counts(rows, assignment)
    refuse(counts, len(assignment.removed))
    settings.strata.refuse(counts, list(compress(labels, (split == "train" for split in assignment.splits))))
    sizes = {
        "ingested": len(manifest),
        "quarantined_by_validation": len(quarantined),
        "quarantined_by_split": len(assignment.removed),
        **{name: sum(counts[name].values()) for name in SPLITS},
    }
    if len(manifest) != sum(sizes.values()) - len(manifest):
        raise SplitError(f"the rows do not add up ({sizes}): raw and quarantine are not of one run; run `dvc repro`")
    found = warnings(counts, settings) + chains(rows, assignment)
    report = {
        "method": settings.method,
        "seed": settings.seed,
        "near": settings.measure,
        "rows": sizes,
        "labels": sorted(counts["train"]),
        "label_counts": counts,
        "sha256": dict(_content_hashes(frame, assignment)),
        "leakage": leakage_report(rows, assignment),
        "warnings": found,
    }
    removed = [rows.ids[entry.row] for entry in assignment.removed]
    excerpts = settings.excerpts(workspace.raw, removed)
    with ExitStack() as stack:  # three separate outs of DVC, written all or none
        folders = [stack.enter_context(replacing(workspace.split(name))) for name in SPLITS]
        lengths = manifest[settings.size].fillna(0).to_numpy(np.int64)
        places = np.full(len(manifest), -1, dtype=np.int64)
        places[np.flatnonzero(kept)] = [-1 if name is None else SPLITS.index(name) for name in assignment.splits]
        ids = manifest["id"].tolist()
        distribute(workspace.raw, settings.column, ids, sizes=lengths, splits=places, folders=folders, track=track)
        _write_quarantine(workspace.splits / "quarantine.csv", frame, assignment, near, excerpts)
        write_json(workspace.split_report, report)
    return Divided(sizes, tuple(found))


def _quarantined(file: Path) -> set[str]:
    with file.open(encoding="utf-8", newline="") as stream:
        return {record["id"] for record in csv.DictReader(stream)}


def _refuse_missing(frame: "pd.DataFrame", column: str, what: str) -> None:
    missing = frame.loc[frame[column].isna(), "id"]
    if len(missing):
        raise SplitError(
            f"{len(missing)} of {len(frame)} rows have no {what} (first: {missing.min()!r}): they cannot be "
            "trained on; let `validate` quarantine them"
        )


def _optional(column: "pd.Series[str]") -> list[str | None]:
    return [value if isinstance(value, str) else None for value in column]


def _content_hashes(frame: "pd.DataFrame", assignment: Assignment) -> Iterator[tuple[str, str]]:
    """Of each split, over its rows in the order of their ids, as they are written."""
    for name in SPLITS:
        rows = frame[[split == name for split in assignment.splits]].sort_values("id", kind="stable")
        yield name, content_hash(rows["id"].tolist(), rows["label"].tolist(), rows["sha256"].tolist())


def _write_quarantine(
    file: Path, frame: "pd.DataFrame", assignment: Assignment, near: Neighbours, excerpts: dict[str, str]
) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", "source", "row", "split", "label", "reason", "content"])
    for entry in assignment.removed:
        row, other = frame.iloc[entry.row], frame.iloc[entry.because_of]
        stays = f"{other['id']} of {assignment.splits[entry.because_of]}"
        reason = f"{near.relation(entry.row, entry.because_of)} {stays} ({near.say(entry.similarity)})"
        where: list[Any] = [row["id"], row["source"], row["row"], entry.split, row["label"]]
        writer.writerow([*where, reason, excerpts[row["id"]]])
    partial = file.with_name(file.name + ".partial")
    partial.write_text(stream.getvalue(), encoding="utf-8")
    partial.replace(file)
