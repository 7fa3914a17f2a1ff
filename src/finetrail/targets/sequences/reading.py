"""A text to write as sources have it: in a column, in a column of several languages, in a file of its own."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.data.sources.columns import Record, Tell
from finetrail.data.sources.folders import file_names
from finetrail.data.sources.lines import read_lines
from finetrail.errors import SourceError


def read_text(where: str, value: Any) -> str | None:
    """A label that is a text; None where it is missing. A blank text stays: a rule of its own finds it.

    Raises:
        SourceError: the value is something else.
    """
    if isinstance(value, str):
        return value
    if is_missing(value):
        return None
    raise SourceError(
        f"{where}: label {str(value)[:60]!r} is a {type(value).__name__}, but the labels of this task are texts; name "
        "another column in source.columns.label, or use another task"
    )


def given(where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
    """The record with the text that the model reads, and the one that it writes.

    Raises:
        SourceError: `columns.pair` holds no texts by language.
    """
    if columns.pair is None or columns.pair not in record:  # a file of a format of its own has no such column
        return record, record[columns.label]
    pair = record[columns.pair]
    if is_missing(pair):
        return {**record, source_column(where, columns): None}, None
    known = list(pair) if isinstance(pair, Mapping) else []
    lacking = next((language for language in columns.languages if language not in known), None)
    if lacking is not None:
        has = f"it has {', '.join(map(repr, known))}" if known else f"it is {str(pair)[:60]!r}"
        raise SourceError(
            f"{where}: column {columns.pair!r} has no text of language {lacking!r}; {has}; set source.columns.languages"
        )
    source, target = (pair[language] for language in columns.languages)
    return {**record, source_column(where, columns): source}, target


def read_parallel(path: Path, columns: Any, tell: Tell) -> Iterator[Record]:
    """The lines of a file and those of `columns.target_file`, pair by pair.

    Raises:
        SourceError: there is no such file, or it has another number of lines.
    """
    if columns.target_file is None:
        raise SourceError(
            f"{path.name} is one of two parallel files; name the other in source.columns.target_file, such as '*.de'"
        )
    other = path.with_name(columns.target_file.replace("*", path.stem))
    if other == path or not other.is_file():
        raise SourceError(
            f"{path.name} should have {other.name} beside it, a file with a text for each of its lines; put it there, "
            "or correct source.columns.target_file"
        )
    source, number = source_column(path.name, columns), 0
    lines = [0, 0]
    for number, both in enumerate(zip_longest(read_lines(path), read_lines(other)), start=1):
        lines = [count + (line is not None) for count, line in zip(lines, both, strict=True)]
        if None not in both:
            yield number, {source: both[0][1], columns.label: both[1][1]}
    if lines[0] != lines[1]:
        raise SourceError(
            f"{path.name} has {lines[0]} lines, but {other.name} has {lines[1]}: each line belongs to that of the same "
            "number; correct one of the two files"
        )
    tell(f"{path.name} and {other.name}: {number} lines each")


def parallel_files(folder: Path, columns: Any, tell: Tell) -> Iterator[str]:
    """The names of the files below a folder that have a text for each line of their `columns.target_file`.

    Raises:
        SourceError: there are none, or a file with targets has several beside it that may be its source.
    """
    pattern = columns.target_file
    if pattern is None or "*" not in pattern:
        raise SourceError(
            f"{folder.name} is a folder of parallel files, but source.columns.target_file is {pattern!r}; name the "
            "files of targets, such as '*.de'"
        )
    begin, _, end = pattern.partition("*")
    names = [Path(name) for name in file_names(folder)]
    targets = [one for one in names if len(one.name) > len(begin + end) and one.match(pattern)]
    if not targets:
        raise SourceError(f"{folder.name} holds no file {pattern!r}; correct source.columns.target_file")
    for target in targets:
        stem = target.name[len(begin) : len(target.name) - len(end)]
        beside = [one for one in names if one.parent == target.parent and one.stem == stem and one != target]
        if len(beside) != 1:
            found = ", ".join(one.name for one in beside) or "none"
            raise SourceError(
                f"{target.as_posix()}: its source should be the one other file called {stem!r} beside it, but there is "
                f"{found}; leave the two alone there"
            )
        yield beside[0].as_posix()


def source_column(where: str, columns: Any) -> str:
    """The one column of the text that the model reads. Raises: SourceError: there are several."""
    if len(columns.contents) > 1:
        raise SourceError(
            f"{where} holds one text to read for each one to write, but source.columns.text names "
            f"{len(columns.contents)}; name one"
        )
    name: str = columns.contents[0]
    return name
