"""`finetrail export`: a trained model as a folder that other libraries load without finetrail."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetrail.commands.scorer import model_folder
from finetrail.errors import ConfigError
from finetrail.evaluation.scores.metric import Metric
from finetrail.exports.asked import compared
from finetrail.exports.card import render
from finetrail.exports.facts import Facts, facts_of
from finetrail.exports.forms import Form, write_form
from finetrail.gate.answers import opened
from finetrail.inference.questions import drawn
from finetrail.registry.ledger import open_ledger
from finetrail.registry.meant import meant
from finetrail.runs import tracking
from finetrail.runs.hashes import hash_folder
from finetrail.serving.predictions import read_predictions
from finetrail.targets.same_number import Questions
from finetrail.tasks.registry import load_model
from finetrail.tasks.task import Built
from finetrail.workspace import Workspace, read_json, replacing


@dataclass(frozen=True)
class Written:
    """What `export` did.

    Attributes:
        model: where it came from.
        library: what loads the folder.
        compared: the metric of the export beside the trained one, in a line; empty where no row can be compared.
    """

    model: str
    library: str
    compared: str


def export(
    workspace: Workspace,
    model: str,
    target: Path,
    *,
    project: str,
    form: Form | Literal["finetrail"],
    force: bool = False,
) -> Written:
    """Write weights, configuration, preprocessing and a model card, which says how to load them; or nothing.

    What was written is read back by its own library, and compared with the model; and the code of the card answers
    validation rows, if this workspace trained the model.

    Args:
        model: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, or a folder: one of MLflow's, or one of `data/models`.
        target: a folder that does not exist yet, or is empty.
        form: `hf`: transformers, sentence-transformers, timm, torchvision or torch, by the model; `onnx`; or
            `finetrail`: the files as they are, without a card, for a teacher.
        force: replace an earlier export that is there.

    Raises:
        ConfigError: the target is there already, the address is none, or a package for this format is not installed.
        ModelError: the folder holds no model of finetrail, or the format cannot express it.
        RoundTripError: the export has another metric than the model, or another answer; nothing was written.
        RefusedError: there is no such version.
        TrackingError: the registry does not answer, or its files are not what was registered.
    """
    if ".git" in target.resolve().parts:
        raise ConfigError(f"{target} lies in a folder of git's own; name another folder")
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (force and _is_export(target))):
        raise ConfigError(f"{target} already exists; name another folder, or pass --force to replace an earlier export")
    if Path(model).is_dir():
        folder = model_folder(Path(model))
        work = _Work(load_model(folder), Facts(), hash_folder(folder))
        return _copied(folder, model, target) if form == "finetrail" else _write(workspace, model, work, target, form)
    tracker = tracking.connect(workspace, project)
    known = meant(workspace, tracker, project, model).known
    ledger = open_ledger(tracker, known.name, workspace.root)
    facts = facts_of(ledger, known)
    with opened(ledger, ledger.read(), workspace.scratch, known) as version:
        if form == "finetrail":
            return _copied(version.folder, known.address, target)
        return _write(workspace, known.address, _Work(version.built, facts, known.fingerprint), target, form)


def _copied(folder: Path, model: str, target: Path) -> Written:
    """Copy a model."""
    with replacing(target.resolve()) as partial:
        shutil.copytree(folder, partial, dirs_exist_ok=True)
    return Written(model, "finetrail", "")


@dataclass(frozen=True)
class _Work:
    """What to export. Attributes: fingerprint: the hash of its files."""

    built: Built
    facts: Facts
    fingerprint: str


def _write(workspace: Workspace, model: str, work: _Work, target: Path, form: Form) -> Written:
    """Write the export."""
    built = work.built
    with replacing(target.resolve()) as partial:
        done = write_form(built, form, partial)
        asked = _questions(workspace, work)
        found = compared(built, done, partial, *asked) if asked else ""
        (partial / "README.md").write_text(render(built, done, work.facts, found), encoding="utf-8")
        for weights in partial.rglob("*.safetensors"):
            weights.chmod(0o644)  # transformers writes them for the owner alone
    return Written(model, done.library, found)


def _questions(workspace: Workspace, work: _Work) -> tuple[Questions, Metric] | None:
    """Validation rows that this very model was trained beside, and the metric to choose by; None if they are not here.

    Any folder of weights may be exported; the workspace knows the answers of its own candidates alone.
    """
    task = work.built.task
    for model in sorted(workspace.models.glob("*/")):
        run, split = workspace.run(model.name), workspace.split("val")
        if run.predictions.exists() and split.exists() and hash_folder(model) == work.fingerprint:
            metrics, codec = task.target.metrics, task.target.codec(read_json(run.details)["target"])
            name = read_json(workspace.selection_report)["metric"] if workspace.selection_report.exists() else ""
            metric = next((one for one in metrics if one.name == name), metrics[-1])
            return drawn(split, task.content, read_predictions(run.predictions), codec), metric
    return None


def _is_export(target: Path) -> bool:
    """Whether an export wrote this: --force with the wrong name must not delete somebody's folder."""
    card = target / "README.md"
    return card.is_file() and "\n- finetrail\n" in card.read_text(encoding="utf-8", errors="replace")[:500]
