"""Programs on a leash: nothing that they start outlives the one who asked for them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from finetrail.programs import leash
from finetrail.programs.run import run

ASK = (
    "import os, sys; from pathlib import Path; from finetrail.programs.run import run; "
    "run(sys.argv[1:], Path(), os.environ)"
)


class StopError(Exception):
    """As a cancelled run, or a time limit."""


SECONDS = leash.GRACE + 10


def sleepers(seconds: str) -> int:
    """How many processes sleep for so long: each test has a number of its own."""
    lines = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    return sum(line == ["sleep", seconds] for line in lines)


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def stubborn(seconds: str) -> list[str]:
    """A program that does not listen to SIGTERM, with such a child in a session of its own, and one that does."""
    deaf = f"trap '' TERM; sleep {seconds}; :"
    return ["bash", "-c", f'(setsid bash -c "{deaf}" &); sleep {seconds} & {deaf}']


def test_lines_are_heard_one_by_one_and_the_end_is_told(tmp_path: Path) -> None:
    heard: list[str] = []
    ended = run(["bash", "-c", "echo one; echo two >&2; pwd; exit 3"], tmp_path, os.environ, heard.append)
    assert ended.code == 3
    assert heard == ["one", "two", str(tmp_path.resolve())] == list(ended.lines)


def test_a_program_that_is_killed_says_by_which_signal(tmp_path: Path) -> None:
    assert run(["bash", "-c", "kill -9 $$"], tmp_path, os.environ).code == 128 + signal.SIGKILL


def test_a_line_is_heard_when_it_is_written(tmp_path: Path) -> None:
    times: list[float] = []
    run(["bash", "-c", "echo a; sleep 1; echo b"], tmp_path, os.environ, lambda _: times.append(time.monotonic()))
    assert times[1] - times[0] > 0.8


def test_an_interruption_ends_the_whole_tree(tmp_path: Path) -> None:
    def interrupt(_line: str) -> None:
        wait_until(lambda: sleepers("4711") == 3)
        raise StopError

    command = stubborn("4711")
    command[2] = "echo started; " + command[2]
    with pytest.raises(StopError):
        run(command, tmp_path, os.environ, interrupt)
    assert sleepers("4711") == 0


def test_it_ends_with_the_one_who_asked() -> None:
    root = Path(__file__).parents[2]
    asking = {}
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        command = [sys.executable, "-c", ASK, *stubborn(f"48{number:02d}")]
        asking[number] = subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL)
    for number, process in asking.items():
        wait_until(lambda: sleepers(f"48{number:02d}") == 3)  # noqa: B023  (at once)
        process.send_signal(number)
    for number, process in asking.items():
        process.wait(SECONDS)
        wait_until(lambda: sleepers(f"48{number:02d}") == 0)  # noqa: B023


def test_what_listens_has_time_to_close(tmp_path: Path) -> None:
    """A training closes its MLflow run when it is told to end."""

    def interrupt(_line: str) -> None:
        raise StopError

    polite = f"trap 'sleep 1; echo closed > {tmp_path}/end; exit 0' TERM; echo ready; sleep 4905 & wait"
    with pytest.raises(StopError):
        run(["bash", "-c", polite], tmp_path, os.environ, interrupt)
    assert (tmp_path / "end").read_text() == "closed\n"
    assert sleepers("4905") == 0
