"""Start, watch and end several processes that train together on this machine."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from finetrail.errors import TrainingError
from finetrail.programs.lifeline import end_with

MEETING = "FINETRAIL_MEETING"
"""Names the file where the processes find each other, instead of an open port."""
LAUNCHER = "FINETRAIL_LAUNCHER"
"""Holds the id of the process that started them."""
_PAUSE = 0.1
"""Seconds between checks of the processes."""
_LAST_WORDS = 1.0
"""Seconds that the others have to fail by themselves once one has failed: all may meet the same error."""
_GRACE = 5.0
"""Seconds that a process has to end after it is told to."""


def launched() -> bool:
    """Whether this process is one of several: started by `launch`, `torchrun` or `accelerate launch`."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def launch(processes: int, arguments: Sequence[str]) -> None:
    """Run `finetrail` with these arguments in several processes; return when all have ended well.

    They get their number as from torchrun, and share the machine's cores. If one dies, this ends the others, which
    would wait for it forever. If this process is interrupted, it ends all.

    Raises:
        TrainingError: a signal killed one of them.
        SystemExit: one of them failed and said why; with its exit code.
    """
    with tempfile.TemporaryDirectory(prefix="finetrail-") as folder:
        said = [Path(folder) / f"{number}.stderr" for number in range(processes)]
        running: list[subprocess.Popen[bytes]] = []
        try:
            for number in range(processes):
                environment = _environment(number, processes, Path(folder) / "meeting")
                command = [sys.executable, "-m", "finetrail", *arguments]
                # Each gets its own process group: Ctrl-C reaches only this process, which tells them once.
                if number == 0:
                    running.append(subprocess.Popen(command, env=environment, process_group=0))
                else:  # only the first one prints, unless another fails
                    with said[number].open("wb") as file:
                        running.append(
                            subprocess.Popen(command, env=environment, process_group=0, stdout=file, stderr=file)
                        )
            failed = _wait(running)
        finally:
            _end(running)
        if failed is None:
            return
        code = running[failed].returncode
        if code < 0:
            raise TrainingError(
                f"process {failed} of {processes} was killed by {signal.Signals(-code).name}; "
                "run the same command again: training resumes from the last checkpoint"
            )
        if failed:
            sys.stderr.write(said[failed].read_text(errors="replace"))
        sys.exit(code)


@contextmanager
def one_of_several() -> Iterator[None]:
    """Within this context, the process ends when its launcher ends or another process dies."""
    launcher = os.environ.get(LAUNCHER)
    if launcher is None:  # alone, or under torchrun or accelerate
        yield
        return
    end_with(int(launcher), signal.SIGKILL)
    try:
        yield
    except KeyboardInterrupt:
        # The launcher sent it and reports it. A normal exit would wait for results of the other processes.
        os._exit(128 + signal.SIGINT)
    except RuntimeError:
        # Perhaps only because another process died: then the launcher ends this one before it reports an error.
        time.sleep(2 * _LAST_WORDS)
        raise


def _environment(number: int, processes: int, meeting: Path) -> dict[str, str]:
    threads = max(1, len(os.sched_getaffinity(0)) // processes)
    own = {
        MEETING: str(meeting),
        LAUNCHER: str(os.getpid()),
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        # All processes are on one machine: the loopback interface is enough.
        "GLOO_SOCKET_IFNAME": "lo",
        "NCCL_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
    }
    return os.environ | own


def _wait(running: list[subprocess.Popen[bytes]]) -> int | None:
    """The number of the process that failed; None when all have ended well."""
    while all(process.poll() in (None, 0) for process in running):
        if all(process.returncode == 0 for process in running):
            return None
        time.sleep(_PAUSE)
    _let_end(running, _LAST_WORDS)
    failed = {number: process.returncode for number, process in enumerate(running) if process.returncode}
    # A process that loses another fails with a traceback and 1. A signal tells more; next best is any other exit code.
    return min(failed, key=lambda number: (failed[number] > 0, failed[number] == 1, number))


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    """End them so that they can close the MLflow run; kill those that do not react."""
    for process in running:
        process.terminate()
    _let_end(running, _GRACE)
    for process in running:
        process.kill()
        process.wait()


def _let_end(running: list[subprocess.Popen[bytes]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(process.poll() is None for process in running):
        time.sleep(_PAUSE)
