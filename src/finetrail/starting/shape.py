"""A shape of data: how it is recognised, and what it changes in the recipe that it starts from. One file a shape."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from finetrail.starting.looking import Data


class _Nothing:
    """The value of a key that is to go."""


NOTHING = _Nothing()


@dataclass(frozen=True)
class Choice:
    """A value in params.yaml, and why it stands there.

    Attributes:
        keys: of the sections down to it.
        value: `NOTHING` where the recipe has a key that does not fit.
    """

    keys: tuple[str, ...]
    value: Any
    why: str = ""


@dataclass(frozen=True)
class Seen:
    """What was recognised.

    Attributes:
        said: lines for people.
        rows: labelled examples.
        classes: rows of each class; empty where labels are no classes.
        official: rows of each official split; empty where there are none.
        facts: what else the shape knows.
    """

    said: list[str]
    rows: int
    classes: Counter[str] = field(default_factory=Counter)
    official: Counter[str] = field(default_factory=Counter)
    facts: Any = None


class Shape(ABC):
    """A shape of data.

    Attributes:
        task: section `task` of params.yaml: Hugging Face's name, and where one name has several kinds, which.
        recipe: what it starts from.
        looks: what such data looks like, for people.
    """

    task: tuple[str, str | None]
    recipe: str
    looks: str

    @abstractmethod
    def recognise(self, data: Data) -> Seen | None:
        """What is seen in data of this shape; None where it has another.

        Raises:
            ConfigError: it has this shape, and something cannot be told, and nobody is there to ask.
            SourceError: it cannot be read.
        """

    @abstractmethod
    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        """What differs from the recipe, section `task` and the project's name aside."""
