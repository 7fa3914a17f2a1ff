"""An error that a user can act on is one line on stderr and an exit code; every other one is a bug and shows itself."""

import errno
import logging
from collections.abc import Iterator

import pytest

from finetrail.cli.console import bar, one_line_errors
from finetrail.errors import ConfigError, FinetrailError, NonFiniteError, SourceError, WorkspaceError


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """A command sets logging up for its own process."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def run(error: BaseException) -> int:
    """The exit code of a command that raises `error`."""

    @one_line_errors
    def command() -> None:
        raise error

    with pytest.raises(SystemExit) as caught:
        command()
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    "error", [ConfigError("seed is -1"), SourceError("a.csv is empty"), NonFiniteError("loss"), WorkspaceError("x")]
)
def test_one_line_and_the_exit_code_of_the_family(error: FinetrailError, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(error) == error.exit_code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == f"{type(error).__name__}: {error}\n"


@pytest.mark.parametrize(
    "message",
    ["'a[b].csv' [red]is[/red] [/]missing", "time is 10:30:00 and :warning: stays", "x" * 300, "C:\\a\\b #sha256=00 ✓"],
)
def test_a_message_is_shown_as_it_is(message: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(ConfigError(message))
    assert capsys.readouterr().err == f"ConfigError: {message}\n"


def test_a_message_of_several_lines_becomes_one(capsys: pytest.CaptureFixture[str]) -> None:
    run(ConfigError("first\n  second\tthird\r\n"))
    assert capsys.readouterr().err == "ConfigError: first second third\n"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (
            errno.ENOSPC,
            "no space is left on the disk (data/raw.partial); free some and run again: the earlier results ",
        ),
        (errno.EDQUOT, "no space is left on the disk (data/raw.partial)"),
        (errno.EACCES, "data/raw.partial cannot be written or read (Permission denied); correct its permissions"),
        (errno.EROFS, "data/raw.partial cannot be written or read (Read-only file system); correct its permissions"),
    ],
)
def test_what_the_system_refuses_is_one_line_too(number: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    import os

    assert run(OSError(number, os.strerror(number), "data/raw.partial")) == WorkspaceError.exit_code
    shown = capsys.readouterr().err
    assert shown.startswith(f"WorkspaceError: {message}")
    assert shown.count("\n") == 1


def test_a_full_disk_without_a_file_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(OSError(errno.ENOSPC, "No space left on device")) == WorkspaceError.exit_code
    assert "no space is left on the disk (while writing)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [ValueError("bug"), FileNotFoundError(errno.ENOENT, "no such file", "x"), KeyError("x")]
)
def test_every_other_error_passes_through(error: Exception) -> None:
    @one_line_errors
    def command() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        command()
    assert caught.value is error


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETRAIL_DEBUG", "1")

    @one_line_errors
    def command() -> None:
        raise ConfigError("seed is -1")

    with pytest.raises(ConfigError, match="seed is -1"):
        command()


def test_a_command_without_an_error_returns_what_it_returns() -> None:
    @one_line_errors
    def double(number: int) -> int:
        """Twice."""
        return 2 * number

    assert double(number=4) == 8
    assert (double.__name__, double.__doc__) == ("double", "Twice.")


def test_the_progress_bar_hands_on_every_item_and_is_silent_where_no_terminal_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert list(bar(iter(range(5)), total=None, what="counting")) == [0, 1, 2, 3, 4]
    shown = capsys.readouterr()
    assert (shown.out, shown.err.strip()) == ("", "")
