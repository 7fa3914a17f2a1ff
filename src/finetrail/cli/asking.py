"""Questions to a person at a terminal, or the best guess, or an error that says which flag answers."""

from collections.abc import Sequence

from rich.prompt import Prompt
from rich.text import Text

from finetrail.data.shown import for_terminal
from finetrail.errors import ConfigError
from finetrail.starting.asking import Choose, best_guess


def chooser(*, yes: bool, terminal: bool) -> Choose:
    """What chooses among options.

    Args:
        yes: take the best guess, and ask nobody.
        terminal: whether a person is there to answer.
    """
    if yes:
        return best_guess
    return _prompt if terminal else _refuse


def _prompt(question: str, options: Sequence[str], flag: str) -> str:
    numbers = [str(number) for number in range(1, len(options) + 1)]
    listed = "\n".join(
        f"  {number}  {option}" for number, option in zip(numbers, map(for_terminal, options), strict=True)
    )
    asked = Text(f"{for_terminal(question)}?\n{listed}\nnumber")
    return options[int(Prompt.ask(asked, choices=numbers, default="1", show_choices=False)) - 1]


def _refuse(question: str, options: Sequence[str], flag: str) -> str:
    known = " or ".join(map(repr, options[:6]))
    answer = f"{flag}, or take the first with --yes" if flag else "--yes, which takes the first"
    raise ConfigError(f"{question}: {known}? Answer with {answer}")
