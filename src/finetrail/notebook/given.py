"""From rows in memory to files and the params.yaml of a workspace, as `finetrail init` makes it of a user's files."""

import io
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import finetrail
from finetrail.commands.recipes import INITIAL, recipes, write_params
from finetrail.config import check_params
from finetrail.data.sources.annotated import is_image
from finetrail.errors import ConfigError, FinetrailError
from finetrail.notebook.models import Rows, frame_of
from finetrail.starting.asking import Asked
from finetrail.starting.document import read
from finetrail.starting.looking import Data
from finetrail.starting.recognising import recognise
from finetrail.starting.shape import NOTHING, Choice
from finetrail.starting.writing import params_of
from finetrail.workspace import SPLITS, Workspace

PLACE, WEIGHTS = Path("data", "input", "rows"), Path("data", "weights")


@dataclass(frozen=True)
class Wanted:
    """What is to be trained.

    Attributes:
        project: the experiment, and by default the name in the registry.
        method: of adaptation; it names the candidate too.
        backbone: weights, or keys of section `backbone`; None leaves the recipe's.
        adaptation, training: keys of the candidate's sections, over the recipe's.
    """

    project: str
    method: str
    backbone: str | Path | Mapping[str, Any] | None
    adaptation: Mapping[str, Any]
    training: Mapping[str, Any]
    seed: int


def write_rows(workspace: Workspace, splits: Mapping[str, Rows | None]) -> None:
    """Write a Parquet file for each split that has rows given.

    Raises:
        ConfigError: a split has no row.
    """
    folder = workspace.root / PLACE
    folder.mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        file, rows = folder / f"{name}.parquet", splits[name]
        if rows is None:
            file.unlink(missing_ok=True)
            continue
        frame = frame_of(rows, ["row"])
        if frame.empty:
            raise ConfigError(f"{name} has 0 rows; give labelled rows as a frame or as a list of dicts")
        frame.map(_stored).to_parquet(file, index=False)


def write_settings(workspace: Workspace, asked: Asked, wanted: Wanted, *, tested: bool) -> None:
    """Write params.yaml for the rows, from the recipe that `init` starts from.

    Args:
        tested: whether there are test rows.

    Raises:
        ConfigError: a setting is not allowed, or it cannot be told what a column is for.
        SourceError: the rows look like no task's.
    """
    known = recipes(Workspace(Path(finetrail.__file__).parents[2]))
    if not known:
        raise ConfigError("finetrail is installed without its recipes; install it from a clone: pip install -e CLONE")
    data = Data(workspace.root / PLACE, PLACE.as_posix(), asked)
    try:
        shape, seen = recognise(data)
        choices = [*shape.params(data, seen)]
    except FinetrailError as error:  # the command line's flags are keywords here
        raise type(error)(re.sub(r"--(text|label|task)\b ?", r"\1=", str(error))) from error
    recipe = known[shape.recipe].read_text(encoding="utf-8")
    choices += _candidate(read(recipe)[1], wanted)
    choices += _backbone(workspace, wanted.backbone)
    choices += [Choice(("split", "method"), "official"), Choice(("split", "test"), NOTHING if tested else 0)]
    text = params_of(recipe, shape, "the rows of a notebook", wanted.project, choices)
    check_params(workspace.params, text)
    workspace.scratch.mkdir(exist_ok=True)
    (workspace.scratch / INITIAL).write_text(text, encoding="utf-8")
    write_params(workspace, text)


def _candidate(recipe: Mapping[str, Any], wanted: Wanted) -> Iterator[Choice]:
    """The choices that leave one candidate."""
    known = [*recipe["candidates"].values()]
    same = next((one for one in known if one["adaptation"]["method"] == wanted.method), None)
    adaptation = dict(same["adaptation"]) if same else {"method": wanted.method}
    training = dict((same or known[0]).get("train", {}))
    settings = {"adaptation": adaptation | dict(wanted.adaptation), "train": training | dict(wanted.training)}
    yield Choice(("seed",), wanted.seed)
    yield Choice(("candidates",), {wanted.method: settings})


def _backbone(workspace: Workspace, backbone: str | Path | Mapping[str, Any] | None) -> Iterator[Choice]:
    """The choices for section `backbone`; weights that are a file or folder here are copied to data/weights."""
    keys = dict(backbone) if isinstance(backbone, Mapping) else {} if backbone is None else {"weights": str(backbone)}
    given = Path(str(keys.get("weights", "")))
    if given.name and given.exists():
        place = WEIGHTS / given.resolve().name
        target = workspace.root / place
        if given.resolve() != target:
            target.parent.mkdir(parents=True, exist_ok=True)
            if given.is_dir():
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(given, target)
            else:
                shutil.copyfile(given, target)
        keys["weights"] = place.as_posix()
    for key, value in keys.items():
        yield Choice(("backbone", key), NOTHING if value is None else value)


def _stored(value: Any) -> Any:
    """A value as Parquet holds it: of a file with an image, or an image in memory, the bytes."""
    if isinstance(value, Path) or (isinstance(value, str) and is_image(value) and Path(value).is_file()):
        return Path(value).read_bytes()
    if hasattr(value, "__array_interface__") and getattr(value, "ndim", 2) > 1:
        from PIL import Image

        image = value if isinstance(value, Image.Image) else Image.fromarray(value)
        file = io.BytesIO()
        image.save(file, "PNG")
        return file.getvalue()
    return value


def no_guess(question: str, options: Sequence[str], flag: str) -> str:
    """Refuse to choose: nobody is asked in a notebook."""
    answer = flag or "label=COLUMN"
    raise ConfigError(f"{question}: {' or '.join(map(repr, options[:6]))}? Name it: {answer}")
