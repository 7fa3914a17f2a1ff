"""What a person has said beforehand, and how to ask for the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Choose = Callable[[str, Sequence[str], str], str]
"""Returns one of some options. Receives the question, the options with the best guess first, and the flag to answer by.

Raises:
    ConfigError: nobody is there to answer.
"""


@dataclass(frozen=True)
class Asked:
    """What a person named. Attributes: text: columns to read; label: the column to learn; task: Hugging Face's name."""

    choose: Choose
    text: tuple[str, ...] = ()
    label: str | None = None
    task: str | None = None


def best_guess(question: str, options: Sequence[str], flag: str) -> str:
    """The `Choose` that asks nobody."""
    return options[0]
