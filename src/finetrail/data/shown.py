"""What users wrote, where people read it: a function for each destination, so that a text is shown and never obeyed.

Pages escape in their templates. Formats for machines (JSON, Parquet, what `predict` writes) have texts as they are.
"""

import html
import re
import unicodedata

# Cc: control characters, among them the ESC of terminal codes. Cf: invisible ones that turn the direction of writing
# or join letters; Cs, Co, Cn: none that a terminal knows. Zl, Zp: separators of lines.
_UNSHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # in Persian, Hindi and emoji: they are part of words
_MARKUP = re.compile(r"[\\`*_{}\[\]|~$@#!]|:(?=//)|(?<=www)\.")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def for_terminal(text: str) -> str:
    r"""One line of visible characters; others as Python writes them, such as `\x1b`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        repr(one)[1:-1] if unicodedata.category(one) in _UNSHOWN and one not in _JOINERS else one for one in text
    )


def for_markdown(text: str) -> str:
    """The text as such, in one line: neither HTML, nor a link, nor any other markup, in a table's cell too."""
    return _MARKUP.sub(r"\\\g<0>", html.escape(for_terminal(text), quote=False))


def for_cell(value: object) -> object:
    """A cell of a CSV file that people open: a text that a spreadsheet would compute gets an apostrophe in front."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
