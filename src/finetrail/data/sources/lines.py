"""The lines of a text file that only a line feed ends: a line may hold any other white space."""

from collections.abc import Iterator
from pathlib import Path

from finetrail.errors import SourceError


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line without its end). Raises: SourceError: a byte is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise refusal(
                    path,
                    number,
                    f"byte 0x{line[error.start]:02x} at column {error.start + 1} is not UTF-8; "
                    "convert the file, for example with `iconv -f latin1 -t utf-8`",
                ) from error
            yield number, (text.removeprefix("\ufeff") if number == 1 else text).rstrip("\r\n")


def refusal(path: Path, number: int, message: str) -> SourceError:
    """The error that names a line of a file."""
    return SourceError(f"{path.name}, line {number}: {message}")
