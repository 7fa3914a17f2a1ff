"""Keep the shares of all classes at once where a row has several: iterative stratification.

Sechidis, Tsoumakas & Vlahavas, On the Stratification of Multi-Label Data (2011): the rarest class goes first, because
later rows could not mend its division, and each of its rows goes to the share that lacks that class most.

Four things are added to the paper:

- Rows that must stay together form a unit and move as one.
- A share is full when it has its rows. In the paper's method many rare classes can change its size.
- Each share wants a row of each class that has enough of them, so that a rare class can be learned and scored. If
  one has none at the end, two units swap places.
- Rows without any class are treated as a class of their own.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

REST = ""
"""The share that gets what no named share gets."""
_NO_CLASS = ""  # no class has an empty name: `reading` refuses it


def divide(
    units: Sequence[Sequence[int]],
    labels: Sequence[tuple[str, ...]],
    shares: Mapping[str, float],
    draw: Callable[[Sequence[int]], float],
) -> list[str]:
    """Divide rows so that each share gets its part of the rows and of each class.

    With units of one row, sizes are exact to one row, or to two if there are so few rows that a share would be empty.
    With units of up to s rows, a named share gets at most s rows too many. `REST` gets the first unit of a class, then
    each share in its order. In random trials (there is no proof), each share with as many rows as there are classes got
    every class with at least twice as many units of one row as there are shares, `REST` included.

    Args:
        units: row numbers that stay together; each row is in one unit.
        labels: the classes of each row, each class once.
        shares: the part of each named share, more than 0, less than 1 in all; the rest is `REST`.
        draw: a number for a unit, different for each, that does not depend on the order of the rows.

    Returns:
        The name of the share of each unit.
    """
    made = [
        _Unit(at, len(unit), Counter(name for row in unit for name in labels[row] or (_NO_CLASS,)), draw(unit))
        for at, unit in enumerate(units)
    ]
    division = _Division(made, shares)
    while division.waiting:
        division.put_all(min(division.waiting, key=division.rarity))
    for name, share in division.lacking():
        division.swap_in(name, share)
    return [division.chosen[at] for at in range(len(made))]


@dataclass(frozen=True)
class _Unit:
    """Rows that stay together.

    Attributes:
        at: its place in the argument `units`.
        rows: how many.
        classes: how many rows have each class.
        draw: breaks ties between units.
    """

    at: int
    rows: int
    classes: Counter[str]
    draw: float


class _Division:
    """Which unit is in which share, and what each share still wants.

    Attributes:
        chosen: the share of each unit that has one, by its place.
        having: the units with each class.
        waiting: how many rows of a class are in no share yet, for each class that has any.
    """

    def __init__(self, units: Sequence[_Unit], shares: Mapping[str, float]) -> None:
        self.chosen: dict[int, str] = {}
        self.having: dict[str, list[_Unit]] = {}
        self.waiting: dict[str, int] = {}
        for unit in units:
            for name, rows in unit.classes.items():
                self.having.setdefault(name, []).append(unit)
                self.waiting[name] = self.waiting.get(name, 0) + rows
        self._units = units
        self._rows = dict(self.waiting)
        # How many units a class must have before each share wants one.
        self._places = {share: place for place, share in enumerate((REST, *shares), start=1)}
        rows_in_all = sum(unit.rows for unit in units)
        named = {share: int(part * rows_in_all + 0.5) for share, part in shares.items()}
        self._room = {REST: rows_in_all - sum(named.values()), **named}
        self._missing = {name: self._wanted(name, shares) for name in self.having}
        self._held = {share: Counter[str]() for share in self._places}

    def _wanted(self, name: str, shares: Mapping[str, float]) -> dict[str, float]:
        """How many rows of a class each share should get: its part, and at least one if there are enough units."""
        rows = self._rows[name]
        named = {share: max(part * rows, float(self._wants(name, share))) for share, part in shares.items()}
        return {REST: max(1.0, rows - sum(named.values())), **named}

    def _wants(self, name: str, share: str) -> bool:
        """Whether a share should get at least one row of a class."""
        return name != _NO_CLASS and len(self.having[name]) >= self._places[share]

    def rarity(self, name: str) -> tuple[int, str]:
        """Order classes: the one with the fewest waiting rows first, equals by name."""
        return self.waiting.get(name, 0), name

    def put_all(self, name: str) -> None:
        """Give each waiting unit with a class to a share: the large ones first, while there is room for them."""
        left = [unit for unit in self.having[name] if unit.at not in self.chosen]
        for unit in sorted(left, key=lambda unit: (-unit.classes[name], -unit.rows, unit.draw)):
            share = self._best(unit)
            self._room[share] -= unit.rows
            self._take(unit, share)
            for each, rows in unit.classes.items():
                self._missing[each][share] -= rows
                self.waiting[each] -= rows
                if not self.waiting[each]:
                    del self.waiting[each]

    def _best(self, unit: _Unit) -> str:
        """The share with room for a unit that lacks its rarest class most; ties go by its next class, and so on."""
        fitting = [share for share, room in self._room.items() if room >= unit.rows]
        empty = [share for share, place in self._places.items() if place <= len(self._units) and not self._held[share]]
        if len(self._units) - len(self.chosen) <= len(empty):
            fitting = empty  # the last units go to empty shares
        elif not fitting:
            return max(self._room, key=lambda share: self._room[share])
        order = sorted(unit.classes, key=self.rarity)
        # Rounded, so that a difference in the last digit decides nothing.
        missing = {share: [round(self._missing[name][share], 9) for name in order] for share in fitting}
        return max(fitting, key=lambda share: (missing[share], self._room[share]))

    def _take(self, unit: _Unit, share: str) -> None:
        self.chosen[unit.at] = share
        self._held[share].update(unit.classes)

    def lacking(self) -> Iterator[tuple[str, str]]:
        """Each class, the rarest first, with each share that wants it but has none after the swaps so far."""
        for name in sorted(self.having, key=lambda name: (self._rows[name], name)):
            for share in self._places:
                if self._wants(name, share) and not self._held[share][name]:
                    yield name, share

    def swap_in(self, name: str, share: str) -> None:
        """Swap a unit with a class into a share for one of equal size, so that no share loses a class that it wants.

        Units with few classes go first: they change the least.
        """

        def ordered(units: Sequence[_Unit]) -> list[tuple[_Unit, set[str]]]:
            return [(one, self._only(one)) for one in sorted(units, key=lambda one: (len(one.classes), one.draw))]

        inside = ordered([unit for unit in self._units if self.chosen[unit.at] == share])
        for one, needed in ordered(self.having[name]):
            for other, needed_here in inside:
                if one.rows == other.rows and needed <= other.classes.keys() and needed_here <= one.classes.keys():
                    there = self.chosen[one.at]
                    self._held[there].subtract(one.classes)
                    self._held[share].subtract(other.classes)
                    self._take(one, share)
                    self._take(other, there)
                    return

    def _only(self, unit: _Unit) -> set[str]:
        """The classes that its share wants and has from this unit alone."""
        share = self.chosen[unit.at]
        return {
            name for name, rows in unit.classes.items() if self._held[share][name] == rows and self._wants(name, share)
        }
