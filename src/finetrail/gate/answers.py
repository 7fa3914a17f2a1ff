"""Answers of registered models to the test split of the workspace: those of their last scoring, or scored anew."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from finetrail.data.store.shards import Contents, groups_of, metadata_of, read_frame
from finetrail.errors import LedgerError, RefusedError, WorkspaceError
from finetrail.evaluation.scores.bootstrap import Draws, Interval, intervals, point_scores
from finetrail.evaluation.slices import Slice, SplitRows
from finetrail.gate.paired import Right
from finetrail.gate.settings import Gate
from finetrail.progress import Track, quiet
from finetrail.registry import scorings
from finetrail.registry.chain import Chain
from finetrail.registry.ledger import Ledger
from finetrail.registry.sealed import fetch_model
from finetrail.registry.versions import Known
from finetrail.serving.answer import answers_of_split
from finetrail.serving.asked_again import asked_again
from finetrail.serving.predictions import write_predictions
from finetrail.targets.codec import Codec, refuse_broken
from finetrail.tasks.registry import load_model
from finetrail.tasks.task import Built
from finetrail.workspace import Workspace, read_json

_RESTORE = "restore MLflow's database from a backup, or start a new ledger as docs/gate.md says"
UNEQUAL = 0.01
"""How far apart two scorings of a model may lie: a difference, or a share of metrics in the unit of the label."""


@dataclass(frozen=True)
class HeldOut:
    """The test split of the workspace.

    Attributes:
        content: the name of what its rows hold.
        sha256: as split.json and the report name it.
        rows: id, label, group.
    """

    folder: Path
    content: str
    sha256: str
    rows: pd.DataFrame

    @cached_property
    def labels(self) -> list[Any]:
        return self.rows["label"].tolist()

    @property
    def groups(self) -> Sequence[object]:
        return groups_of(self.rows)

    def contents(self) -> Contents:
        """What the rows hold, read anew."""
        return Contents(self.folder, self.content)

    def slices(self, declared: Mapping[str, Slice]) -> dict[str, Right]:
        """The rows (n,) of each declared slice."""
        rows = SplitRows(self.labels, self.groups, self.contents, metadata_of(self.rows))
        return {name: one.rows(rows) for name, one in declared.items()}


@dataclass(frozen=True)
class Opened:
    """A registered model, downloaded and loaded."""

    known: Known
    folder: Path
    built: Built


def open_test_split(workspace: Workspace, content: str) -> HeldOut:
    """The test split of the workspace. Raises: WorkspaceError: there is none."""
    folder = workspace.split("test")
    for path in (folder, workspace.split_report):
        if not path.exists():
            raise WorkspaceError(
                f"{path} does not exist, and models are compared on it; get it with `dvc pull`, or make it with "
                "`dvc repro split`"
            )
    return HeldOut(folder, content, read_json(workspace.split_report)["sha256"]["test"], read_frame(folder))


@contextmanager
def opened(ledger: Ledger, chain: Chain, scratch: Path, known: Known) -> Iterator[Opened]:
    """Download a version into a folder of its own, and load it.

    Args:
        chain: the ledger's.
        scratch: where the folder is made, and removed in the end.

    Raises:
        TrackingError: its files are not what was registered.
        ModelError: this code cannot load it.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch, prefix="version-") as temporary:
        folder = fetch_model(ledger, chain, known, Path(temporary) / "version")
        yield Opened(known, folder, load_model(folder))


def answers_of(
    ledger: Ledger, chain: Chain, model: Opened, split: HeldOut, *, anew: bool = False, track: Track = quiet
) -> Any:
    """A model's answers to the test split; if it must be scored for them, the ledger gets an entry.

    Stored answers are a claim: a sample of the rows, which nobody can foresee, is answered again and compared.

    Args:
        anew: score it even if its answers are stored.

    Raises:
        LedgerError: the stored answers are not the model's.
        ModelError: an answer is NaN or infinite.
        RefusedError: the rows have a label that the model does not know.
    """
    known, codec = model.known, model.built.codec
    refuse_unknown(codec, split)
    frame = None
    if not anew:
        frame = scorings.stored(ledger, chain, model=known.fingerprint, test_split=split.sha256)
    if frame is not None and scorings.are_of(frame, split.rows):
        _refuse_foreign(model, split, frame)
        return codec.read(frame)
    scratch, what = model.folder.parent, f"scoring version {known.version}"
    answers = answers_of_split(model.built, split.folder, scratch=scratch, track=track, what=what)
    refuse_broken(codec, answers, known.address, "register another")
    file = scratch / scorings.FILE
    write_predictions(file, split.rows, codec, answers)
    scorings.publish(
        ledger,
        known.run_id,
        file,
        model=known.fingerprint,
        test_split=split.sha256,
        metrics=point_scores(codec.judge, split.labels, answers),
        version=known.version,
    )
    return answers


def refuse_unequal(chain: Chain, model: Opened, split: HeldOut) -> None:
    """Raise LedgerError where scorings of a model on the same rows gave other scores: one of them is not its own."""
    first, *others = chain.scorings(split.sha256, model.known.fingerprint)
    apart = max(UNEQUAL, 2 / len(split.rows))  # on other hardware, a row or two may fall to the other side
    for metric in model.built.task.target.metrics:
        before = first.metrics.get(metric.name)
        for other in others:
            after = other.metrics.get(metric.name)
            if before is None or after is None or abs(after - before) <= metric.margin(apart, before):
                continue
            raise LedgerError(
                f"{model.known.address} was scored twice on these test rows, with {metric.title} {metric.say(before)} "
                f"in entry {first.number} of the ledger and {metric.say(after)} in entry {other.number}: one of them "
                f"is not its own; {_RESTORE}"
            )


def _refuse_foreign(model: Opened, split: HeldOut, frame: pd.DataFrame) -> None:
    """Raise LedgerError where a sample of the rows shows that stored answers are not the model's."""
    row, worst = asked_again(model.built, split.folder, frame)
    if not worst.agree:
        raise LedgerError(
            f"the stored test answers of {model.known.address} are not its own: it answers row {row} with "
            f"{worst.said}, but {worst.expected} is stored; {_RESTORE}"
        )


def metrics_of(built: Built, answers: Any, split: HeldOut, settings: Gate) -> dict[str, Interval]:
    """All metrics of a model's answers, with intervals."""
    judge = built.codec.judge
    draws = Draws(settings.resamples, settings.seed, settings.confidence)
    return intervals(judge, split.labels, answers, draws, split.groups if judge.by_group else None)


def refuse_unknown(codec: Codec, split: HeldOut) -> None:
    """Raise RefusedError where the test split has labels that a model does not know."""
    if unknown := codec.unknown(split.labels):
        raise RefusedError(f"the test split has {unknown} that the model knows; train one on the current data")
