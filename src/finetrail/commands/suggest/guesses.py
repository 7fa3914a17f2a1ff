"""Which columns of a bare table hold the text and the label, as `finetrail init` finds them, without a question."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.data.shown import for_terminal
from finetrail.data.sources.unlabelled import kind_of
from finetrail.errors import SourceError
from finetrail.starting.asking import Asked, best_guess
from finetrail.starting.looking import Data


@dataclass(frozen=True)
class Guess:
    """What a table is taken for.

    Attributes:
        content, label: the columns.
        csv: section `source.csv`; empty where the file is written as usual.
        said: why these columns, for people.
    """

    content: str
    label: str
    csv: dict[str, Any]
    said: str


def guess_of(path: Path, content: str | None = None, label: str | None = None) -> Guess:
    """Find the columns of a CSV, TSV, JSONL or Parquet file.

    Args:
        content, label: a column that a person named.

    Raises:
        ConfigError: there is no such column.
        SourceError: the file cannot be read, or no columns look like what is wanted; the message lists them.
    """
    kind_of(path, "a CSV, TSV, JSONL or Parquet file")
    data = Data(
        path, path.name, Asked(best_guess, (content,) if content else (), (label,) if label is not None else ())
    )
    table, roles = data.table, data.roles
    known = ", ".join(for_terminal(repr(one)) for one in table.columns) if table else "none"
    if table is None or roles is None or len(roles.texts) + len(roles.label) > 2:
        raise SourceError(
            f"{path.name}: its columns do not say which is the text and which the label; it has {known}; name them "
            "with --text COLUMN and --label COLUMN"
        )
    text, learnt = table.columns[roles.texts[0]], table.columns[roles.label[0]]
    said = (
        f"text is {text.name!r} ({text.length:.0f} characters on average), label is {learnt.name!r} "
        f"({learnt.distinct} distinct values in {table.rows} rows)"
    )
    return Guess(text.name, learnt.name, table.unusual, said)
