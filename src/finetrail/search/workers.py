"""Several processes that work on the trials of one study at once, on this machine."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from finetrail.errors import TrainingError
from finetrail.inference.launch import LAUNCHER
from finetrail.search.study import LiveStudy

_PAUSE = 0.2
"""Seconds between two looks at the processes."""
_GRACE = 5.0
"""Seconds that a process has to end after it is told to."""
_MOST_DEATHS = 5
"""Processes that may be killed one after the other without a trial that ends in between."""


def watch_workers(study: LiveStudy) -> Iterator[int]:
    """Have the study's processes carry out all that is left of it; yields the number of trials that have ended.

    A process that is killed is replaced; another one takes its trial over. If this process ends, so do they.

    Raises:
        TrainingError: they are killed again and again.
        SystemExit: one of them failed and said why; with its exit code.
    """
    count = study.problem.search.processes
    with tempfile.TemporaryDirectory(prefix="finetrail-") as folder:
        said = [Path(folder) / f"{number}.stderr" for number in range(count)]
        running = [_start(study, file) for file in said]
        seen, deaths = study.ended, 0
        try:
            while any(process.poll() is None for process in running):
                time.sleep(_PAUSE)
                ended = study.ended
                for number in range(seen, ended):
                    yield number
                seen, deaths = ended, 0 if ended > seen else deaths
                for number, process in enumerate(running):
                    code = process.poll() or 0
                    if code > 0:
                        sys.exit(code)
                    if code < 0:
                        deaths += 1
                        _require_luck(deaths, code)
                        running[number] = _start(study, said[number])
        finally:
            _end(running)
            for file in said:
                sys.stderr.write(file.read_text(encoding="utf-8", errors="replace"))
        yield from range(seen, study.ended)


def _start(study: LiveStudy, said: Path) -> subprocess.Popen[bytes]:
    cores = len(os.sched_getaffinity(0))
    threads = str(max(1, cores // study.problem.search.processes))
    environment = {LAUNCHER: str(os.getpid()), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", threads)}
    command = [sys.executable, "-m", "finetrail", "trials", study.problem.name]
    with said.open("ab") as file:
        # A process group of its own: Ctrl-C reaches only this process, which tells them once.
        return subprocess.Popen(
            command,
            cwd=study.problem.workspace.root,
            env=os.environ | environment,
            process_group=0,
            stdout=file,
            stderr=file,
        )


def _require_luck(deaths: int, code: int) -> None:
    if deaths > _MOST_DEATHS:
        raise TrainingError(
            f"{deaths} processes in a row were killed by {signal.Signals(-code).name} before a trial ended; set "
            "search.processes to 1, or search smaller models"
        )


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.terminate()
    until = time.monotonic() + _GRACE
    while time.monotonic() < until and any(process.poll() is None for process in running):
        time.sleep(_PAUSE)
    for process in running:
        process.kill()
        process.wait()
