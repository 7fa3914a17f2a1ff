"""Tables that become a stack of short lists where a screen is narrow: each cell knows the title of its column."""

import re
from html.parser import HTMLParser

from markupsafe import Markup, escape

_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)


class _Cells(HTMLParser):
    """The titles of a table's columns, and where its cells begin."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: list[str] = []
        self.cells: list[tuple[int, int]] = []  # the place behind `<td`, and the number of the column
        self._starts: list[int] = []
        self._column = 0
        self._in_title = False

    def read(self, table: str) -> "_Cells":
        """Args: table: its HTML, as a template wrote it."""
        self._starts = [0, *(match.end() for match in re.finditer("\n", table))]
        self.feed(table)
        return self

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._column = 0
        elif tag == "th":
            self._in_title = True
            self.titles.append("")
        elif tag == "td":
            line, column = self.getpos()
            self.cells.append((self._starts[line - 1] + column + len("<td"), self._column))
            self._column += 1

    def handle_endtag(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "th"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.titles[-1] += data


def stacked(html: str) -> Markup:
    """A page whose tables have, in each cell, `data-title`: what stands above its column. See report.css.

    Tables of a class of their own, such as matrices, stay as they are.
    """
    return Markup(_TABLE.sub(lambda match: _titled(match[0]), str(html)))  # noqa: S704 - titles are escaped again


def _titled(table: str) -> str:
    found = _Cells().read(table)
    if not found.titles:
        return table
    for place, column in reversed(found.cells):
        title = found.titles[column] if column < len(found.titles) else ""
        table = f'{table[:place]} data-title="{escape(title)}"{table[place:]}'
    return table.replace("<table>", '<table class="stacked">', 1)
