"""Which row goes to train, val or test: four methods that ignore the order of the rows.

A unit stays together: rows that are the same or near (see `leakage`); for `group` and `hash`, the rows of one group
with everything near them.

- `official`: the source's test split stays whole; rows of train and val near it are removed, and rows of train near
  val. Without an official val, val is carved out of train by stratum.
- `stratified`: val and test get their shares of each stratum (a class, or a bin of numbers), exact to the row if units
  of one row allow it.
- `group`: like `stratified`, but with whole groups and across all labels.
- `hash`: see `_hash`; a row stays where it is when others are added or removed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from finetrail.data.near.leakage import Neighbours, units_of
from finetrail.data.splitting.rows import Division, Rows
from finetrail.data.splitting.shares import divided, draw
from finetrail.errors import SplitError

COMPARED = 50  # rows of a cluster to compare a removed row with, to name the most similar


@dataclass(frozen=True)
class Removed:
    """A row removed for leakage. Attributes: split: its official one; because_of: the most similar row that stays."""

    row: int
    split: str
    because_of: int
    similarity: float


@dataclass(frozen=True)
class Assignment:
    """The result. Attributes: splits: of each row, None if removed; clusters: a number per row, equal for near rows."""

    splits: list[str | None]
    removed: list[Removed]
    clusters: list[int]


def assign(rows: Rows, settings: Division, near: Neighbours) -> Assignment:
    """Divide the rows, then search the result for leaks.

    Args:
        near: which rows are the same or near, by index.

    Raises:
        SplitError: the rows lack what the method needs, or rows that are the same or near ended up in different splits.
    """
    _check_columns(rows, settings)
    clusters: list[int] = near.clusters().tolist()
    removed: list[Removed] = []
    splits: list[str | None]
    if settings.method == "official":
        splits, removed = _official(rows, clusters, settings, near)
    else:
        whole = settings.method in ("group", "hash")
        units = units_of(clusters, rows.groups if whole else [None] * len(clusters))
        if settings.method == "hash":
            splits = _hash(rows, units, settings)
        else:
            splits = _shares(rows, units, settings, by_label=settings.method == "stratified")
    leak = near.crossing(splits)
    if leak:
        pair = [(rows.ids[row], splits[row]) for row in (leak.first, leak.second)]
        raise SplitError(
            f"rows {pair[0]} and {pair[1]} are near duplicates ({near.say(leak.similarity)}) in different splits: "
            "this is a bug in finetrail, nothing was written; please report it"
        )
    return Assignment(splits, removed, clusters)


def _check_columns(rows: Rows, settings: Division) -> None:
    if not rows.ids:
        raise SplitError("0 rows are left to split: every split needs rows; see the quarantine of `finetrail validate`")
    if settings.method == "group":
        _refuse_missing(rows.ids, rows.groups, "group", "name the column of groups in `source:`, or use `stratified`")
    if settings.method == "official":
        counts = Counter(rows.official)
        if not counts["test"] and not settings.untested:
            found = dict(sorted((str(name), n) for name, n in counts.items() if name)) or "no official split"
            remedy = "name the column or file of the test rows in `source:`, or use `stratified`"
            raise SplitError(f"split method 'official' needs a test split in the source, which has {found}: {remedy}")
        _refuse_missing(
            rows.ids, rows.official, "official split", "give each row train, val or test, or use `stratified`"
        )


def _refuse_missing(ids: Sequence[str], values: Sequence[str | None], what: str, remedy: str) -> None:
    missing = sorted(row for row, value in zip(ids, values, strict=True) if value is None)
    if missing:
        raise SplitError(f"{len(missing)} of {len(ids)} rows have no {what} (first: {missing[0]!r}): {remedy}")


def _hash(rows: Rows, units: list[list[int]], settings: Division) -> list[str | None]:
    """Draw a number for every row from its group, or else from its content; a unit takes the highest of its rows.

    The lowest numbers go to test, then val, then train. So a row's split depends only on its unit and the settings.
    When rows are added it can only move in the direction test -> val -> train, and only because a near duplicate
    joined its unit: a row that was trained on is never in a later test. Some moves are unavoidable: when two near rows
    meet that belong to different splits on their own, they cannot both stay.
    """
    splits: list[str | None] = [None] * len(rows.ids)
    for unit in units:
        drawn = max(
            draw(settings.seed, "text" if group is None else "group", rows.keys[row] if group is None else group)
            for row in unit
            for group in [rows.groups[row]]
        )
        name = "test" if drawn < settings.test else "val" if drawn < settings.test + settings.val else "train"
        for row in unit:
            splits[row] = name
    return splits


def _shares(rows: Rows, units: list[list[int]], settings: Division, by_label: bool) -> list[str | None]:
    splits: list[str | None] = ["train"] * len(rows.ids)
    shares = {"test": settings.test, "val": settings.val}
    for row, name in divided(rows, units, shares, settings.seed, by_label):
        splits[row] = name
    return splits


def _official(
    rows: Rows, clusters: list[int], settings: Division, near: Neighbours
) -> tuple[list[str | None], list[Removed]]:
    splits: list[str | None] = list(rows.official)
    removed: list[Removed] = []
    for winner, losers in (("test", ("train", "val")), ("val", ("train",))):
        kept = _members(clusters, sorted(_rows_in(splits, winner), key=lambda row: rows.ids[row]))
        for loser in losers:
            for row in _rows_in(splits, loser):
                if clusters[row] in kept:
                    nearest, similar = _most_similar(rows, row, kept[clusters[row]], near)
                    removed.append(Removed(row, loser, nearest, similar))
                    splits[row] = None
    if "val" not in rows.official:
        units = _members(clusters, _rows_in(splits, "train")).values()
        for row, name in divided(rows, units, {"val": settings.val}, settings.seed, by_label=True):
            splits[row] = name
    return splits, sorted(removed, key=lambda entry: rows.ids[entry.row])


def _rows_in(splits: list[str | None], name: str) -> list[int]:
    return [row for row, split in enumerate(splits) if split == name]


def _members(clusters: list[int], rows: Iterable[int]) -> dict[int, list[int]]:
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row in rows:
        members[clusters[row]].append(row)
    return dict(members)


def _most_similar(rows: Rows, row: int, kept: list[int], near: Neighbours) -> tuple[int, float]:
    same = [other for other in kept if rows.keys[other] == rows.keys[row]][:1] or kept[:COMPARED]
    similar = {other: near.similarity(row, other) for other in same}
    nearest = max(similar, key=lambda other: similar[other])  # the first among equals; `kept` is in order of id
    return nearest, similar[nearest]
