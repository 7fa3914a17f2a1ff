"""Read translations out of gettext's .po files: what a program says, and how translators put it."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.sources.columns import Record, Tell
from finetrail.data.sources.lines import refusal
from finetrail.errors import SourceError
from finetrail.targets.sequences.reading import source_column
from finetrail.targets.sequences.settings import MESSAGE

if TYPE_CHECKING:
    from polib import POEntry

_TEXT = re.compile(rb'(?:#~\s*)?(?:msg\w+(?:\[\d+\])?\s*)?"(.*)')


def read_po(path: Path, columns: Any, tell: Tell) -> Iterator[Record]:
    """Yield a row for each translated message: its `msgid` and its `msgstr`; two where it has a plural.

    Fuzzy, obsolete and untranslated entries are left out. The rows of one message, whatever their contexts (`msgctxt`)
    and plurals, are a group.

    Raises:
        SourceError: it is no .po file.
    """
    import polib

    _check_quotes(path)
    try:
        entries = polib.pofile(str(path))
    except (OSError, UnicodeDecodeError) as error:
        said = str(error).replace(str(path), path.name)
        raise SourceError(f"{path.name} cannot be read as a .po file ({said}); check it with `msgfmt -c`") from error
    source, left, rows = source_column(path.name, columns), Counter[str](), 0
    for entry in entries:
        reason = _left_out(entry)
        left[reason] += 1
        for msgid, msgstr in () if reason else _forms(entry):
            rows += 1
            yield entry.linenum, {source: msgid, columns.label: msgstr, MESSAGE: entry.msgid}
    kinds = " + ".join(f"{count} {reason or 'translated'}" for reason, count in sorted(left.items()))
    tell(f"{path.name}: {rows} rows; {len(entries)} entries{f' = {kinds}' if kinds else ''}")


def _check_quotes(path: Path) -> None:
    """Refuse a text that does not end in its line: polib would read it without its last character."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        found = _TEXT.match(line.strip())
        if found and not found[1].endswith(b'"'):
            raise refusal(path, number, "a text begins with a quote and does not end with one; add it")


def _left_out(entry: "POEntry") -> str:
    """Why an entry is no example; empty if it is one."""
    if entry.obsolete:
        return "obsolete"
    if entry.fuzzy:
        return "fuzzy"
    return "" if entry.translated() else "untranslated"


def _forms(entry: "POEntry") -> list[tuple[str, str]]:
    """What is said, and its translation: of one thing, and of many.

    Languages have one to six plural forms; the first is that of one thing, or the only one, and the last that of many.
    """
    if not entry.msgid_plural:
        return [(entry.msgid, entry.msgstr)]
    forms = [text for _, text in sorted(entry.msgstr_plural.items())]
    return [(entry.msgid, forms[0]), (entry.msgid_plural, forms[-1])]
