"""The space of a search: a candidate as params.yaml has it, some of whose settings are open."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from finetrail.runs import dimension as recorded
from finetrail.search.dimensions import Choice, Dimension, Range, Value, parse

SECTIONS = ("backbone", "adaptation", "distillation", "train")
"""The parts of a candidate in which settings may be open."""
Parameters = dict[str, Value]
"""The values of a trial by the names of the dimensions; only of those that its choices leave in play."""


@dataclass(frozen=True)
class Space:
    """Attributes: template: the candidate, with a dimension in place of each open setting."""

    template: Mapping[str, Any] = field(hash=False)

    @classmethod
    def of(cls, candidate: Mapping[str, Any]) -> "Space":
        """Read a candidate's mapping. Raises: ValueError: a space is not one; the message names it."""
        return cls({key: _read(key, key, part) if key in SECTIONS else part for key, part in candidate.items()})

    @property
    def dimensions(self) -> list[Dimension]:
        """All of them, in the order of the file."""
        return [one for one, _ in _walk(self.template, {})]

    @property
    def recorded(self) -> list[recorded.Dimension]:
        """The dimensions for study.json."""
        return [one.recorded(when) for one, when in _walk(self.template, {})]

    @property
    def first(self) -> Parameters:
        """The first option of every choice, and the low end of every range."""
        return self.drawn(lambda dimension: dimension.ends[0])

    @property
    def corners(self) -> Iterator[Parameters]:
        """Points that together have every option and every end of a range: each dimension's in turn."""
        yield self.first
        for dimension, when in _walk(self.template, {}):
            for end in dimension.ends[1:]:
                wanted = when | {dimension.name: end}
                yield self.drawn(lambda one, wanted=wanted: wanted.get(one.name, one.ends[0]))  # type: ignore[misc]

    @property
    def size(self) -> int:
        """The number of points of its grid. Raises: ValueError: a range has no points."""
        return _size(self.template)

    @property
    def grid(self) -> Iterator[Parameters]:
        """All points of its grid. Raises: ValueError: a range has no points."""
        return _grid(self.template)

    def drawn(self, pick: Callable[[Dimension], Value]) -> Parameters:
        """Parameters, one pick for each dimension that is in play."""
        found: Parameters = {}

        def take(dimension: Dimension) -> Value:
            found[dimension.name] = value = pick(dimension)
            return value

        _fill(self.template, take)
        return found

    def at(self, parameters: Mapping[str, Value]) -> dict[str, Any]:
        """The candidate's mapping at a point.

        Raises:
            KeyError: a parameter is missing.
        """
        filled: dict[str, Any] = _fill(self.template, lambda dimension: parameters[dimension.name])
        return filled

    def point_of(self, settings: Mapping[str, str]) -> Parameters:
        """The point that gave a training its settings; where there is none, some other point.

        Args:
            settings: by dotted name, as run.json has them.
        """
        return self.drawn(lambda dimension: dimension.value_in(settings))

    def holds(self, parameters: Mapping[str, Value]) -> bool:
        """Whether a point lies in this space: every dimension in play has a legal value, and there are no others."""
        legal = True

        def pick(dimension: Dimension) -> Value:
            nonlocal legal
            value = parameters.get(dimension.name)
            if dimension.name in parameters and dimension.holds(value):
                return value
            legal = False
            return dimension.ends[0]

        return self.drawn(pick).keys() == parameters.keys() and legal


def _read(name: str, setting: str, part: Any) -> Any:
    """A part of the candidate with its dimensions."""
    if not isinstance(part, dict):
        return part
    found = parse(name, setting, part)
    if isinstance(found, Choice):
        options = {label: _read(f"{name}.{label}", setting, option) for label, option in found.options.items()}
        return Choice(name, setting, options)
    return found or {key: _read(f"{name}.{key}", f"{setting}.{key}", value) for key, value in part.items()}


def _walk(part: Any, when: Parameters) -> Iterator[tuple[Dimension, Parameters]]:
    """Every dimension, with the choices under which it is in play."""
    if isinstance(part, Range | Choice):
        yield part, when
    if isinstance(part, Choice):
        for label, option in part.options.items():
            yield from _walk(option, when | {part.name: label})
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _walk(value, when)


def _fill(part: Any, pick: Callable[[Dimension], Value]) -> Any:
    if isinstance(part, Range):
        return pick(part)
    if isinstance(part, Choice):
        return _fill(part.options[pick(part)], pick)
    if isinstance(part, Mapping):
        return {key: _fill(value, pick) for key, value in part.items()}
    return part


def _size(part: Any) -> int:
    if isinstance(part, Range):
        return len(part.grid)
    if isinstance(part, Choice):
        return sum(map(_size, part.options.values()))
    return prod(map(_size, part.values())) if isinstance(part, Mapping) else 1


def _grid(part: Any) -> Iterator[Parameters]:
    if isinstance(part, Range):
        yield from ({part.name: point} for point in part.grid)
    elif isinstance(part, Choice):
        for label, option in part.options.items():
            yield from ({part.name: label} | rest for rest in _grid(option))
    elif isinstance(part, Mapping):
        for combined in product(*(list(_grid(value)) for value in part.values())):
            yield {name: value for one in combined for name, value in one.items()}
    else:
        yield {}
