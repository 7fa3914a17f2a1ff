"""Rows as callers send them, in a table: which of its columns a model reads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from finetrail.contents.content import Content
from finetrail.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def rows_of(content: Content, columns: Sequence[str], sent: "pd.DataFrame") -> list[dict[str, Any]]:
    """The values of each row, by column.

    Args:
        columns: those that the model was trained with.

    Raises:
        DataError: the table lacks one of several.
    """
    if known := [name for name in content.sent if name in sent]:
        columns, frame = known, sent[known]
    elif len(columns) > 1:
        if missing := [name for name in columns if name not in sent]:
            raise DataError(f"no row has {missing[0]!r}; send {', '.join(columns)}")
        frame = sent[list(columns)]
    elif columns[0] in sent:
        frame = sent[list(columns)]
    elif sent.shape[1]:
        # Accept a single column under any name, so that a list of values is a request too.
        frame = sent.iloc[:, :1].set_axis(list(columns), axis=1)
    else:  # MLflow has dropped what the signature does not name
        raise DataError(f"no row has {' or '.join(content.sent or columns)}; send one of them")
    return [dict(zip(columns, row, strict=True)) for row in frame.itertuples(index=False)]
