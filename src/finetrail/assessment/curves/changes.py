"""A content before and after a change, side by side: texts from the first change on, with what differs marked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from finetrail.evaluation.report.gallery import EXCERPT, Shown, one_line, show
from finetrail.evaluation.report.previews import Preview

BEFORE = 60
"""Characters in front of the first change that are shown, to tell where it is."""
_WORDS = re.compile(r"\s+|\S+")


@dataclass(frozen=True)
class Side:
    """One of the two. Attributes: image: empty for a text; parts: of a text, and whether each differs."""

    image: Shown
    parts: tuple[tuple[str, bool], ...] = ()


def sides(before: Preview, after: Preview) -> tuple[Side, Side]:
    """Prepare both for a page."""
    if before.image or after.image:
        return Side(show(before)), Side(show(after))
    one, other = one_line(before.text), one_line(after.text)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    # Without the rest, which is cut anyway; but longer than what is shown, so that where it ends is no difference.
    was, became = (_WORDS.findall(_from(line, same)[: 2 * EXCERPT]) for line in (one, other))
    pieces = SequenceMatcher(None, was, became, autojunk=False).get_opcodes()
    return (
        Side(Shown(), _cut([("".join(was[low:high]), kind != "equal") for kind, low, high, _, _ in pieces])),
        Side(Shown(), _cut([("".join(became[low:high]), kind != "equal") for kind, _, _, low, high in pieces])),
    )


def _from(line: str, same: int) -> str:
    """A line from a little before the first change on. Args: same: how many characters are the same."""
    start = max(0, same - BEFORE)
    if start == 0 or len(line) <= EXCERPT:
        return line
    space = line.find(" ", start, same)
    return "…" + line[start if space < 0 else space :]


def _cut(parts: Sequence[tuple[str, bool]]) -> tuple[tuple[str, bool], ...]:
    """Parts of a text up to `EXCERPT` characters."""
    found: list[tuple[str, bool]] = []
    left = EXCERPT
    for text, differs in parts:
        if text and left > 0:
            found.append((text[:left], differs))
            left -= len(text)
    return (*found, ("…", False)) if left < 0 else tuple(found)
