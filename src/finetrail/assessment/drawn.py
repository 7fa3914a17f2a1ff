"""Answers that name places in a content, drawn on it."""

from typing import Any

from finetrail.evaluation.report.gallery import Shown
from finetrail.targets.codec import Answers, Codec, Placing
from finetrail.targets.target import Target


def drawn_beside(
    target: Target, codec: Codec, shown: Shown, label: Any, *answers: tuple[Answers, int]
) -> tuple[Shown, ...]:
    """A content with its label drawn on it, and with each answer; empty where answers name no places in it.

    Args:
        shown: the content as it is.
        answers: each with the place of its row. What the label lacks is set off.
    """
    if not isinstance(codec, Placing):
        return ()
    said = [codec.label(one, place) for one, place in answers]
    return (target.picture(label, shown), *(target.picture(one, shown, label) for one in said))
