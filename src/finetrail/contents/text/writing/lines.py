"""Rows laid behind one another, so that little of a batch is padding."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Lines:
    """Where the tokens of a batch's rows lie: in lines as wide as the longest row.

    So it never takes more tokens, nor more to attend to, than a line for each row.

    Attributes:
        starts: the place of each row's first token, counted through all lines.
    """

    starts: list[int]
    count: int
    width: int

    @property
    def shared(self) -> bool:
        """Whether a line has several rows."""
        return self.count < len(self.starts)


def one_each(lengths: Sequence[int]) -> Lines:
    """A line for each row."""
    width = max(lengths)
    return Lines([row * width for row in range(len(lengths))], len(lengths), width)


def laid(lengths: Sequence[int]) -> Lines:
    """Rows in few lines: the longest first, each in the first line with room for it (Johnson et al. 1974).

    Where that takes no fewer lines than rows, each row keeps its own.
    """
    width = max(lengths)
    starts = [0] * len(lengths)
    taken: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        line = next((place for place, used in enumerate(taken) if used + lengths[row] <= width), len(taken))
        if line == len(taken):
            taken.append(0)
        starts[row] = line * width + taken[line]
        taken[line] += lengths[row]
    return Lines(starts, len(taken), width) if len(taken) < len(lengths) else one_each(lengths)


def reads_rows_apart(encoder: Any) -> bool:
    """Whether positions that start again are enough for an encoder to keep the rows of a line apart.

    False for what carries a state from token to token, and for what knows positions from elsewhere.
    """
    ids = torch.arange(8).unsqueeze(0)
    places = torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2]])
    try:
        with torch.no_grad():
            together, first, second = (
                encoder(input_ids=ids[:, part], position_ids=places[:, part], use_cache=False)["last_hidden_state"]
                for part in (slice(0, 8), slice(0, 5), slice(5, 8))
            )
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError):
        return False
    return torch.allclose(together, torch.cat([first, second], dim=1), rtol=1e-4, atol=1e-4)
