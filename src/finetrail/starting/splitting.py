"""How to divide rows, by how many there are and what is known of them; and how small is too small."""

from collections import Counter
from collections.abc import Iterator, Mapping

from finetrail.starting.shape import Choice, Seen

SMALL_TABLE, SMALL_CLASS = 200, 10
"""Rows below which results mean little."""
_RARE = 50
"""Rows of a class below which chance could leave a split without it."""


def divided(seen: Seen, group: str | None = None) -> Iterator[Choice]:
    """Choices for section `split`. Args: group: the column with groups, if there is one."""
    method = ("split", "method")
    if seen.official:
        if seen.official["test"]:
            yield Choice(method, "official", "the data has a test split of its own")
            return
        yield Choice(method, "stratified", "the data names splits, but no test split")
    elif group:
        yield Choice(method, "group", f"all rows of one {group!r} stay in one split")
    elif seen.classes and min(seen.classes.values()) < _RARE:
        yield Choice(method, "stratified", "keeps the shares of the classes, some of which are rare")


def kept(classes: Counter[str], above: tuple[str, ...] = ("validation",)) -> Iterator[Choice]:
    """Choices for the rule on rare classes, where it would stop, or leave fewer than two.

    Args:
        classes: rows of each.
        above: keys of the section that has the rule.
    """
    enough = sum(rows >= SMALL_CLASS for rows in classes.values())
    if enough == len(classes):
        return
    least, why = SMALL_CLASS, f"some classes have fewer than {SMALL_CLASS} rows"
    if enough < 2:
        least, why = 3, f"few classes have {SMALL_CLASS} rows; fewer than 3 cannot be divided"
    yield Choice((*above, "rare_label"), {"policy": "quarantine", "min_rows": least}, why)


def warnings(seen: Seen) -> Iterator[str]:
    """What is small, for people."""
    if seen.rows < SMALL_TABLE:
        yield f"note: {seen.rows} rows are few: expect wide intervals; a few hundred make results mean something"
    yield from rare_ones(seen.classes)


def rare_ones(classes: Mapping[str, int], section: str = "validation") -> Iterator[str]:
    """Which classes have few rows, for people. Args: section: that has the rule."""
    rare = [name for name, rows in classes.items() if rows < SMALL_CLASS]
    if rare:
        listed = ", ".join(map(repr, rare[:5])) + (f" and {len(rare) - 5} more" if len(rare) > 5 else "")
        yield f"note: fewer than {SMALL_CLASS} rows of {listed}: {section}.rare_label puts aside what is too rare"
