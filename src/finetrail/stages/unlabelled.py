"""Stage `unlabelled`: bring rows without labels into shards, without what cannot be used and what is labelled too.

Nothing here knows which labelled rows are test rows: a row that is near to any labelled one is left out.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, compress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from finetrail.data.shown import for_cell
from finetrail.data.sources.place import Source
from finetrail.data.sources.unlabelled import Reading
from finetrail.data.sources.without_labels import WithoutLabels
from finetrail.data.splitting.buckets import distribute
from finetrail.data.splitting.settings import Split
from finetrail.data.store.content import Absent
from finetrail.data.store.raw import Row, read_manifest, smallest_hashes, write_rows
from finetrail.data.store.shards import Contents
from finetrail.data.validation.expectations import inspect
from finetrail.data.validation.findings import Finding
from finetrail.data.validation.rules import CommonRules, label_rules, repetition_rules
from finetrail.errors import ValidationError
from finetrail.progress import Track, quiet
from finetrail.workspace import Workspace, need, replacing, write_json

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.contents.content import Content

LABELLED, REPEATED = "near to a labelled row", "repeats an earlier row"
_COLUMNS = ("id", "source", "row", "reason", "content")


@dataclass(frozen=True)
class Kept:
    """What `unlabelled` did with a set. Attributes: aside: rows by why they are left out. ingested, kept: rows."""

    ingested: int
    kept: int
    aside: dict[str, int]


@dataclass(frozen=True)
class Checking:
    """How rows are read and judged: as the labelled ones. Attributes: the sections of params.yaml."""

    content: "Content"
    source: Source
    rules: CommonRules
    split: Split


def unlabelled(
    workspace: Workspace, name: str, settings: WithoutLabels, checking: Checking, track: Track = quiet
) -> Kept:
    """Write `data/unlabelled/NAME`: shards, unlabelled.json and quarantine.csv.

    Reads the set, `data/raw` and the quarantine of `validate`.

    Raises:
        SourceError: the file is missing or cannot be read, or lacks a column.
        ValidationError: a rule of policy `fail` found rows, or none is left.
    """
    rows = _Rows(workspace.root, settings, checking, track)
    source, column = checking.source, checking.split.column
    workspace.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workspace.scratch) as scratch:
        raw = Path(scratch)
        limited = rows if settings.limit is None else smallest_hashes(rows, {"all": settings.limit})
        write_rows(limited, raw, source.content, source.labels)
        manifest = read_manifest(raw)
        why = _unusable(manifest, checking.rules, name)
        why |= _too_near(workspace, raw, manifest, checking.split, left_out=set(why), track=track)
        kept = ~manifest["id"].isin([*why])
        if not kept.any():
            raise ValidationError(_none_left(name, why))
        with replacing(workspace.unlabelled(name)) as folder:
            distribute(
                raw,
                column,
                manifest["id"].tolist(),
                sizes=manifest[checking.split.size].fillna(0).to_numpy("int64"),
                splits=kept.to_numpy().astype("int64") - 1,
                folders=[folder],
                track=track,
            )
            excerpts = checking.rules.excerpts(raw, manifest, set(why)) if why else {}
            _write_quarantine(folder / "quarantine.csv", manifest, why, excerpts)
            done = Kept(len(manifest), int(kept.sum()), _counted(why))
            write_json(folder / "unlabelled.json", asdict(done))
    return done


@dataclass(frozen=True)
class _Rows:
    """The rows of a set, read again on each iteration."""

    root: Path
    settings: WithoutLabels
    checking: Checking
    track: Track

    def __iter__(self) -> Iterator[Row]:
        path, source = self.root / self.settings.path, self.checking.source
        found = self.checking.content.unlabelled(path, source.columns.contents, source, Reading(self.settings.csv))
        for one in self.track(found, total=None, what="reading rows"):
            held: Any = Absent(one.problem) if one.problem else one.content
            yield Row(next(iter(one.given.values())) if path.is_dir() else path.name, one.row, held, None)


def _unusable(manifest: "pd.DataFrame", rules: CommonRules, name: str) -> dict[str, str]:
    """Why rows cannot be used, by id: what the rules about contents say, not those about labels."""
    about_labels = (*label_rules(rules), *repetition_rules(rules, rules.content_key), *rules.rules_of_all())
    theirs = {rule.name for rule in about_labels}
    findings = [one for one in inspect(manifest, rules).findings if one.rule.name not in theirs]
    _refuse(name, findings)
    return {row: one.rule.name for one in reversed(findings) if one.rule.puts_aside for row in one.ids}


def _refuse(name: str, findings: Sequence[Finding]) -> None:
    for one in findings:
        if one.failed:
            raise ValidationError(
                f"unlabelled.{name}: rule {one.rule.name}: {one.said}; {one.rule.remedy}, or set "
                f"validation.{one.rule.name}.policy to quarantine"
            )


def _too_near(
    workspace: Workspace, raw: Path, manifest: "pd.DataFrame", split: Split, *, left_out: set[str], track: Track
) -> dict[str, str]:
    """Why rows that can be used are left out, by id."""
    import pandas as pd

    known = read_manifest(workspace.raw)
    aside = pd.read_csv(need(workspace.quarantine, "validate"), dtype=str, usecols=["id"])["id"]
    usable, own = ~known["id"].isin(aside), ~manifest["id"].isin(left_out)
    frame = pd.concat([known[usable], manifest[own]], ignore_index=True)
    contents = chain(
        compress(Contents(workspace.raw, split.column), usable), compress(Contents(raw, split.column), own)
    )
    keys = split.keys(frame, track(contents, total=len(frame), what=f"comparing {split.column}s"))
    clusters = split.neighbours(frame, keys).clusters().tolist()
    count = int(usable.sum())
    labelled, seen, found = set(clusters[:count]), set(), {}
    for row, key, cluster in zip(manifest.loc[own, "id"], keys[count:], clusters[count:], strict=True):
        if cluster in labelled:
            found[row] = LABELLED
        elif key in seen:
            found[row] = REPEATED
        seen.add(key)
    return found


def _counted(why: dict[str, str]) -> dict[str, int]:
    return dict(sorted(Counter(why.values()).items()))


def _none_left(name: str, why: dict[str, str]) -> str:
    counts = ", ".join(f"{count} {reason}" for reason, count in _counted(why).items())
    return f"unlabelled.{name}: no row is left ({counts or 'there was none'}); give it other rows, or remove the set"


def _write_quarantine(file: Path, manifest: "pd.DataFrame", why: dict[str, str], excerpts: dict[str, str]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in manifest[manifest["id"].isin([*why])].itertuples():
            told = [row.id, row.source, row.row, why[str(row.id)], excerpts.get(str(row.id), "")]
            writer.writerow(map(for_cell, told))
