"""How much one request to a server may hold: whoever may ask must not be able to take the machine's memory."""

import os
from collections.abc import Mapping, Sequence

from finetrail.data.store.content import size_of
from finetrail.errors import DataError

ROWS, BYTES = "FINETRAIL_MAX_ROWS", "FINETRAIL_MAX_BYTES"
_MOST = {ROWS: 10_000, BYTES: 64 * 2**20}


def refuse_large(rows: Sequence[Mapping[str, object]]) -> None:
    """Raise DataError where a request has more rows, or more bytes of content, than $FINETRAIL_MAX_... allow."""
    most = {name: int(os.environ.get(name) or default) for name, default in _MOST.items()}
    if len(rows) > most[ROWS]:
        raise DataError(f"{len(rows):,} rows in one request, where {most[ROWS]:,} are allowed; send fewer at a time")
    size = sum(size_of(value) for row in rows for value in row.values())
    if size > most[BYTES]:
        raise DataError(f"{size:,} bytes in one request, where {most[BYTES]:,} are allowed; send fewer rows at a time")
