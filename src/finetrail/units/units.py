"""The further trainings of one candidate: what is missing is trained, and processes share the work."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import cache

import torch

from finetrail.errors import TrainingError
from finetrail.evaluation.scores.metric import Point
from finetrail.inference import processes
from finetrail.models.inputs import Inputs
from finetrail.models.weights import hash_tensors
from finetrail.progress import quiet
from finetrail.runs import hashes
from finetrail.runs.attempt import FREE
from finetrail.runs.live import checkpoint_folder
from finetrail.runs.record import settings_of
from finetrail.tasks.task import Task
from finetrail.training.candidate import Candidate
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.drawn import Drawn
from finetrail.training.frozen import Remembered
from finetrail.training.outcome import carry_out
from finetrail.training.steps import Records
from finetrail.training.work import SPLITS, Work, build, encode, read_rows
from finetrail.units.store import Answered, Store
from finetrail.units.unit import Unit
from finetrail.workspace import Workspace

log = logging.getLogger(__name__)

PLACE = ".units"
"""The folder beside the checkpoints of the candidates, none of which can have a name with a dot."""
_PAUSE = 1.0
"""Seconds between two looks at a unit that another process trains."""


class Units:
    """Trainings of one candidate that write no MLflow run and no model, only answers to the validation rows.

    A unit is told by the hash of all that its answers depend on: code, PyTorch, weights, settings, rows, seed and
    draw. It is trained once, whoever asks for it; one that was cut off resumes from its last checkpoint.

    Args:
        name: of the candidate, for messages.
        seed: any one; equal seeds give equal hashes.
    """

    def __init__(self, workspace: Workspace, name: str, candidate: Candidate, task: Task, seed: int) -> None:
        # One process trains what several would: only the rounding of sums differs.
        alone = {"processes": 1, "fsdp": False} if processes.world() == 1 else {}
        settings = candidate.train.model_copy(update={"seeds": 1, **alone})
        self._workspace, self._name, self._task, self._seed = workspace, name, task, seed
        self._candidate = candidate.model_copy(update={"train": settings})
        self._store = Store(checkpoint_folder(workspace, PLACE))
        self._rows = read_rows(workspace, task, settings)
        model = build(workspace, task, self._candidate, self._rows, seed).model
        self._identity = {
            "code": hashes.hash_code(),
            "torch": torch.__version__,
            "weights": hash_tensors(model.state_dict()),
            **{f"data.{split}": hashes.hash_folder(workspace.split(split)) for split in SPLITS},
        }

    def left(self, units: Sequence[Unit]) -> list[Unit]:
        """Those that are not finished."""
        return [unit for unit in units if not self._store.has(self._key(unit))]

    def read(self, unit: Unit) -> Answered:
        """A finished one."""
        return self._store.read(self._key(unit))

    def finish(self, units: Sequence[Unit]) -> Iterator[Unit]:
        """Train what is missing; yields each unit as soon as it is there.

        What another process is training is left to it. If that process dies, this one takes over.

        Raises:
            TrainingError: a loss is NaN or infinite, or memory is too small; the message names the unit.
        """
        ready, self._remembered = cache(self._encoded), Remembered()
        waiting = list(units)
        while waiting:
            busy = []
            for unit in waiting:
                if self._finished(unit, ready):
                    yield unit
                else:
                    busy.append(unit)
            waiting = busy
            if waiting:
                time.sleep(_PAUSE)

    def _finished(self, unit: Unit, ready: Callable[[], dict[str, Inputs]]) -> bool:
        """Whether the unit is there, by now; False while another process trains it."""
        key, first = self._key(unit), processes.rank() == 0
        # Of several processes that train together the first one decides.
        with self._store.claimed(key) if first else nullcontext(False) as mine:
            if not processes.agreed(mine):
                return False
            if not processes.agreed(first and self._store.has(key)):
                try:
                    self._train(unit, key, ready())
                except TrainingError as error:
                    raise type(error)(f"candidate {self._name!r}, {unit}: {error}") from error
            processes.wait()
        return True

    def _train(self, unit: Unit, key: str, inputs: dict[str, Inputs]) -> None:
        started = time.perf_counter()
        rows = self._rows
        groups = rows.frames["train"]["group"]
        taken = unit.drawn([group if known else None for group, known in zip(groups, groups.notna(), strict=True)])
        labels = [rows.labels["train"][row] for row in taken]
        if unit.fraction < 1:
            inputs = inputs | {"train": Drawn.of_rows(inputs["train"], taken)}
        built = build(self._workspace, self._task, self._candidate, rows, unit.seed)
        work = Work(built, self._candidate, rows, inputs, labels, unit.seed)
        checkpoints = Checkpoints(self._store.checkpoints(key))
        resume = checkpoints.newest()
        if resume and processes.rank() == 0:
            log.warning("candidate %r, %s: resumes after step %d", self._name, unit, resume.state["fitted"]["step"])
        records = Records(checkpoints, _unheard, resume, quiet)
        done = carry_out(work, records, self._workspace, self._remembered)
        if processes.rank() > 0:
            return
        before = resume.state["fitted"]["seconds"] if resume else 0.0
        described = {
            "unit": f"{self._name}, {unit}",
            "val": done.metrics["val"],
            "target": done.metrics["target"],
            "rows": len(taken),
            "seconds": round(before + time.perf_counter() - started, 2),
        }
        self._store.write(key, rows.frames["val"], done.built.codec, done.answers, described)

    def _encoded(self) -> dict[str, Inputs]:
        """The rows as every unit reads them: they depend on no seed."""
        built = build(self._workspace, self._task, self._candidate, self._rows, self._seed)
        return encode(self._workspace, built, self._rows, self._candidate.train, quiet)

    def _key(self, unit: Unit) -> str:
        one = self._candidate
        used = settings_of(self._task.identity, unit.seed, one.backbone, one.adaptation, one.train)
        settings = {name: value for name, value in used.items() if name not in FREE}
        return hashes.hash_of(self._identity | settings | {"fraction": unit.fraction})


def _unheard(curve: str, step: int, point: Point) -> None:
    """Ignore the point: a unit draws no curves."""
