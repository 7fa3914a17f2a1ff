"""Commands of finetrail in processes of their own, to be killed: forked from one that has imported all already."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.pipeline.workspaces import REPOSITORY, Outcome, Sandbox

_CONTEXT = multiprocessing.get_context("forkserver")
_PRELOAD = [
    "finetrail.cli.app",
    "finetrail.stages.train",
    "finetrail.contents.text.backbone",
    "finetrail.contents.text.processor",
    "finetrail.targets.classes.evaluation",
    "finetrail.targets.classes.learning",
    "finetrail.tasks.text_classification",
    "mlflow",
    "mlflow.store.tracking.sqlalchemy_store",
    "peft",
    "torch.distributed.fsdp",
    "transformers.models.bert.modeling_bert",
]


@dataclass(frozen=True)
class Fork:
    """A command that runs."""

    sandbox: Sandbox
    process: BaseProcess

    def kill(self, when: Callable[[], bool]) -> Outcome:
        """SIGKILL as soon as `when` is true; fails if the command ends before."""
        deadline = time.monotonic() + 120
        while not when():
            assert self.process.is_alive(), self.wait()
            assert time.monotonic() < deadline, "the moment to kill did not come"
            time.sleep(0.0002)  # the child may need this core
        self.process.kill()
        done = self.wait()
        assert done.code == -signal.SIGKILL, done
        return done

    def wait(self) -> Outcome:
        """What it did, once it has ended."""
        self.process.join(300)  # a hang; a busy machine takes two minutes for what takes half of one
        code = self.process.exitcode
        if code is None:
            self.process.kill()
            raise AssertionError("the command does not end")
        return Outcome(code, *(_file(self.sandbox, name).read_text(encoding="utf-8") for name in ("out", "err")))


def start(sandbox: Sandbox, *arguments: str, **environment: str) -> Fork:
    """Run a command of finetrail in a process of its own, without the seconds of imports."""
    return Fork(sandbox, begin(_command, sandbox, arguments, environment))


def begin(target: Callable[..., object], *arguments: object) -> BaseProcess:
    """The same with a function of a module, and what it is called with."""
    if str(REPOSITORY) not in sys.path:  # where the process that forks finds this module
        sys.path.insert(0, str(REPOSITORY))
    _CONTEXT.set_forkserver_preload(_PRELOAD)
    process = _CONTEXT.Process(target=_called, args=(target, arguments))
    process.start()
    return process


def run(sandbox: Sandbox, *arguments: str, **environment: str) -> Outcome:
    """Run a command to its end."""
    return start(sandbox, *arguments, **environment).wait()


def _file(sandbox: Sandbox, name: str) -> Path:
    return sandbox.root / f"std{name}"


def _called(target: Callable[..., object], arguments: tuple[object, ...]) -> None:
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # another test's, where the process that forks has begun in one
    target(*arguments)


def _command(sandbox: Sandbox, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    os.chdir(sandbox.root)
    os.environ |= environment
    for number, name in ((1, "out"), (2, "err")):
        with _file(sandbox, name).open("wb") as file:
            os.dup2(file.fileno(), number)
    from finetrail.cli.app import app

    with suppress(BrokenPipeError):
        app(list(arguments))
