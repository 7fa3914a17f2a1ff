"""Perturbations: how a content may change in the world while its label stays. No heavy imports."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from finetrail.contents.content import Content

SEVERITIES = (1, 2, 3, 4, 5)
"""How strong a perturbation may be, from hardly noticed to severe; 0 stands for none."""


@dataclass(frozen=True)
class Perturbation:
    """What a perturbation is called, and what it does.

    Attributes:
        about: a sentence for a report.
        in_place: whether everything that it keeps stays where it was, as labels that name places need.
        mirrored: whether left and right trade places, and nothing else moves: answers can be mirrored back.
    """

    title: str
    about: str
    in_place: bool = False
    mirrored: bool = False


def seed_of(row: str, name: str, severity: int) -> int:
    """The seed for a row's perturbation: two models that are asked about the same row see the same bits."""
    return int.from_bytes(hashlib.sha256(f"{row}\0{name}\0{severity}".encode()).digest()[:8], "big")


def perturbed(content: "Content", name: str, severity: int, values: Mapping[str, Any]) -> list[Any]:
    """The contents of rows, perturbed as every model sees them. Args: values: by the ids of the rows."""
    return [content.perturb(name, value, severity, seed_of(row, name, severity)) for row, value in values.items()]


def check_names(what: str, names: Sequence[str], offered: Collection[str], refused: Collection[str]) -> None:
    """Check what params.yaml names.

    Args:
        what: the key that names them.
        offered: those that the task has; refused: those that its labels would not survive.

    Raises:
        ValueError: one is not offered, or stands there twice.
    """
    for name in names:
        if name in refused:
            raise ValueError(
                f"{what} {name!r} moves what the labels of this task name the places of; use some of "
                f"{', '.join(offered)}"
            )
        if name not in offered:
            raise ValueError(f"{what} {name!r} does not exist; use some of {', '.join(offered)}")
    check_once(what, names)


def check_once(what: str, named: Sequence[object]) -> None:
    """Raise ValueError where something is named twice."""
    if len(set(named)) < len(named):
        raise ValueError(f"{what} names something twice; name each once")


def check_severity(severity: int) -> None:
    """Raise ConfigError for a severity that does not exist; 0 is none at all."""
    if severity not in (0, *SEVERITIES):
        raise ConfigError(f"severity {severity} does not exist; use 1 to 5, or 0 for no perturbation")
