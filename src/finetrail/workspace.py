"""Every path of a workspace, once. A workspace is a folder with one params.yaml and one dvc.yaml."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from finetrail.errors import WorkspaceError
from finetrail.run_paths import RunPaths

SPLITS = ("train", "val", "test")
_EXPERIMENTS = (".dvc", "tmp", "exps")
_NAMED = ("models", "runs", "assess", "unlabelled")


@dataclass(frozen=True)
class Workspace:
    """The paths of one fine-tuning problem. Everything under `data` is written by stages and tracked by DVC."""

    root: Path

    @property
    def params(self) -> Path:
        return self.root / "params.yaml"

    @property
    def raw(self) -> Path:
        return self.root / "data" / "raw"

    @property
    def manifest(self) -> Path:
        return self.raw / "manifest.parquet"

    @property
    def corrections(self) -> Path:
        """What people decided about wrong labels: an input, in git."""
        return self.root / "data" / "corrections.csv"

    @property
    def corrected(self) -> Path:
        """What became of the corrections; there is none without corrections."""
        return self.raw / "corrections.json"

    @property
    def validation(self) -> Path:
        return self.root / "data" / "reports" / "validation"

    @property
    def validation_report(self) -> Path:
        return self.validation / "validation.json"

    @property
    def quarantine(self) -> Path:
        return self.validation / "quarantine.csv"

    @property
    def spellings(self) -> Path:
        """Names of classes that are taken as another one."""
        return self.validation / "spellings.json"

    @property
    def splits(self) -> Path:
        return self.root / "data" / "splits"

    @property
    def split_report(self) -> Path:
        return self.splits / "split.json"

    @property
    def models(self) -> Path:
        return self.root / "data" / "models"

    @property
    def runs(self) -> Path:
        return self.root / "data" / "runs"

    @property
    def selection(self) -> Path:
        return self.root / "data" / "selection"

    @property
    def selection_report(self) -> Path:
        return self.selection / "selection.json"

    @property
    def test_report(self) -> Path:
        return self.root / "data" / "reports" / "test"

    @property
    def test_details(self) -> Path:
        """All that the test found; metrics.json beside it has the few numbers that `dvc metrics` compares."""
        return self.test_report / "details.json"

    @property
    def assessments(self) -> Path:
        return self.root / "data" / "reports" / "assess"

    @property
    def registration(self) -> Path:
        return self.root / "data" / "registration.json"

    @property
    def lock(self) -> Path:
        return self.root / "requirements.lock"

    def stage_of(self, path: Path) -> str:
        """The stage that writes a path; empty where none does."""
        outs = {
            "ingest": (self.raw,),
            "validate": (self.validation,),
            "split": (self.splits,),
            "train": (self.models, self.runs),
            "select": (self.selection,),
            "assess": (self.assessments,),
            "test": (self.test_report,),
            "register": (self.registration,),
            "unlabelled": (self.unlabelled(),),
        }
        return next((name for name, own in outs.items() if any(path.is_relative_to(out) for out in own)), "")

    @property
    def scratch(self) -> Path:
        """Outside every DVC out: what must outlive a stage (checkpoints, the local MLflow database)."""
        return self.root / ".finetrail"

    @property
    def mlflow(self) -> Path:
        """The local MLflow store; of an experiment, that of the workspace which it is an experiment of."""
        return (self.original or self).scratch / "mlflow"

    @property
    def original(self) -> "Workspace | None":
        """Where this is the copy in which DVC runs an experiment (`dvc exp run --temp`, `--queue`): what it copies.

        DVC removes the copy in the end; what is to be found afterwards must lie in the original.
        """
        parts = self.root.resolve().parts
        at = next((at for at in range(len(parts)) if parts[at : at + len(_EXPERIMENTS)] == _EXPERIMENTS), None)
        if at is None:
            return None
        # A workspace below the top of its repository has the same path in the copy, but .dvc may lie in either.
        top, below = Path(*parts[:at]), parts[at + len(_EXPERIMENTS) + 1 :]
        return next((Workspace(root) for root in (top.joinpath(*below), top) if (root / "params.yaml").exists()), None)

    def split(self, name: str) -> Path:
        return self.splits / name

    def unlabelled(self, name: str = "") -> Path:
        return self.root / "data" / "unlabelled" / name

    def model(self, candidate: str) -> Path:
        return self.models / candidate

    def assessment(self, name: str) -> Path:
        return self.assessments / name

    def run(self, candidate: str) -> RunPaths:
        return RunPaths(self.runs / candidate)


def need(path: Path, stage: str) -> Path:
    """Return `path` if it exists, else say which stage writes it."""
    if not path.exists():
        raise lacking(path, stage)
    return path


def lacking(path: Path, stage: str) -> WorkspaceError:
    """The error for an out that is not there."""
    # The last ones: a folder above the workspace may be called so too.
    pairs = reversed(list(pairwise(path.parts)))
    named = next((f" {name}" for folder, name in pairs if folder in _NAMED), "")
    command = f"finetrail {stage}{named}"
    return WorkspaceError(f"{path} does not exist: it is written by `{stage}`; run `dvc repro` or `{command}`")


def read_json(path: Path) -> Any:
    """Read a JSON file that finetrail wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, so that equal values are equal bytes; a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        partial.write_text(text, encoding="utf-8")
    except OSError:  # the disk is full
        partial.unlink(missing_ok=True)
        raise
    partial.replace(path)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` only if the block succeeds.

    So a stage that fails half way (bad input, a full disk) leaves the earlier result as it was.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
