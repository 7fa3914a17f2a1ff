"""Perturbations: how a content may change in the world while its label stays. No heavy imports."""

import hashlib
from dataclasses import dataclass

from finetrail.errors import ConfigError

SEVERITIES = (1, 2, 3, 4, 5)
"""How strong a perturbation may be, from hardly noticed to severe; 0 stands for none."""


@dataclass(frozen=True)
class Perturbation:
    """What a perturbation is called, and what it does.

    Attributes:
        about: a sentence for a report.
        in_place: whether everything that it keeps stays where it was, as labels that name places need.
    """

    title: str
    about: str
    in_place: bool = False


def seed_of(row: str, name: str, severity: int) -> int:
    """The seed for a row's perturbation: two models that are asked about the same row see the same bits."""
    return int.from_bytes(hashlib.sha256(f"{row}\0{name}\0{severity}".encode()).digest()[:8], "big")


def check_severity(severity: int) -> None:
    """Raise ConfigError for a severity that does not exist; 0 is none at all."""
    if severity not in (0, *SEVERITIES):
        raise ConfigError(f"severity {severity} does not exist; use 1 to 5, or 0 for no perturbation")
