"""A row whose label is in doubt, as a report and a review show it."""

from dataclasses import dataclass
from typing import Any

from finetrail.evaluation.report.gallery import Shown
from finetrail.targets.target import Target


@dataclass(frozen=True)
class Doubted:
    """A row whose label is in doubt.

    Attributes:
        shown: its content.
        drawn: its content with the label drawn on it, and with the suggestion if there is one; empty where labels
            name no places in it.
        label, suggestion: for people; no suggestion is empty.
        cells: label and suggestion as data/corrections.csv has them.
        quality: of the label, 0 (surely wrong) to 1.
    """

    id: str
    split: str
    shown: Shown
    drawn: tuple[Shown, ...]
    label: str
    suggestion: str
    cells: tuple[str, str]
    quality: float


def both_drawn(target: Target, shown: Shown, label: Any, suggestion: Any) -> tuple[Shown, ...]:
    """`Doubted.drawn`. Args: suggestion: None for none."""
    if shown.size == (0, 0):
        return ()
    one = target.picture(label, shown, suggestion)
    return (one,) if suggestion is None else (one, target.picture(suggestion, shown, label))
