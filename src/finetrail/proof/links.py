"""What a look at one link of a lineage found."""

from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["OK", "BROKEN", "UNREACHABLE"]
SHOWN = 16


@dataclass(frozen=True)
class Checked:
    """A link after it was looked at.

    Attributes:
        state: UNREACHABLE where what the link leads to is not here, so that nothing can be said of it.
        found: what was found, and where; of what is not here, why.
        expected: what should have been found; empty where it was.
        remedy: what to do about it; empty where nothing need be done.
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
    """Nothing can be said of it."""
    return Checked(name, "UNREACHABLE", why, remedy=remedy)


def compare(name: str, found: str | None, expected: str, where: str, remedy: str) -> Checked:
    """Two hashes. Args: where: the one that was found comes from."""
    if found == expected:
        return ok(name, f"{short(expected)} {where}")
    return broken(name, f"{short(found)} {where}", short(expected), remedy)


def short(sha256: str | None) -> str:
    """The beginning of a hash, for people."""
    return f"sha256 {sha256[:SHOWN]}" if sha256 else "nothing"
