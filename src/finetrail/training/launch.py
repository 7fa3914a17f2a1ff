"""Several processes that train together on this machine: started, watched, and ended together."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from finetrail.errors import TrainingError

MEETING = "FINETRAIL_MEETING"
"""Names the file where the processes find each other, instead of an open port."""
_PAUSE = 0.1
"""Seconds from one look at the processes to the next."""
_GRACE = 5.0
"""Seconds that a process has to end by itself."""


def launched() -> bool:
    """Whether this process is one of several: started by `launch`, `torchrun` or `accelerate launch`."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def launch(processes: int, arguments: Sequence[str]) -> None:
    """Run `finetrail` with these arguments in several processes; return when all have ended well.

    They are told their number as by torchrun, and share the machine's cores. If one dies, the others, which would wait
    for it for ever, are ended.

    Raises:
        TrainingError: one of them died of a signal.
        SystemExit: one of them failed, and has said why; with its exit code.
    """
    with tempfile.TemporaryDirectory(prefix="finetrail-") as folder:
        said = [Path(folder) / f"{number}.stderr" for number in range(processes)]
        running: list[subprocess.Popen[bytes]] = []
        try:
            for number in range(processes):
                environment = _environment(number, processes, Path(folder) / "meeting")
                command = [sys.executable, "-m", "finetrail", *arguments]
                if number == 0:
                    running.append(subprocess.Popen(command, env=environment))
                else:  # one speaks for all, unless it is another that fails
                    with said[number].open("wb") as file:
                        running.append(subprocess.Popen(command, env=environment, stdout=file, stderr=file))
            failed = _wait(running)
        finally:
            _end(running)
        if failed is None:
            return
        code = running[failed].returncode
        if code < 0:
            raise TrainingError(
                f"process {failed} of {processes} was killed by {signal.Signals(-code).name}; "
                "run the same command again: training goes on from the last checkpoint"
            )
        if failed:
            sys.stderr.write(said[failed].read_text(errors="replace"))
        sys.exit(code)


def die_with_parent() -> None:
    """Have the system end this process when the one that launched it dies, even of SIGKILL. Linux only."""
    if MEETING in os.environ and sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _environment(number: int, processes: int, meeting: Path) -> dict[str, str]:
    threads = max(1, len(os.sched_getaffinity(0)) // processes)
    own = {
        MEETING: str(meeting),
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        # On one machine nobody else has to reach them.
        "GLOO_SOCKET_IFNAME": "lo",
        "NCCL_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
    }
    return os.environ | own


def _wait(running: list[subprocess.Popen[bytes]]) -> int | None:
    """The number of the process that failed; None when all have ended well."""
    while True:
        codes = [process.poll() for process in running]
        failed = [number for number, code in enumerate(codes) if code not in (None, 0)]
        if failed:
            # The others fail as soon as they miss one: look for a signal first, then for an error that was foreseen.
            return min(failed, key=lambda number: (codes[number] or 0) if codes[number] != 1 else sys.maxsize)
        if all(code == 0 for code in codes):
            return None
        time.sleep(_PAUSE)


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.terminate()
    deadline = time.monotonic() + _GRACE
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
