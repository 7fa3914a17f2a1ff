"""The start of a long text that holds all the tokens that are kept of it: the rest costs memory and changes nothing."""

from typing import Any

LONG = 64
"""Characters a token, on average: most texts with fewer are tokenised whole."""
ENDLESS = 2_000_000
"""Characters of a text that are looked at, at most."""


def shortened(text: str, tokenizer: Any, most: int) -> str:
    """A text, or its start if that has more than `most` tokens and the first `most` are those of the whole.

    Tokenizers split at white space before all else, so a start that ends there has the tokens of the whole.
    Where there is none, as in one endless word, the start is cut anywhere, with as many tokens again between the cut
    and those that count. Nobody writes more than `ENDLESS` characters without that many tokens: there it ends anyway.

    Args:
        tokenizer: a fast one of transformers. One that keeps the end of a text gets the whole.
        most: tokens.
    """
    if tokenizer.truncation_side != "right":
        return text
    size, text = LONG * most, text[:ENDLESS]
    while size < len(text):
        start = _words(text, size)
        needed = most if start is not None else 2 * most
        start = text[:size] if start is None else start
        if len(tokenizer(start, add_special_tokens=False, verbose=False)["input_ids"]) > needed:
            return start
        size *= 4
    return text


def _words(text: str, size: int) -> str | None:
    """The whole words among the first characters; None where one word takes up half of them."""
    end = size
    while end > size // 2 and not text[end].isspace():
        end -= 1
    start = text[:end].rstrip()
    return start if end > size // 2 and start else None
