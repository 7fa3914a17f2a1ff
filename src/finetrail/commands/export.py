"""`finetrail export`: a trained model as a folder that other libraries load without finetrail."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetrail.errors import ConfigError, ModelError
from finetrail.exports.card import render
from finetrail.exports.exported import Exported
from finetrail.exports.facts import Facts, facts_of
from finetrail.gate.answers import opened
from finetrail.registry.ledger import Ledger, author
from finetrail.registry.versions import find
from finetrail.runs import tracking
from finetrail.tasks.registry import get_entry, load_model
from finetrail.tasks.task import Built
from finetrail.workspace import Workspace, read_json, replacing

Format = Literal["hf", "onnx"]
_ADDRESS = re.compile(r"models:/([^/@]+)(?:@([^/@]+)|/(\d+))")


@dataclass(frozen=True)
class Written:
    """What `export` did. Attributes: model: where it came from; library: what loads the folder."""

    model: str
    library: str


def export(
    workspace: Workspace, model: str, target: Path, *, project: str, form: Format, force: bool = False
) -> Written:
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
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (force and _is_export(target))):
        raise ConfigError(
            f"{target} is there already; name another folder, or give --force to replace an earlier export"
        )
    if Path(model).is_dir():
        folder = _model_folder(Path(model))
        return Written(model, _write(folder, load_model(folder), Facts(), target, form))
    address = _ADDRESS.fullmatch(model)
    if address is None:
        raise ConfigError(
            f"model {model!r} is no folder and no address; write models:/NAME@ALIAS, models:/NAME/VERSION or a folder"
        )
    name, alias, number = address.groups()
    tracker = tracking.connect(workspace, project)
    known = find(tracker, name, alias or number)
    ledger = Ledger(tracker, known.name, author(workspace.root))
    facts = facts_of(ledger, known)
    with opened(ledger, workspace.scratch, known) as version:
        return Written(known.address, _write(version.folder, version.built, facts, target, form))


def _write(folder: Path, built: Built, facts: Facts, target: Path, form: Format) -> str:
    """Write the export, and return the name of what loads it."""
    task = read_json(folder / "model.json")["task"]
    with replacing(target.resolve()) as partial:
        done = write_form(built, get_entry(task).column, form, partial)
        (partial / "README.md").write_text(render(task, built.labels, done, facts), encoding="utf-8")
        for weights in partial.rglob("*.safetensors"):
            weights.chmod(0o644)  # transformers writes them for the owner alone
    return done.library


def write_form(built: Built, column: str, form: Format, folder: Path) -> Exported:
    """Write all but the card. Args: column: what the model reads, `text` or `image`."""
    if form == "onnx":
        from finetrail.exports.onnx import export_onnx

        return export_onnx(built, column, folder)
    if column == "text":
        from finetrail.contents.text.export import export_texts

        return export_texts(built, folder)
    from finetrail.contents.image.export import export_pictures

    return export_pictures(built, folder)


def _is_export(target: Path) -> bool:
    """Whether an export wrote this: --force with the wrong name must not delete somebody's folder."""
    card = target / "README.md"
    return card.is_file() and "\n- finetrail\n" in card.read_text(encoding="utf-8", errors="replace")[:500]


def _model_folder(folder: Path) -> Path:
    """The folder with model.json: the given one, or the one inside of a model of MLflow's."""
    found = [*folder.glob("model.json"), *folder.glob("artifacts/*/model.json")]
    if len(found) != 1:
        raise ModelError(f"{folder} holds no model.json, so it is no model of finetrail; name another")
    return found[0].parent
