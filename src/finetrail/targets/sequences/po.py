"""Read translations out of gettext's .po files: what a program says, and how translators put it."""

import re
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.sources.columns import Record, Tell
from finetrail.data.sources.folders import file_names
from finetrail.data.sources.lines import refusal
from finetrail.errors import SourceError
from finetrail.targets.sequences.reading import source_column
from finetrail.targets.sequences.settings import MESSAGE

if TYPE_CHECKING:
    from polib import POEntry

_HEADER = 16_384
"""Bytes at the beginning of a file among which its header names the language."""
_LANGUAGE = re.compile(rb'"Language: *([A-Za-z][\w@-]*)')
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


def po_files(folder: Path, columns: Any, tell: Tell) -> Iterator[str]:
    """The names of the .po files of one language below a folder, such as a program's `locale`.

    The language of a file is that of its header; without one, that of the folder above LC_MESSAGES, or the file's name.

    Raises:
        SourceError: there are none, or they are of several languages and `columns.language` names none of them.
    """
    languages = {name: _language(folder, name) for name in file_names(folder) if name.endswith(".po")}
    known = sorted(set(languages.values()))
    if not known:
        raise SourceError(f"{folder.name} holds no .po file; name the folder of a program's translations")
    wanted = known[0] if columns.language is None else _plain(columns.language)
    if wanted not in known or (columns.language is None and len(known) > 1):
        near = known if columns.language is None else get_close_matches(wanted, known, len(known), cutoff=0.0)
        has = f"{', '.join(near[:8])}{', ...' if len(near) > 8 else ''}"
        asked = "" if columns.language is None else f", but none of {columns.language!r}"
        raise SourceError(
            f"{folder.name} holds .po files of {has}{asked}; set source.columns.language to the one that is to be "
            "written"
        )
    others = sum(language != wanted for language in languages.values())
    if others:
        tell(f"{folder.name}: passed over {others} .po files of other languages than {wanted}")
    yield from (name for name, language in languages.items() if language == wanted)


def _language(folder: Path, name: str) -> str:
    with (folder / name).open("rb") as file:
        found = _LANGUAGE.search(file.read(_HEADER))
    if found:
        return _plain(found[1].decode())
    path = Path(folder.name, name)
    return _plain(path.parent.parent.name if path.parent.name == "LC_MESSAGES" else path.stem)


def _plain(language: str) -> str:
    """A language tag, of which gettext and the web write two forms: zh_Hans and zh-hans."""
    return language.strip().replace("-", "_").lower()
