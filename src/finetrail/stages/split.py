"""Stage `split`: divide the rows that passed validation into train, val and test, with nothing in two splits."""

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.near.leakage import Neighbours
from finetrail.data.shown import for_cell
from finetrail.data.splitting.buckets import distribute
from finetrail.data.splitting.report import (
    chains,
    content_hash,
    label_counts,
    leakage_report,
    refuse,
    rows_of,
    warnings,
)
from finetrail.data.splitting.rows import Rows
from finetrail.data.splitting.settings import Split
from finetrail.data.splitting.splits import Assignment, assign
from finetrail.data.store.raw import is_null, keyed, read_manifest
from finetrail.data.store.shards import Contents, refuse_other_labels
from finetrail.data.validation.spellings import ComparedLabel
from finetrail.errors import SplitError
from finetrail.progress import Track, quiet
from finetrail.workspace import SPLITS, Workspace, need, read_json, replacing, write_json

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Divided:
    """What `split` did. Attributes: rows: as in split.json; warnings: findings a person should read."""

    rows: dict[str, int]
    warnings: tuple[str, ...]


def split(workspace: Workspace, settings: Split, target: ComparedLabel, track: Track = quiet) -> Divided:
    """Read `data/raw` and the quarantine of `validate`; write train, val, test, split.json and quarantine.csv.

    First divides the rows, then copies the contents from shard to shard. Writes the splits all or none.

    Args:
        target: knows which labels are equal, and how one is renamed; see `finetrail.targets.target.Target`.

    Raises:
        SplitError: the rows cannot be divided as asked, or do not add up.
    """
    manifest = read_manifest(workspace.raw)
    refuse_other_labels(workspace.manifest, target.arrow())
    merged = _merged(workspace)
    if merged:
        import pandas as pd

        renamed = [label if is_null(label) else target.renamed(label, merged) for label in manifest["label"]]
        manifest["label"] = pd.Series(renamed, index=manifest.index, dtype=manifest["label"].dtype)
    quarantined = _quarantined(need(workspace.quarantine, "validate"))
    kept = ~manifest["id"].isin(quarantined)
    frame = manifest[kept]
    for column, content in settings.needed.items():
        _refuse_missing(frame, column, content)
    _refuse_missing(frame, "label", "label")
    contents = track(
        compress(Contents(workspace.raw, settings.column), kept), total=len(frame), what=f"reading {settings.column}s"
    )
    keys, labels, official = settings.keys(frame, contents), frame["label"].tolist(), _optional(frame["split"])
    rows = Rows(
        ids=frame["id"].tolist(),
        keys=keys,
        labels=settings.strata.of(labels, official, settings),
        official=official,
        groups=_optional(frame["group"]),
        divide=settings.strata.divide,
    )
    near = settings.neighbours(frame, keys)
    assignment = assign(rows, settings, near)
    frame = keyed(frame, target.key)
    report = _report(rows, assignment, settings, labels) | {
        "rows": _sizes(len(manifest), len(quarantined), assignment),
        "sha256": dict(_content_hashes(frame, assignment)),
    }
    removed = [rows.ids[entry.row] for entry in assignment.removed]
    excerpts = settings.excerpts(workspace.raw, removed)
    with ExitStack() as stack:  # three separate DVC outs, written all or none
        folders = [stack.enter_context(replacing(workspace.split(name))) for name in SPLITS]
        places = _places(kept, assignment)
        sizes = manifest[settings.size].fillna(0).to_numpy("int64")
        ids = manifest["id"].tolist()
        rename = partial(target.renamed, names=merged) if merged else None
        distribute(
            workspace.raw,
            settings.column,
            ids,
            sizes=sizes,
            splits=places,
            folders=folders,
            rename=rename,
            track=track,
        )
        _write_quarantine(workspace.splits / "quarantine.csv", frame, assignment, near, excerpts)
        write_json(workspace.split_report, report)
    return Divided(report["rows"], tuple(report["warnings"]))


def _report(rows: Rows, assignment: Assignment, settings: Split, labels: list[Any]) -> dict[str, Any]:
    """The part of split.json about the division. Raises: SplitError: it is unfit for training or scoring."""
    counts = label_counts(rows, assignment)
    refuse(assignment, settings)
    settings.strata.refuse(counts, list(compress(labels, (split == "train" for split in assignment.splits))))
    return {
        "method": settings.method,
        "seed": settings.seed,
        "near": settings.measure,
        "labels": sorted(counts["train"]),
        "label_counts": counts,
        "leakage": leakage_report(rows, assignment),
        "warnings": warnings(counts, rows_of(assignment), settings) + chains(rows, assignment),
    }


def _sizes(ingested: int, quarantined: int, assignment: Assignment) -> dict[str, int]:
    """Row counts by where the rows went. Raises: SplitError: they do not add up."""
    aside = {"quarantined_by_validation": quarantined, "quarantined_by_split": len(assignment.removed)}
    sizes = {"ingested": ingested, **aside, **rows_of(assignment)}
    if ingested != sum(sizes.values()) - ingested:
        raise SplitError(
            f"the rows do not add up ({sizes}): raw and quarantine come from different runs; run `dvc repro`"
        )
    return sizes


def _places(kept: "pd.Series[bool]", assignment: Assignment) -> "NDArray[np.int64]":
    """The number of the split of each row of the manifest, -1 for none."""
    import numpy as np

    places = np.full(len(kept), -1, dtype=np.int64)
    places[np.flatnonzero(kept)] = [-1 if name is None else SPLITS.index(name) for name in assignment.splits]
    return places


def _merged(workspace: Workspace) -> dict[str, str]:
    """The names of classes that `validate` takes as another one."""
    found: dict[str, str] = read_json(workspace.spellings)["merged"] if workspace.spellings.exists() else {}
    return found


def _quarantined(file: Path) -> set[str]:
    with file.open(encoding="utf-8", newline="") as stream:
        return {record["id"] for record in csv.DictReader(stream)}


def _refuse_missing(frame: "pd.DataFrame", column: str, what: str) -> None:
    if column not in frame:
        raise SplitError(f"data/raw has no column {column!r}, so it is of another task; run `dvc repro`")
    missing = frame.loc[frame[column].isna(), "id"]
    if len(missing):
        raise SplitError(
            f"{len(missing)} of {len(frame)} rows have no {what} (first: {missing.min()!r}): they cannot be "
            "trained on; let `validate` quarantine them"
        )


def _optional(column: "pd.Series[str]") -> list[str | None]:
    return [value if isinstance(value, str) else None for value in column]


def _content_hashes(frame: "pd.DataFrame", assignment: Assignment) -> Iterator[tuple[str, str]]:
    """The hash of each split, over its rows in the order of their ids, as they are written."""
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
        writer.writerow(map(for_cell, [*where, reason, excerpts[row["id"]]]))
    unfinished = file.with_name(file.name + ".partial")
    unfinished.write_text(stream.getvalue(), encoding="utf-8")
    unfinished.replace(file)
