"""A candidate that may leave settings open."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ModelWrapValidatorHandler, PrivateAttr, model_validator

from finetrail.search.dimensions import Value
from finetrail.search.settings import LARGEST_GRID, Search
from finetrail.search.space import Space
from finetrail.training.candidate import Candidate


class Searched(Candidate):
    """A candidate; with `search`, it is the first point of its space until a study has chosen another.

    Attributes:
        search: how to find values for what is open; null: nothing is.
    """

    search: Search | None = None
    _space: Space = PrivateAttr(default_factory=lambda: Space({}))

    @property
    def space(self) -> Space:
        """What is open."""
        return self._space

    @property
    def points(self) -> list[Self]:
        """Candidates with nothing open that together have every option and every end of a range."""
        return [self.at(corner) for corner in self._space.corners] if self.search else [self]

    def at(self, parameters: Mapping[str, Value]) -> Self:
        """The candidate at a point of its space, with nothing open."""
        return type(self).model_validate(self._space.at(parameters) | {"search": None})

    @model_validator(mode="wrap")
    @classmethod
    def _open(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Check every end of every range and every option before anything runs."""
        if not isinstance(given, dict):
            return handler(given)
        space = Space.of(given)
        made = handler(space.at(space.first))
        if made.search is None:
            if space.dimensions:
                name = space.dimensions[0].name
                raise ValueError(f"{name} is open, but nothing searches; add `search: {{}}`, or give it one value")
            return made
        _check(space, made, made.search)
        for corner in space.corners:
            handler(space.at(corner))
        made._space = space
        return made


def _check(space: Space, candidate: Searched, search: Search) -> None:
    """What single points cannot show."""
    ranges = [one for one in space.dimensions if one.kind != "choice"]
    if not space.dimensions:
        raise ValueError(
            "search has nothing to search; open a setting, as in train.learning_rate: {log: [1e-5, 1e-3]}, or remove it"
        )
    if candidate.train.processes > 1:
        raise ValueError(
            f"train.processes is {candidate.train.processes}, but a search works on several trials at once instead; "
            "set it to 1, and search.processes"
        )
    if search.nested and candidate.distillation is not None:
        raise ValueError(
            "search.nested scores each choice on rows that it did not see, but the teacher may have learnt their "
            "labels; remove search.nested, or distillation"
        )
    if search.sampler == "cmaes" and len(ranges) < 2:
        raise ValueError(f"cmaes searches two ranges or more, and there are {len(ranges)}; set search.sampler to tpe")
    if search.sampler == "grid" and space.size > LARGEST_GRID:
        raise ValueError(
            f"the grid has {space.size:,} points, more than {LARGEST_GRID:,}; open fewer settings, or set "
            "search.sampler to tpe"
        )
