"""Join tokens into a text, with the spaces of the source as far as it tells them."""

from collections.abc import Sequence
from itertools import pairwise

from finetrail.data.words import is_cjk, words


def join(tokens: Sequence[str], space_after: Sequence[bool] | None = None) -> tuple[str, list[tuple[int, int]]]:
    """Join the tokens of a sentence.

    Tokens are separated by one space, except where the source says that there is none, and between Chinese characters,
    kana and their punctuation. A token boundary must be a word boundary, or tags of words could not tell the two tokens
    apart: where `words` would join them, as in do|n't, a space is inserted even so.

    Args:
        tokens: none of them empty.
        space_after: for each token whether a space follows; None where the source does not say.

    Returns:
        the text, and (start, end) of each token in it: half-open, indices of the str.
    """
    spaced = [not _written_together(one, other) for one, other in pairwise(tokens)]
    if space_after is not None:
        spaced = [space and wanted for space, wanted in zip(spaced, space_after, strict=False)]
    while True:
        text, offsets = _lay_out(tokens, spaced)
        ends = {end for _, end in words(text)}
        # A token that ends with white space is separated from the next one already.
        lost = [
            number
            for number, (_, end) in enumerate(offsets[:-1])
            if not spaced[number] and end not in ends and not text[end - 1].isspace()
        ]
        if not lost:
            return text, offsets
        # A new space can move later boundaries (flags pair up anew), so check again.
        for number in lost:
            spaced[number] = True


def _lay_out(tokens: Sequence[str], spaced: Sequence[bool]) -> tuple[str, list[tuple[int, int]]]:
    pieces: list[str] = []
    offsets: list[tuple[int, int]] = []
    at = 0
    for token, space in zip(tokens, [*spaced, False][: len(tokens)], strict=True):
        offsets.append((at, at + len(token)))
        pieces += [token, " "] if space else [token]
        at += len(token) + space
    return "".join(pieces), offsets


def _written_together(one: str, other: str) -> bool:
    """Whether the characters at which two tokens touch are written without spaces."""
    if not _dense(other[0]):
        return False
    # The first character of the last word: marks may follow it.
    found = words(one)
    return bool(found) and found[-1][1] == len(one) and _dense(one[found[-1][0]])


def _dense(character: str) -> bool:
    """Chinese, kana or full-width punctuation."""
    return is_cjk(character) or "\u3001" <= character <= "\u303f" or "\uff01" <= character <= "\uff65"
