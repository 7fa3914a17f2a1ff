"""`finetrail export`: a trained model as a folder that other libraries load without finetrail."""

from dataclasses import dataclass
from pathlib import Path

from finetrail.commands.scorer import model_folder
from finetrail.errors import ConfigError
from finetrail.exports.card import render
from finetrail.exports.facts import Facts, facts_of
from finetrail.exports.forms import Form, write_form
from finetrail.gate.answers import opened
from finetrail.registry.ledger import open_ledger
from finetrail.registry.meant import meant
from finetrail.runs import tracking
from finetrail.tasks.registry import load_model
from finetrail.tasks.task import Built
from finetrail.workspace import Workspace, replacing


@dataclass(frozen=True)
class Written:
    """What `export` did. Attributes: model: where it came from; library: what loads the folder."""

    model: str
    library: str


def export(workspace: Workspace, model: str, target: Path, *, project: str, form: Form, force: bool = False) -> Written:
    """Write weights, configuration, preprocessing and a model card, which says how to load them; or nothing.

    What was written is read back by its own library, and compared with the model.

    Args:
        model: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, or a folder: one of MLflow's, or one of `data/models`.
        target: a folder that does not exist yet, or is empty.
        form: `hf`: transformers, sentence-transformers, timm or torchvision, by the backbone; or `onnx`.
        force: replace an earlier export that is there.

    Raises:
        ConfigError: the target is there already, the address is none, or a package for this format is not installed.
        ModelError: the folder holds no model of finetrail, or the format cannot express it.
        RefusedError: there is no such version.
        TrackingError: the registry does not answer, or its files are not what was registered.
    """
    if ".git" in target.resolve().parts:
        raise ConfigError(f"{target} lies in a folder of git's own; name another folder")
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (force and _is_export(target))):
        raise ConfigError(f"{target} already exists; name another folder, or pass --force to replace an earlier export")
    if Path(model).is_dir():
        return Written(model, _write(load_model(model_folder(Path(model))), Facts(), target, form))
    tracker = tracking.connect(workspace, project)
    known = meant(workspace, tracker, project, model).known
    ledger = open_ledger(tracker, known.name, workspace.root)
    facts = facts_of(ledger, known)
    with opened(ledger, ledger.read(), workspace.scratch, known) as opened_version:
        return Written(known.address, _write(opened_version.built, facts, target, form))


def _write(built: Built, facts: Facts, target: Path, form: Form) -> str:
    """Write the export, and return the name of what loads it."""
    with replacing(target.resolve()) as partial:
        done = write_form(built, form, partial)
        (partial / "README.md").write_text(render(built, done, facts), encoding="utf-8")
        for weights in partial.rglob("*.safetensors"):
            weights.chmod(0o644)  # transformers writes them for the owner alone
    return done.library


def _is_export(target: Path) -> bool:
    """Whether an export wrote this: --force with the wrong name must not delete somebody's folder."""
    card = target / "README.md"
    return card.is_file() and "\n- finetrail\n" in card.read_text(encoding="utf-8", errors="replace")[:500]
