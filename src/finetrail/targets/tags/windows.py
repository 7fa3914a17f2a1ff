"""Merge the answers to overlapping windows of a text that is too long for the encoder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.targets.logits import Logits


@dataclass(frozen=True)
class Window:
    """The model's answer to the words of one window.

    Attributes:
        first_word: number of the window's first word in the text, from 0.
        logits: (w, K) of the w words from there on.
        left_context: whether the text goes on to the left of the window.
        right_context: whether it goes on to the right, read or not.
    """

    first_word: int
    logits: Logits
    left_context: bool
    right_context: bool


@dataclass(frozen=True)
class Merged:
    """The model's answer to the words of a text.

    Attributes:
        logits: (W, K); NaN throughout for a word that was not read.
        read: (W,): whether a word stands in a window at all. Where it does, NaN is the model's own.
    """

    logits: Floats
    read: NDArray[np.bool_]


def merge(windows: Sequence[Window], words: int, outputs: int) -> Merged:
    """Take each word from the window that shows most of its context.

    That is the window whose nearer edge is furthest from the word. An edge at an end of the text cuts nothing off and
    does not count. Of equal windows the first one wins.

    Args:
        words: number W of words in the text.
        outputs: number K of logits of a word.
    """
    logits = np.full((words, outputs), np.nan)
    furthest = np.full(words, -1.0)
    for window in windows:
        width = len(window.logits)
        places = np.arange(window.first_word, window.first_word + width)
        left = np.arange(width) if window.left_context else np.full(width, np.inf)
        right = np.arange(width)[::-1] if window.right_context else np.full(width, np.inf)
        distance = np.minimum(left, right)
        better = distance > furthest[places]
        furthest[places[better]] = distance[better]
        logits[places[better]] = window.logits[better]
    return Merged(logits, furthest >= 0)
