"""Perturbations that move, lose or add words and marks. A label that names places in its text does not survive them.

A text keeps at least one word. Of scripts without spaces, such as Chinese, Japanese and Thai, each character is a word.
"""

import unicodedata

import numpy as np

from finetrail.contents.text.perturbations.amounts import some
from finetrail.data.words import pieces

_STRAY = (",", ".", ";", "!", "?", "-")
_OF_WORDS = (0.05, 0.1, 0.2, 0.35, 0.5)
_LOST = (0.1, 0.25, 0.4, 0.55, 0.7)


def punctuation(text: str, severity: int, generator: np.random.Generator) -> str:
    """Lose a share of the marks, and put stray ones after half as large a share of the words."""
    share = _OF_WORDS[severity - 1]
    units = pieces(text)
    for place in some(_words(units), share / 2, generator):
        units[place] += _STRAY[int(generator.integers(len(_STRAY)))]
    written = "".join(units)
    marks = [place for place, one in enumerate(written) if unicodedata.category(one)[0] in "PS"]
    lost = set(some(marks, share, generator))
    return _or(text, "".join(one for place, one in enumerate(written) if place not in lost))


def drop_words(text: str, severity: int, generator: np.random.Generator) -> str:
    """Leave out a share of the words, each with the white space after it."""
    units = pieces(text)
    lost = set(some(_words(units), _OF_WORDS[severity - 1], generator))
    lost |= {place + 1 for place in lost if place + 1 < len(units) and units[place + 1].isspace()}
    return _or(text, "".join(unit for place, unit in enumerate(units) if place not in lost))


def swap_words(text: str, severity: int, generator: np.random.Generator) -> str:
    """Let a share of the words trade places with the word after them."""
    units = pieces(text)
    words = _words(units)
    for number in some(range(len(words) - 1), _OF_WORDS[severity - 1], generator):
        one, other = words[number], words[number + 1]
        units[one], units[other] = units[other], units[one]
    return "".join(units)


def white_space(text: str, severity: int, generator: np.random.Generator) -> str:
    """Break a share of the words of two characters or more by a space."""
    units = pieces(text)
    for place in some([one for one in _words(units) if len(units[one]) > 1], _OF_WORDS[severity - 1], generator):
        at = int(generator.integers(1, len(units[place])))
        units[place] = f"{units[place][:at]} {units[place][at:]}"
    return "".join(units)


def truncation(text: str, severity: int, generator: np.random.Generator) -> str:
    """Lose the last words: a tenth of them at severity 1, seven tenths at 5. Nothing is drawn."""
    units = pieces(text)
    words = _words(units)
    kept = round(len(words) * (1 - _LOST[severity - 1]))
    return _or(text, "".join(units[: words[max(1, kept) - 1] + 1])) if words else text


def _words(units: list[str]) -> list[int]:
    return [place for place, unit in enumerate(units) if not unit.isspace()]


def _or(text: str, perturbed: str) -> str:
    """The perturbed text, or the text itself where nothing would be left of it."""
    return perturbed if perturbed.strip() else text
