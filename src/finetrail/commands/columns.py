"""Rows in columns, whose last one may be a sentence of any length: a terminal wraps it, a file has it whole."""

from collections.abc import Iterator, Sequence

from rich.text import Text

STYLES = {"fail": "bold red", "pass": "green", "not judged": "dim"}


def aligned(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Text]:
    """A line for the titles and one for each row. A cell that is a verdict on a rule gets its colour."""
    table = [titles, *rows]
    widths = [max(len(row[place]) for row in table) for place in range(len(titles) - 1)]
    for number, row in enumerate(table):
        line = Text(style="" if number else "bold")
        for cell, width in zip(row, widths, strict=False):
            line.append(cell.ljust(width), STYLES.get(cell, ""))
            line.append("  ")
        line.append(row[-1])
        line.rstrip()
        yield line
