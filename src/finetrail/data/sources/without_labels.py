"""Section `unlabelled` of params.yaml: named sets of rows without labels, which a candidate may learn from."""

from pydantic import Field

from finetrail.data.sources.dialect import AUTO, CsvSettings
from finetrail.settings import Settings


class WithoutLabels(Settings):
    """One set of rows.

    Attributes:
        path: what `finetrail predict` reads too: a table, or a folder or an archive of images. A table has the columns
            of the content that `source` has; others, labels among them, are not read.
        limit: the most rows; null: all. Those with the smallest hashes stay, as for `source.limit`.
        csv: how a CSV or TSV file is written.
    """

    path: str
    limit: int | None = Field(None, ge=1)
    csv: CsvSettings = AUTO
