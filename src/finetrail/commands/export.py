"""`finetrail export`: a trained model as a folder that other libraries load without finetrail."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetrail.commands.scorer import fetch
from finetrail.errors import ConfigError, ModelError
from finetrail.exports.exported import Exported
from finetrail.exports.facts import facts_of
from finetrail.tasks.registry import get_entry, load_model
from finetrail.tasks.task import Built
from finetrail.workspace import Workspace, read_json, replacing

Format = Literal["hf", "onnx"]


@dataclass(frozen=True)
class Written:
    """What `export` did. Attributes: library: what loads the folder."""

    library: str
    task: str


def export(workspace: Workspace, model: str, target: Path, *, form: Format, force: bool) -> Written:
    """Write weights, configuration, preprocessing and a model card, which says how to load them; or nothing.

    What was written is read back by its own library, and compared with the model.

    Args:
        model: see `finetrail.commands.scorer.open_scorer`.
        target: a folder that does not exist yet, or is empty.
        form: `hf`: transformers, sentence-transformers, timm or torchvision, by the backbone; or `onnx`.
        force: replace an earlier export that is there.

    Raises:
        ConfigError: the target is there already, or a package for this format is not installed.
        ModelError: the address is of no model of finetrail, or the format cannot express it.
        TrackingError: there is no such model, or the registry does not answer.
    """
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not _may_replace(target, force)):
        raise ConfigError(
            f"{target} is there already; name another folder, or give --force to replace an earlier export"
        )
    folder = _model_folder(workspace, model)
    facts = facts_of(workspace, model)
    task = read_json(folder / "model.json")["task"]
    built = load_model(folder)
    from finetrail.exports.card import render

    with replacing(target) as partial:
        done = _write(built, get_entry(task).column, form, partial)
        (partial / "README.md").write_text(render(task, built.labels, done, facts), encoding="utf-8")
    return Written(done.library, task)


def _write(built: Built, column: str, form: Format, folder: Path) -> Exported:
    if form == "onnx":
        from finetrail.exports.onnx import export_onnx

        return export_onnx(built, column, folder)
    if column == "text":
        from finetrail.exports.texts import export_texts

        return export_texts(built, folder)
    from finetrail.exports.pictures import export_pictures

    return export_pictures(built, folder)


def _may_replace(target: Path, force: bool) -> bool:
    """Only what an export wrote: --force with the wrong name must not delete somebody's folder."""
    card = target / "README.md"
    return force and card.exists() and "\n- finetrail\n" in card.read_text(encoding="utf-8", errors="replace")[:500]


def _model_folder(workspace: Workspace, model: str) -> Path:
    """The folder with model.json: the given one, or the one inside of a model of MLflow's."""
    folder = Path(model) if Path(model).is_dir() else fetch(workspace, model)
    found = [*folder.glob("model.json"), *folder.glob("artifacts/*/model.json")]
    if len(found) != 1:
        raise ModelError(f"{model} holds no model.json, so it is no model of finetrail; name another")
    return found[0].parent
