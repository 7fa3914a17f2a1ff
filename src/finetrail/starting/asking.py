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
    """What a person named.

    Attributes:
        text: columns to read.
        labels: columns to learn; several are targets that are learnt at once.
        task: Hugging Face's name, or the kind of problem where one name has several.
    """

    choose: Choose
    text: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    task: str | None = None


def best_guess(question: str, options: Sequence[str], flag: str) -> str:
    """The `Choose` that asks nobody."""
    return options[0]
