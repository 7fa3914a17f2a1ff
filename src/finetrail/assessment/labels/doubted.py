"""A row whose label is in doubt, as a report and a review show it."""

from dataclasses import dataclass

from finetrail.evaluation.report.gallery import Shown


@dataclass(frozen=True)
class Doubted:
    """A row whose label is in doubt.

    Attributes:
        shown: its content.
        label, suggestion: for people; no suggestion is empty.
        cells: label and suggestion as data/corrections.csv has them.
        quality: of the label, 0 (surely wrong) to 1.
    """

    id: str
    split: str
    shown: Shown
    label: str
    suggestion: str
    cells: tuple[str, str]
    quality: float
