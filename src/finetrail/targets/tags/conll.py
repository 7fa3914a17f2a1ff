"""Read tagged sentences from columns (CoNLL's shared tasks) and CoNLL-U; errors name the line.

CoNLL-U: https://universaldependencies.org/format.html.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from finetrail.data.sources.lines import refusal
from finetrail.targets.tags.blocks import Documents, read_blocks

# A token may be `#`, as in `# # B-NP`, so a comment has to look like one.
_COMMENT = re.compile(r"#\s+((newdoc|newpar|id|https?:\S*)(\s|$)|[^\s=]+\s*=(\s|$)).*")
_PLACES: dict[Literal["upos", "xpos"], int] = {"upos": 3, "xpos": 4}
_TEXT = re.compile(r"#\s*text\s*=\s*(.*)")


class Sentence(TypedDict):
    """One sentence.

    Attributes:
        tokens, tags: of equal length.
        group: the document; None where the file names none.
        space_after: for each token whether a space follows; None where the file does not say.
    """

    tokens: list[str]
    tags: list[str]
    group: str | None
    space_after: list[bool] | None


Record = tuple[int, Sentence]
"""The line on which the sentence begins, counted from 1, and the sentence."""


@dataclass(frozen=True)
class Columns:
    """Which columns hold the token and its tag, counted from 1; `tag` None means the last one."""

    token: int = 1
    tag: int | None = None


def read_columns(path: Path, columns: Columns) -> Iterator[Record]:
    """Yield the sentences of a file with one token per line, in columns separated by tabs or spaces.

    A blank line ends a sentence. `-DOCSTART-` begins a document, "doc 1", "doc 2" and so on, and so does the comment
    `# newdoc id = ...`, which names it. A comment `# text = ...` tells where the spaces are.

    Raises:
        SourceError: a byte is not UTF-8, lines differ in their number of columns, a field is empty, or the
            first column numbers the tokens.
    """
    documents, width, numbered = Documents(), 0, columns == Columns()
    for block in read_blocks(path, lambda line: _COMMENT.fullmatch(line) is not None):
        tokens: list[str] = []
        tags: list[str] = []
        for number, line in enumerate(block.lines, start=block.line):
            fields = line.split("\t") if "\t" in line else line.split(" ")
            fields = fields if "\t" in line else [field for field in fields if field]
            width = width or _width(path, number, fields, columns)
            if len(fields) != width:
                raise refusal(path, number, f"{_count(fields)}, but the lines before have {width}; correct the line")
            token, tag = fields[columns.token - 1], fields[(columns.tag or width) - 1]
            if not token or not tag:
                what, which = ("tag", columns.tag or width) if token else ("token", columns.token)
                raise refusal(path, number, f"the {what} (column {which}) is empty; name another column, or fill it")
            tokens.append(token)
            tags.append(tag)
        # A sentence of one token decides nothing: its 1 may be a number or a token.
        numbered = numbered and width > 2 and tokens == [str(number) for number in range(1, len(tokens) + 1)]
        if numbered and len(tokens) > 1:
            raise refusal(
                path,
                block.line,
                f"column 1 of {width} numbers the tokens (1, 2, ...); name the columns of token and tag, for example "
                "source.columns: {token: 2, tag: 3}",
            )
        group = documents.of(block.comments)
        texts = [found[1] for found in map(_TEXT.fullmatch, block.comments) if found]
        spaces = _spaces(texts[-1], tokens) if texts else None
        yield block.line, Sentence(tokens=tokens, tags=tags, group=group, space_after=spaces)


def read_conllu(path: Path, column: Literal["upos", "xpos"]) -> Iterator[Record]:
    """Yield the sentences of a CoNLL-U file; the tags are those of column `upos` or `xpos`.

    Tokens are its syntactic words. A range (1-2 don't) only tells where spaces are; empty nodes (8.1) are skipped.

    Raises:
        SourceError: a byte is not UTF-8, a line has not ten columns, words are not numbered 1, 2, 3, or a tag is `_`.
    """
    documents = Documents()
    for block in read_blocks(path, lambda line: line.startswith("#")):
        tokens: list[str] = []
        tags: list[str] = []
        spaces: list[bool] = []
        until, behind = 0, True  # the last word of the latest range, and whether a space follows it
        for number, line in enumerate(block.lines, start=block.line):
            fields = line.split("\t")
            if len(fields) != 10:
                raise refusal(
                    path,
                    number,
                    f"{_count(fields)}, but CoNLL-U has 10, separated by tabs; read other files as columns",
                )
            space = "SpaceAfter=No" not in fields[9].split("|")
            words = re.fullmatch(r"[0-9]+-([0-9]+)", fields[0])
            if words:
                until, behind = int(words[1]), space
            elif not re.fullmatch(r"[0-9]+\.[0-9]+", fields[0]):
                fault = _fault(fields, len(tokens) + 1, column)
                if fault:
                    raise refusal(path, number, fault)
                tokens.append(fields[1])
                tags.append(fields[_PLACES[column]])
                spaces.append(space if len(tokens) > until else behind and len(tokens) == until)
        group = documents.of(block.comments)
        if tokens:
            yield block.line, Sentence(tokens=tokens, tags=tags, group=group, space_after=spaces)


def _width(path: Path, number: int, fields: list[str], columns: Columns) -> int:
    """The number of columns of the first line, if it can be that of a file."""
    if len(fields) < 2:
        raise refusal(path, number, f"{_count(fields)}; a line holds a token and its tag, separated by a tab or spaces")
    furthest = max(columns.token, columns.tag or 1)
    if furthest > len(fields):
        raise refusal(path, number, f"{_count(fields)}, but column {furthest} is asked for; name another column")
    return len(fields)


def _fault(fields: list[str], expected: int, column: Literal["upos", "xpos"]) -> str | None:
    """What is wrong with the line of a syntactic word. Args: expected: its number."""
    if fields[0] != str(expected):
        return f"word number {fields[0]!r}, but the next one is {expected}; a blank line ends a sentence"
    if not fields[1]:
        return "the word is empty; fill it in"
    if fields[_PLACES[column]] in {"", "_"}:
        return f"word {fields[1]!r} has no {column}; fill it in, or read another column"
    return None


def _spaces(text: str, tokens: list[str]) -> list[bool] | None:
    """For each token, whether white space follows it in the text; None if the text does not match the tokens."""
    found: list[bool] = []
    at = 0
    for token in tokens:
        start = next((place for place in range(at, len(text)) if not text[place].isspace()), at)
        if not text.startswith(token, start):
            return None
        if found:
            found[-1] = start > at
        found.append(True)
        at = start + len(token)
    return None if text[at:].strip() else found


def _count(fields: list[str]) -> str:
    return f"{len(fields)} columns" if len(fields) != 1 else f"1 column ({fields[0][:40]!r})"
