"""The further trainings of one candidate: what is missing is trained, and processes share the work."""

import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from finetrail.data.store.shards import Contents
from finetrail.errors import TrainingError
from finetrail.evaluation.scores.metric import Point
from finetrail.inference import processes
from finetrail.inference.device import full_precision
from finetrail.inference.predict import predict
from finetrail.progress import quiet
from finetrail.runs import hashes
from finetrail.runs.attempt import FREE
from finetrail.runs.live import checkpoint_folder
from finetrail.runs.record import settings_of
from finetrail.tasks.task import Task
from finetrail.training.candidate import Candidate
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.drawn import Drawn
from finetrail.training.outcome import Outcome, carry_out
from finetrail.training.steps import Observer, Records
from finetrail.training.work import Work, build
from finetrail.units.shared import Shared
from finetrail.units.store import Answered, Store
from finetrail.units.unit import Unit
from finetrail.workspace import Workspace

log = logging.getLogger(__name__)

PLACE = ".units"
"""The folder beside the checkpoints of the candidates, none of which can have a name with a dot."""
_PAUSE = 1.0
"""Seconds between two looks at a unit that another process trains."""


def unheard(curve: str, step: int, point: Point) -> None:
    """Ignore the point: nobody sees the curves."""


class Units:
    """Trainings of one candidate that write no MLflow run and no model, only answers to the validation rows.

    A unit is told by the hash of all that its answers depend on: code, libraries, weights, settings, rows, seed and
    draw. It is trained once, whoever asks for it; one that was cut off resumes from its last checkpoint.

    Args:
        name: of the candidate, for messages.
        seed: any one; equal seeds give equal hashes.
        shared: of other candidates on the same rows; None: its own.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        candidate: Candidate,
        task: Task,
        seed: int,
        *,
        shared: Shared | None = None,
    ) -> None:
        # One process trains what several would: only the rounding of sums differs.
        alone = {"processes": 1, "fsdp": False} if processes.world() == 1 else {}
        self._workspace, self._name, self._task = workspace, name, task
        self._candidate = candidate.trained_with(seeds=1, **alone)
        self._store = Store(checkpoint_folder(workspace, PLACE))
        self._shared = shared or Shared(workspace, task, candidate.train, seed)
        self._rows = self._shared.rows(self._candidate)
        weights = {"weights": self._shared.weights(self._candidate)}
        self._identity = self._shared.identity | weights | self._shared.beside(self._candidate)

    def left(self, units: Sequence[Unit]) -> list[Unit]:
        """Those that are not finished."""
        return [unit for unit in units if not self._store.has(self.key(unit))]

    def read(self, unit: Unit) -> Answered:
        """A finished one."""
        return self._store.read(self.key(unit))

    def finish(self, units: Sequence[Unit], observe: Observer = unheard, keep: Path | None = None) -> Iterator[Unit]:
        """Train what is missing; yields each unit as soon as it is there.

        What another process is training is left to it. If that process dies, this one takes over.

        Args:
            observe: receives the points of the curves; what it raises stops the training, whose checkpoints stay.
            keep: see `Store.write`.

        Raises:
            TrainingError: a loss is NaN or infinite, or memory is too small; the message names the unit.
        """
        waiting = list(units)
        while waiting:
            busy = []
            for unit in waiting:
                if self._finished(unit, observe, keep):
                    yield unit
                else:
                    busy.append(unit)
            waiting = busy
            if waiting:
                time.sleep(_PAUSE)

    def discard(self, unit: Unit) -> None:
        """Remove the checkpoints of a unit that nobody will finish."""
        shutil.rmtree(self._store.checkpoints(self.key(unit)), ignore_errors=True)

    def _held_out(self, unit: Unit, done: Outcome) -> dict[str, float]:
        """The scores on the rows of the fold that the unit did not learn from."""
        places = unit.held_out(self._rows.groups)
        if not places:
            return {}
        wanted, content = set(places), self._task.content.name
        contents = Contents(self._workspace.split("train"), content)
        kept_out = [one for row, one in enumerate(contents) if row in wanted]
        inputs, built = done.built.processor.encode(kept_out), done.built
        with full_precision():
            kept = predict(built.model, inputs, built.learning.keep, self._candidate.train.batch_size)
        labels = [self._rows.labels["train"][row] for row in places]
        return built.learning.score(kept, inputs, labels, finished=True)

    def steps(self, unit: Unit) -> int:
        """How many steps of a unit in progress its newest checkpoint holds."""
        return Checkpoints(self._store.checkpoints(self.key(unit))).steps

    def key(self, unit: Unit) -> str:
        """The hash of all that the unit's answers depend on."""
        one = self._candidate
        used = settings_of(self._task.identity, unit.seed, one)
        settings = {name: value for name, value in used.items() if name not in FREE}
        drawn = {"fraction": unit.fraction, "fold": [unit.fold, unit.folds]}
        return hashes.hash_of(self._identity | settings | drawn)

    def _finished(self, unit: Unit, observe: Observer, keep: Path | None) -> bool:
        """Whether the unit is there, by now; False while another process trains it."""
        key, first = self.key(unit), processes.rank() == 0
        # Of several processes that train together the first one decides.
        with self._store.claimed(key) if first else nullcontext(False) as mine:
            if not processes.agreed(mine):
                return False
            if not processes.agreed(first and self._store.has(key)):
                try:
                    self._train(unit, key, observe, keep)
                except TrainingError as error:
                    raise type(error)(f"candidate {self._name!r}, {unit}: {error}") from error
            processes.wait()
        return True

    def _train(self, unit: Unit, key: str, observe: Observer, keep: Path | None) -> None:
        inputs = self._shared.inputs(self._candidate)
        started = time.perf_counter()
        rows = self._rows
        taken = unit.drawn(rows.groups)
        labels = [rows.labels["train"][row] for row in taken]
        if len(taken) < len(rows.labels["train"]):
            inputs = inputs | {"train": Drawn.of_rows(inputs["train"], taken)}
        built = build(self._workspace, self._task, self._candidate, rows, unit.seed)
        work = Work(built, self._candidate, rows, inputs, labels, unit.seed)
        checkpoints = Checkpoints(self._store.checkpoints(key))
        resume = checkpoints.newest()
        if resume and processes.rank() == 0:
            log.warning("candidate %r, %s: resumes after step %d", self._name, unit, resume.state["fitted"]["step"])
        records = Records(checkpoints, observe, resume, quiet, last=keep is not None)
        done = carry_out(work, records, self._workspace, self._shared.remembered)
        if processes.rank() > 0:
            return
        before = resume.state["fitted"]["seconds"] if resume else 0.0
        described = {
            "unit": f"{self._name}, {unit}",
            "settings": settings_of(self._task.identity, work.seed, self._candidate),
            "val": done.metrics["val"],
            "target": done.metrics["target"],
            "rows": len(taken),
            "seconds": round(before + time.perf_counter() - started, 2),
            "parameters": done.metrics["parameters"],
            "curve": done.fitted.val_curve,
            "held_out": self._held_out(unit, done),
        }
        self._store.write(key, rows.frames["val"], done.built.codec, done.answers, described, keep=keep)
