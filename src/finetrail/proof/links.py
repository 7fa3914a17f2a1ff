"""The result of checking one link of a lineage."""

from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["OK", "BROKEN", "UNREACHABLE"]
SHOWN = 16


@dataclass(frozen=True)
class Checked:
    """A link that was checked.

    Attributes:
        state: UNREACHABLE if the link's target is not here, so it cannot be checked.
        found: what was found, and where; if nothing is here, why.
        expected: what should have been found; empty if it was.
        remedy: what to do about it; empty if there is nothing to do.
    """

    name: str
    state: State
    found: str
    expected: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """The entry of the file that --json names."""
        return asdict(self)

    @property
    def line(self) -> str:
        """For people."""
        rest = [f"expected {self.expected}" if self.expected else "", self.remedy]
        return "; ".join([f"{self.state:<11}  {self.name}: {self.found}", *(part for part in rest if part)])


def ok(name: str, found: str) -> Checked:
    """It holds."""
    return Checked(name, "OK", found)


def broken(name: str, found: str, expected: str, remedy: str) -> Checked:
    """It does not hold."""
    return Checked(name, "BROKEN", found, expected, remedy)


def unreachable(name: str, why: str, remedy: str) -> Checked:
    """It cannot be checked."""
    return Checked(name, "UNREACHABLE", why, remedy=remedy)


def compare(name: str, found: str | None, expected: str, where: str, remedy: str) -> Checked:
    """Compare two hashes. Args: where: the place of the found one."""
    if found == expected:
        return ok(name, f"{short(expected)} {where}")
    return broken(name, f"{short(found)} {where}", short(expected), remedy)


def short(sha256: str | None) -> str:
    """The beginning of a hash, for people."""
    return f"sha256 {sha256[:SHOWN]}" if sha256 else "nothing"
