"""Read a text file once, fast, before its rows are read: is every byte text, how many lines, does it hold quotes?"""

import codecs
from dataclasses import dataclass
from pathlib import Path

from finetrail.data.sources.dialect import UTF8
from finetrail.errors import SourceError

_CHUNK = 2**20
_EXCERPT = 40
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Scanned:
    """What a text file holds. Attributes: lines: that end with a line feed, a carriage return or both; quotes: any."""

    lines: int
    quotes: bool


def encoding_of(path: Path, given: str = "auto") -> str:
    """The encoding as given, or by the byte order mark; without one, UTF-8."""
    if given != "auto":
        return given
    with path.open("rb") as file:
        return encoding_marked(file.read(4))


def encoding_marked(start: bytes) -> str:
    """The encoding that the first bytes of a file mark; without a mark, UTF-8."""
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)), UTF8)


def scan(path: Path, encoding: str = UTF8, *, settable: str = "") -> Scanned:
    """Decode the whole file, chunk by chunk.

    Args:
        settable: the setting of params.yaml that names the encoding, if there is one.

    Raises:
        SourceError: a byte is not text in this encoding; the message names the line.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, quotes, last = 0, False, ""
    with path.open("rb") as file:
        if encoding == UTF8 and b"\0" in (start := file.read(4)):
            guess = "utf-16-be" if start.startswith(b"\0") else "utf-16-le"
            raise SourceError(f"{path.name} looks like {guess}, not UTF-8; {_convert(path, guess, settable)}")
        file.seek(0)
        try:
            while chunk := file.read(_CHUNK):
                text = decoder.decode(chunk)
                lines += text.count("\n") + text.count("\r") - text.count("\r\n")
                lines -= last == "\r" and text.startswith("\n")  # one line end, cut in two
                quotes = quotes or '"' in text
                last = text[-1:] or last
            decoder.decode(b"", final=True)
        except UnicodeError as error:
            raise _undecodable(path, encoding, error, settable) from error
    return Scanned(lines + (last not in ("", "\r", "\n")), quotes)


def _undecodable(path: Path, encoding: str, error: UnicodeError, settable: str) -> SourceError:
    if encoding != UTF8:
        reason = getattr(error, "reason", str(error))
        remedy = f"correct {settable}" if settable else "save the file as UTF-8"
        return SourceError(f"{path.name} is not {encoding} ({reason}); {remedy}")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(UTF8 if number == 1 else "utf-8")
            except UnicodeDecodeError as found:
                where = f"{path.name}, line {number}: byte 0x{line[found.start]:02x} at column {found.start + 1}"
                return SourceError(f"{where} is not UTF-8; {_remedy(path, line, found.start, settable)}")
    raise SourceError(f"{path.name}: changed while it was read; start again")


def _remedy(path: Path, line: bytes, at: int, settable: str) -> str:
    """How the bytes read as Windows-1252, and what to do if that is right.

    Never ISO-8859-1: it takes every byte, and turns quotation marks and the euro sign into control characters.
    """
    try:
        shown = line.decode("windows-1252")[max(0, at - _EXCERPT // 2) : at + _EXCERPT // 2].strip()
    except UnicodeDecodeError:
        return f"find out its encoding, and {_convert(path, 'its name', settable)}"
    return f"as Windows-1252 it says {shown!r}; if that is right, {_convert(path, 'windows-1252', settable)}"


def _convert(path: Path, encoding: str, settable: str) -> str:
    if settable:
        return f"set {settable} to {encoding}"
    return f"convert the file: iconv -f {encoding} -t utf-8 {path.name}"
