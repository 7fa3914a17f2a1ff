"""What is reported about a split: errors if nobody could train or score on it, warnings, and split.json."""

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from finetrail.data.splitting.rows import Division, Rows
from finetrail.data.splitting.splits import Assignment
from finetrail.errors import SplitError
from finetrail.workspace import SPLITS

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGE_CHAIN = 0.05  # of all rows


def label_counts(rows: Rows, assignment: Assignment) -> dict[str, dict[str, int]]:
    """Count the rows of each stratum (a class, or a bin of numbers) in each split: {split: {label: n}}; 0 if absent."""
    placed = [(split, label) for split, strata in zip(assignment.splits, rows.labels, strict=True) for label in strata]
    labels = sorted({label for split, label in placed if split})
    counts = Counter(placed)
    return {split: {label: counts[split, label] for label in labels} for split in SPLITS}


def inline(counts: dict[str, int]) -> str:
    """Counts by name, for a message."""
    return ", ".join(f"{name} {n}" for name, n in counts.items())


def rows_of(assignment: Assignment) -> dict[str, int]:
    """Count the rows of each split."""
    return {split: assignment.splits.count(split) for split in SPLITS}


def refuse(assignment: Assignment, settings: Division) -> None:
    """Raise SplitError if a split has no rows; the test split may have none where the settings say so."""
    sizes, removed = rows_of(assignment), len(assignment.removed)
    for split in SPLITS:
        if not sizes[split] and not (split == "test" and settings.untested):
            raise SplitError(
                f"split {split!r} is empty ({inline(sizes)}, {removed} removed as near duplicates): every split needs "
                "rows; add rows, or change the shares, the method or near_duplicates in `split:`"
            )


def warnings(counts: dict[str, dict[str, int]], sizes: dict[str, int], settings: Division) -> list[str]:
    """Return what a person should know before trusting the scores, one sentence each.

    Args:
        counts: from `label_counts`; sizes: from `rows_of`.
    """
    found = []
    scored = ("val",) if settings.untested and not sizes["test"] else ("val", "test")
    for label in counts["train"]:
        missing = [split for split in scored if not counts[split][label]]
        if missing:
            rows = sum(counts[split][label] for split in SPLITS)
            found.append(f"label {label!r} ({rows} rows) is not in {' and '.join(missing)}: it is not scored there")
    if settings.method == "official":
        return found
    for split, asked in (("test", settings.test), ("val", settings.val)):
        total = sum(sizes.values())
        if abs(sizes[split] - asked * total) > max(len(counts[split]), asked * total / 4):  # beyond rounding by label
            why = "large groups and groups of near duplicates stay together"
            if settings.method == "hash":
                why += ", and a share is met only by chance"
            found.append(f"{split} holds {sizes[split] / total:.3f} of the rows instead of {asked:g}: {why}")
    return found


def chains(rows: Rows, assignment: Assignment) -> list[str]:
    """Return a warning if a chain of near rows is so long that it is a kind of content, not repetitions."""
    if not assignment.clusters:
        return []
    cluster, size = Counter(assignment.clusters).most_common(1)[0]
    contents = {key for key, number in zip(rows.keys, assignment.clusters, strict=True) if number == cluster}
    if size < len(rows.ids) * LARGE_CHAIN or len(contents) < 3:
        return []
    return [
        (
            f"a chain of near duplicates joins {size} of {len(rows.ids)} rows, which stay together: if they are not "
            "all the same, make split.near_duplicates stricter"
        )
    ]


def content_hash(ids: "Sequence[str]", labels: "Sequence[str]", contents: "Sequence[str]") -> str:
    """The sha256 of ids, labels and content hashes, in order: equal for equal splits, whatever Parquet does."""
    digest = hashlib.sha256()
    for row in zip(ids, labels, contents, strict=True):
        for value in row:
            data = value.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def leakage_report(rows: Rows, assignment: Assignment) -> dict[str, Any]:
    """The findings about rows that are the same or near.

    Returns:
        exact_groups: contents of more than one row; near_pairs: links between different contents that join the near
        groups (a group of k contents counts k-1); near_groups: groups of more than one content; mixed_label_groups:
        groups, exact or near, with more than one label (for numbers: bin); removed: rows taken out, each with the row
        that stays.
    """
    contents: dict[int, set[str]] = {}
    labels: dict[int, set[tuple[str, ...]]] = {}
    for cluster, key, label in zip(assignment.clusters, rows.keys, rows.labels, strict=True):
        contents.setdefault(cluster, set()).add(key)
        labels.setdefault(cluster, set()).add(label)
    return {
        "exact_groups": sum(n > 1 for n in Counter(rows.keys).values()),
        "near_pairs": sum(len(group) - 1 for group in contents.values()),
        "near_groups": sum(len(group) > 1 for group in contents.values()),
        "mixed_label_groups": sum(len(group) > 1 for group in labels.values()),
        "removed": [
            {
                "id": rows.ids[entry.row],
                "split": entry.split,
                "because_of": rows.ids[entry.because_of],
                "because_split": assignment.splits[entry.because_of],
                "similarity": round(entry.similarity, 4),
            }
            for entry in assignment.removed
        ],
    }
