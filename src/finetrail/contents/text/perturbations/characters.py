"""Perturbations that keep the number of characters and of words, so that a span stays where it was.

The kinds of noise are those of Belinkov & Bisk, Synthetic and Natural Noise Both Break Neural Machine Translation
(2018), and of Eger et al., Text Processing Like Humans Do: Visually Attacking and Shielding NLP Systems (2019).
Texts with letters that no table knows, such as Arabic ones, are hardly touched: the report says how many rows change.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from finetrail.contents.text.perturbations.amounts import some
from finetrail.contents.text.perturbations.tables import HOMOGLYPHS, NEIGHBOURS, OCR, SIMILAR

_WORD = re.compile(r"[^\W_]+")
_WIDE = 0xFEE0
"""How far a full-width character lies from its half-width one."""
_OF_WORDS = (0.05, 0.1, 0.2, 0.35, 0.5)
_OF_CASED = (0.1, 0.25, 0.5, 0.75, 1.0)
_OF_CHARACTERS = (0.02, 0.05, 0.1, 0.2, 0.4)


def typos(text: str, severity: int, generator: np.random.Generator) -> str:
    """Hit a share of the words: a letter becomes a neighbour on a QWERTY keyboard, or trades places with the next."""
    words = [word for word in _WORD.finditer(text) if any(letter.lower() in NEIGHBOURS for letter in word[0])]
    letters = list(text)
    for number in some(range(len(words)), _OF_WORDS[severity - 1], generator):
        start, end = words[number].span()
        swaps = [place for place in range(start, end - 1) if _trade(text[place], text[place + 1])]
        if swaps and generator.random() < 0.5:
            place = int(generator.choice(swaps))
            letters[place], letters[place + 1] = text[place + 1], text[place]
        else:
            place = int(generator.choice([at for at in range(start, end) if text[at].lower() in NEIGHBOURS]))
            hit = str(generator.choice(list(NEIGHBOURS[text[place].lower()])))
            letters[place] = hit.upper() if text[place].isupper() else hit
    return "".join(letters)


def case(text: str, severity: int, generator: np.random.Generator) -> str:
    """Swap the case of a share of the words; a letter whose other case is several letters stays."""
    words = [word for word in _WORD.finditer(text) if word[0].swapcase() != word[0]]
    letters = list(text)
    for number in some(range(len(words)), _OF_CASED[severity - 1], generator):
        for place in range(*words[number].span()):
            swapped = text[place].swapcase()
            letters[place] = swapped if len(swapped) == 1 else text[place]
    return "".join(letters)


def homoglyphs(text: str, severity: int, generator: np.random.Generator) -> str:
    """Replace a share of the letters that have a double in Cyrillic or Greek."""
    return _replaced(text, HOMOGLYPHS, _OF_CHARACTERS[severity - 1], generator)


def ocr(text: str, severity: int, generator: np.random.Generator) -> str:
    """Replace a share of the characters that scanners confuse, each by one character."""
    return _replaced(text, OCR, _OF_CHARACTERS[severity - 1], generator)


def similar_characters(text: str, severity: int, generator: np.random.Generator) -> str:
    """Replace a share of the Chinese and Japanese characters that have a double in a small table."""
    return _replaced(text, SIMILAR, _OF_CASED[severity - 1], generator)


def width(text: str, severity: int, generator: np.random.Generator) -> str:
    """Replace a share of the ASCII letters and digits by full-width ones, and of full-width ones by ASCII."""
    letters = list(text)
    narrow = [place for place, one in enumerate(text) if one.isascii() and one.isalnum()]
    wide = [place for place, one in enumerate(text) if chr(max(0, ord(one) - _WIDE)).isalnum() and _is_wide(one)]
    for place in some(sorted(narrow + wide), _OF_CHARACTERS[severity - 1], generator):
        letters[place] = chr(ord(text[place]) + (-_WIDE if _is_wide(text[place]) else _WIDE))
    return "".join(letters)


def _trade(one: str, other: str) -> bool:
    """Whether two letters may trade places: a Chinese character would end the word that it got into."""
    return one != other and one.lower() in NEIGHBOURS and other.lower() in NEIGHBOURS


def _is_wide(character: str) -> bool:
    return 0xFF01 <= ord(character) <= 0xFF5E


def _replaced(text: str, table: Mapping[str, Sequence[str]], share: float, generator: np.random.Generator) -> str:
    """Replace a share of the characters that are in a table by one of their doubles."""
    letters = list(text)
    for place in some([at for at, one in enumerate(text) if one in table], share, generator):
        doubles = table[text[place]]
        letters[place] = doubles[int(generator.integers(len(doubles)))]
    return "".join(letters)
