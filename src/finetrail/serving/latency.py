"""How long models take to answer a row by itself."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetrail.tasks.task import Built

WARM_UP = 3
"""Warm-up rows, not counted: the first ones pay for one-time setup."""


def row_times_ms(models: Sequence["Built"], contents: Sequence[Any]) -> list[list[float]]:
    """Each model's milliseconds from a raw value to an answer, for each row by itself.

    The models take turns row by row, so other load on this machine slows all of them alike.
    """
    from finetrail.serving.answer import answers_to

    taken: list[list[float]] = [[] for _ in models]
    for place, content in enumerate([*contents[:WARM_UP], *contents]):
        for model, times in zip(models, taken, strict=True):
            started = time.perf_counter()
            answers_to(model, [content])
            if place >= min(WARM_UP, len(contents)):
                times.append(1000 * (time.perf_counter() - started))
    return taken
