"""What the name of a file says of its row, where rows are files: a video, a patient, a camera."""

import re

from finetrail.data.sources.columns import Columns
from finetrail.errors import ConfigError, SourceError


def compiled(pattern: str) -> str:
    """A regular expression with named groups, as it is. Raises: ValueError: it is none."""
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression of Python's ({error}); correct it") from error
    if not groups:
        raise ValueError(f"{pattern!r} names nothing; name a part of the files' names, as in (?P<video>[^/_]+)_")
    return pattern


def named(pattern: str | None, name: str, columns: Columns) -> dict[str, str | None]:
    """The named groups of a pattern in a file's name, which stand for the columns that a table would have.

    Args:
        pattern: `source.file_name`.
        name: of the file, with the folders above it.

    Raises:
        ConfigError: `columns` names a group, a split or metadata that the pattern does not.
        SourceError: the name does not match.
    """
    groups = re.compile(pattern).groupindex if pattern else {}
    if lacking := [one for one in columns.beside if one not in groups]:
        raise ConfigError(
            f"source.columns names {lacking[0]!r}, but files have no columns; let source.file_name find it in their "
            f"names, as in (?P<{lacking[0] if lacking[0].isidentifier() else 'name'}>[^/_]+)_"
        )
    if pattern is None:
        return {}
    found = re.search(pattern, name)
    if found is None:
        raise SourceError(f"{name!r} does not match source.file_name {pattern!r}; let the pattern match every file")
    return dict(found.groupdict())
