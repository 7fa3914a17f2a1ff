"""Start, watch and end several processes that train together on this machine."""

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from finetrail.errors import TrainingError
from finetrail.programs.fork import can_fork
from finetrail.programs.lifeline import end_with

MEETING = "FINETRAIL_MEETING"
"""Names the file where the processes find each other, instead of an open port."""
LAUNCHER = "FINETRAIL_LAUNCHER"
"""Holds the id of the process that started them."""
_THREADS = "OMP_NUM_THREADS"
_PAUSE = 0.1
"""Seconds between checks of the processes."""
_LAST_WORDS = 1.0
"""Seconds that the others have to fail by themselves once one has failed: all may meet the same error."""
_GRACE = 5.0
"""Seconds that a process has to end after it is told to."""


def launched() -> bool:
    """Whether this process is one of several: started by `launch`, `torchrun` or `accelerate launch`."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def launch(processes: int, work: Callable[[], object]) -> None:
    """Do the same work in several processes; return when all have ended well.

    They get their number as from torchrun, and share the machine's cores. They are forked from this process, so what it
    has imported none imports again. If one dies, this ends the others, which would wait for it forever. If this process
    is interrupted, it ends all.

    Args:
        work: a function of a module, or `functools.partial` of one: where this process cannot be forked, new ones
            import it.

    Raises:
        TrainingError: a signal killed one of them.
        SystemExit: one of them failed and said why; with its exit code.
    """
    with tempfile.TemporaryDirectory(prefix="finetrail-") as folder:
        said = [Path(folder) / f"{number}.stderr" for number in range(processes)]
        running: list[BaseProcess] = []
        try:
            for number in range(processes):
                own = _environment(number, processes, Path(folder) / "meeting")
                # Only the first one prints, unless another fails.
                running.append(begin(own, said[number] if number else None, work))
            failed = _wait(running)
        finally:
            end(running)
        if failed is None:
            return
        code = running[failed].exitcode or 0
        if code < 0:
            raise TrainingError(
                f"process {failed} of {processes} was killed by {signal.Signals(-code).name}; "
                "run the same command again: training resumes from the last checkpoint"
            )
        if failed:
            sys.stderr.write(said[failed].read_text(errors="replace"))
        sys.exit(code)


def begin(own: Mapping[str, str], said: Path | None, work: Callable[[], object]) -> BaseProcess:
    """Begin work in a process of its own: a fork of this one where that can be, else a new one.

    Args:
        own: what its environment has besides.
        said: what it writes goes there; None: where this process writes.
        work: as for `launch`.
    """
    context: Any = multiprocessing.get_context("fork" if can_fork() else "spawn")
    process: BaseProcess = context.Process(target=_become, args=(own, said, work))
    process.start()
    return process


def _become(own: Mapping[str, str], said: Path | None, work: Callable[[], object]) -> None:
    """In a new process: become one of several, and do the work."""
    os.setpgid(0, 0)  # Ctrl-C reaches only the process that launched, which tells them once
    signal.set_wakeup_fd(-1)  # that of a stage tells its client
    os.environ |= own
    if said is not None:
        with said.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
    if _THREADS in own:
        _share_cores(int(own[_THREADS]))
    work()


def _share_cores(threads: int) -> None:
    """Make libraries use so many threads that have read the environment already, when this process was another one."""
    if torch := sys.modules.get("torch"):
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)
        torch.set_num_threads(threads)


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


def own_environment(processes: int) -> dict[str, str]:
    """What each of several processes has in its environment: who started it, and its share of the cores."""
    threads = max(1, len(os.sched_getaffinity(0)) // processes)
    own = {LAUNCHER: str(os.getpid())}
    return own if _THREADS in os.environ else own | {_THREADS: str(threads)}


def _environment(number: int, processes: int, meeting: Path) -> dict[str, str]:
    return own_environment(processes) | {
        MEETING: str(meeting),
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        # All processes are on one machine: the loopback interface is enough.
        "GLOO_SOCKET_IFNAME": "lo",
        "NCCL_SOCKET_IFNAME": "lo",
    }


def _wait(running: Sequence[BaseProcess]) -> int | None:
    """The number of the process that failed; None when all have ended well."""
    while all(process.exitcode in (None, 0) for process in running):
        if all(process.exitcode == 0 for process in running):
            return None
        time.sleep(_PAUSE)
    _let_end(running, _LAST_WORDS)
    failed = {number: process.exitcode for number, process in enumerate(running) if process.exitcode}
    # A process that loses another fails with a traceback and 1. A signal tells more; next best is any other exit code.
    return min(failed, key=lambda number: (failed[number] > 0, failed[number] == 1, number))


def end(running: Sequence[BaseProcess]) -> None:
    """End processes so that they can close the MLflow run; kill those that do not react."""
    for process in running:
        process.terminate()
    _let_end(running, _GRACE)
    for process in running:
        process.kill()
        process.join()


def _let_end(running: Sequence[BaseProcess], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(process.is_alive() for process in running):
        time.sleep(_PAUSE)
