"""Several processes that work on the trials of one study at once, on this machine."""

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

from finetrail.errors import TrainingError
from finetrail.inference.launch import begin, end, one_of_several, own_environment
from finetrail.search.study import LiveStudy

_PAUSE = 0.1
"""Seconds between two looks at the processes."""
_MOST_DEATHS = 5
"""Processes that may be killed one after the other without a trial that ends in between."""


class Workers:
    """Processes that wait for the study to be there.

    They begin before anything is computed: a process that has started threads is not forked, and new ones import for
    seconds.

    Args:
        count: how many.
        work: what each does, as for `launch`.
        folder: an empty one.
    """

    def __init__(self, count: int, work: Callable[[], object], folder: Path) -> None:
        self._own = own_environment(count)
        self._told = folder / "told"
        self._work = partial(_when_told, self._told, work)
        self._said = [folder / f"{number}.stderr" for number in range(count)]
        self._running = [self._begin(number) for number in range(count)]

    def watch(self, study: LiveStudy) -> Iterator[int]:
        """Have them carry out all that is left of it; yields the number of trials that have ended.

        A process that is killed is replaced; another one takes its trial over.

        Raises:
            TrainingError: they are killed again and again.
            SystemExit: one of them failed and said why; with its exit code.
        """
        seen, deaths, working = study.ended, 0, True
        self._told.touch()
        while working:
            time.sleep(_PAUSE)
            working = any(process.is_alive() for process in self._running)  # first, so that no exit code is missed
            ended = study.ended
            for number in range(seen, ended):
                yield number
            seen, deaths = ended, 0 if ended > seen else deaths
            for number, process in enumerate(self._running):
                code = process.exitcode or 0
                if code > 0:
                    sys.exit(code)
                if code < 0:
                    deaths += 1
                    _require_luck(deaths, code)
                    self._running[number], working = self._begin(number), True
        yield from range(seen, study.ended)

    def close(self) -> None:
        """End them, and write what they said to stderr."""
        end(self._running)
        for file in self._said:
            sys.stderr.write(file.read_text(encoding="utf-8", errors="replace") if file.exists() else "")

    def _begin(self, number: int) -> BaseProcess:
        return begin(self._own, self._said[number], self._work)


@contextmanager
def workers(count: int, work: Callable[[], object]) -> Iterator[Workers]:
    """Have several processes within this context; if this process ends, so do they."""
    with tempfile.TemporaryDirectory(prefix="finetrail-") as folder:
        several = Workers(count, work, Path(folder))
        try:
            yield several
        finally:
            several.close()


def _when_told(told: Path, work: Callable[[], object]) -> None:
    with one_of_several():
        while not told.exists():
            time.sleep(_PAUSE)
    work()


def _require_luck(deaths: int, code: int) -> None:
    if deaths > _MOST_DEATHS:
        raise TrainingError(
            f"{deaths} processes in a row were killed by {signal.Signals(-code).name} before a trial ended; set "
            "search.processes to 1, or search smaller models"
        )
