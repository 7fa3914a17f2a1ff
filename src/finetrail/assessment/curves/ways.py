"""The words of an assessment that changes contents: it names columns, keys and axes with them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ways:
    """What an assessment calls the ways in which contents are changed, and how strongly.

    Attributes:
        way: the column of the table of answers that names one, such as `perturbation`; empty for contents as they are.
        strength: the column that says how strongly; 0 for contents as they are.
        ways, strengths: the same in the plural, for the keys of a JSON file.
    """

    way: str
    ways: str
    strength: str
    strengths: str


@dataclass(frozen=True)
class About:
    """What a report says of one way. Attributes: axis: the title of the axis of its strength."""

    title: str
    about: str
    axis: str
