"""Answers of registered models to the test split of the workspace: those of their last scoring, or scored anew."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from finetrail.data.store.shards import Contents, read_frame
from finetrail.errors import ModelError, RefusedError, WorkspaceError
from finetrail.evaluation.bootstrap import Interval, bootstrap, bootstrap_numbers
from finetrail.gate.evidence import actual_of, said_of
from finetrail.gate.paired import Right
from finetrail.gate.settings import Gate, Slice
from finetrail.inference.predict import predict
from finetrail.progress import Track, quiet
from finetrail.registry import scorings, versions
from finetrail.registry.chain import Chain
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import Known
from finetrail.targets.problem import PROBLEMS, REGRESSION
from finetrail.tasks.registry import load_model
from finetrail.tasks.task import Built
from finetrail.workspace import Workspace, read_json

BATCH = 64


@dataclass(frozen=True)
class HeldOut:
    """The test split of the workspace. Attributes: sha256: as split.json and the report name it; rows: id, label..."""

    folder: Path
    column: str
    sha256: str
    rows: pd.DataFrame

    def slices(self, declared: Mapping[str, Slice]) -> dict[str, Right]:
        """The rows (n,) of each declared slice."""
        lengths = np.zeros(len(self.rows), dtype=np.int64)
        if any(one.by_length for one in declared.values()):
            lengths = np.array([len(content) for content in Contents(self.folder, self.column)], dtype=np.int64)
        return {name: self._rows_of(one, lengths) for name, one in declared.items()}

    def _rows_of(self, one: Slice, lengths: "np.ndarray[Any, np.dtype[np.int64]]") -> Right:
        found = np.ones(len(self.rows), dtype=np.bool_)
        for column, values in (("group", one.group), ("label", one.label)):
            if values is not None:
                found &= self.rows[column].isin(values).to_numpy(dtype=np.bool_)
        if one.min_characters is not None:
            found &= lengths >= one.min_characters
        if one.max_characters is not None:
            found &= lengths <= one.max_characters
        return found


@dataclass(frozen=True)
class Opened:
    """A registered model, downloaded and loaded."""

    known: Known
    folder: Path
    built: Built


def open_test_split(workspace: Workspace, column: str) -> HeldOut:
    """The test split as it lies in the workspace. Raises: WorkspaceError: it does not."""
    folder = workspace.split("test")
    for path in (folder, workspace.split_report):
        if not path.exists():
            raise WorkspaceError(
                f"{path} does not exist, and models are compared on it; get it with `dvc pull`, or make it with "
                "`dvc repro split`"
            )
    return HeldOut(folder, column, read_json(workspace.split_report)["sha256"]["test"], read_frame(folder))


@contextmanager
def opened(ledger: Ledger, scratch: Path, known: Known) -> Iterator[Opened]:
    """Download a version into a folder of its own, and load it.

    Raises:
        TrackingError: its files are not what was registered.
        ModelError: this code cannot load it.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch, prefix="version-") as temporary:
        folder = versions.download(ledger.tracker, known, Path(temporary) / "model")
        yield Opened(known, folder, load_model(folder))


def outputs_of(
    ledger: Ledger, chain: Chain, model: Opened, split: HeldOut, *, anew: bool = False, track: Track = quiet
) -> "np.ndarray[Any, Any]":
    """What a model says to each row of the test split (n, K), and an entry in the ledger if it is scored for that.

    Args:
        anew: score it, even where its answers are known.

    Raises:
        ModelError: an answer is NaN or infinite.
        RefusedError: the rows have a label that the model does not know.
    """
    known = model.known
    frame = None
    if not anew:
        frame = scorings.stored(ledger, chain, model=known.fingerprint, test_split=split.sha256)
    if frame is not None and frame[["id", "label"]].equals(split.rows[["id", "label"]].reset_index(drop=True)):
        column = frame["logits" if "logits" in frame else "prediction"]
        return np.stack([np.atleast_1d(answer) for answer in column])
    built = model.built
    inputs = built.processor.encode(Contents(split.folder, split.column), scratch=model.folder.parent)
    outputs = predict(built.model, inputs, BATCH, track, f"scoring version {known.version}")
    broken = int((~np.isfinite(outputs)).any(axis=1).sum())
    if broken:
        raise ModelError(
            f"{known.address} answers {broken} of {len(outputs)} rows with NaN or infinity, but every answer must be "
            "a finite number: register another"
        )
    answers = {"prediction": outputs[:, 0]} if built.problem == REGRESSION.name else {"logits": list(outputs)}
    file = model.folder.parent / scorings.FILE
    table = pd.DataFrame({"id": split.rows["id"], "label": split.rows["label"], **answers})
    table.to_parquet(file, index=False, compression="zstd")
    metrics = {name: one.value for name, one in metrics_of(built, outputs, split, Gate(resamples=100)).items()}
    scorings.publish(
        ledger, known.run_id, file, model=known.fingerprint, test_split=split.sha256, metrics=metrics,
        version=known.version,
    )  # fmt: skip
    return outputs


def metrics_of(built: Built, outputs: "np.ndarray[Any, Any]", split: HeldOut, settings: Gate) -> dict[str, Interval]:
    """All metrics of a model's answers, with intervals."""
    actual = actual_of(built.problem, tuple(built.labels), split.rows["label"].tolist())
    said = said_of(built.problem, outputs).predicted
    if built.problem == REGRESSION.name:
        resampled = bootstrap_numbers(
            actual.astype(np.float64), [said.astype(np.float64)], resamples=settings.resamples, seed=settings.seed
        )
    else:
        resampled = bootstrap(
            actual.astype(np.int64), [said.astype(np.int64)], len(built.labels),
            resamples=settings.resamples, seed=settings.seed,
        )  # fmt: skip
    metrics = PROBLEMS[built.problem].metrics
    return {one.name: resampled.interval(one.name, 0, settings.confidence) for one in metrics}


def places_of(own: list[str], wanted: list[str]) -> list[int]:
    """Where the outputs of a model stand that has the same labels as another one, in the order of those.

    Raises:
        RefusedError: their labels are not the same.
    """
    if set(own) != set(wanted):
        more, less = sorted(set(wanted) - set(own)), sorted(set(own) - set(wanted))
        parts = [f"{what} {names[0]!r}{f' and {len(names) - 1} more' if len(names) > 1 else ''}" for what, names in
                 (("the challenger alone knows", more), ("the champion alone knows", less)) if names]  # fmt: skip
        raise RefusedError(f"their labels are not the same: {'; '.join(parts)}")
    return [own.index(label) for label in wanted]
