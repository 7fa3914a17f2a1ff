"""`finetrail init`: a user's file or folder goes to data/input, and params.yaml fits it."""

import filecmp
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from finetrail.commands.recipes import INITIAL, is_edited, recipes, write_params
from finetrail.config import check_params
from finetrail.data.sources.folders import file_names
from finetrail.errors import ConfigError, SourceError
from finetrail.programs.dvc import Dvc
from finetrail.programs.run import Say
from finetrail.starting.asking import Asked
from finetrail.starting.looking import Data
from finetrail.starting.recognising import recognise
from finetrail.starting.shape import Choice
from finetrail.starting.splitting import warnings
from finetrail.starting.writing import params_of, project_of
from finetrail.workspace import Workspace

INPUT = Path("data", "input")


@dataclass(frozen=True)
class Done:
    """What was done.

    Attributes:
        task, recipe: what the data is for, and what params.yaml starts from.
        place: where the data is, from the workspace. copied: whether it was put there.
    """

    task: str
    recipe: str
    place: str
    copied: bool


def init(
    workspace: Workspace, given: Path, asked: Asked, environment: Mapping[str, str], say: Say, *, force: bool
) -> Done:
    """Look at data, write params.yaml for it, put it into data/input and track it with DVC.

    Args:
        environment: for DVC.
        say: hears what was seen.
        force: replace a params.yaml that a person edited.

    Raises:
        ConfigError: params.yaml has edits that would be lost, data/input has another file of the name, or something
            cannot be told and nobody is there to ask.
        SourceError: the data cannot be read, or is of no known shape.
        WorkspaceError: DVC fails.
    """
    known = recipes(workspace)
    if not known:
        raise ConfigError("recipes/ is empty, and params.yaml starts from a recipe; run this in a clone of finetrail")
    if not force:
        _refuse_edits(workspace, given)
    if not given.exists():
        raise SourceError(f"{given} does not exist; give a CSV, TSV, JSONL or Parquet file, a folder or an archive")
    place = _place_of(workspace, given)
    data = Data(given, place.as_posix(), asked)
    shape, seen = recognise(data)
    for line in (*seen.said, *warnings(seen)):
        say(line)
    if data.pictures in (data.table.columns if data.table else ()):
        _refuse_absent(data, inside=given.resolve() == (workspace.root / place).resolve())
    if shape.recipe not in known:
        raise ConfigError(f"recipes/{shape.recipe}.yaml, which such data starts from, is missing; restore it with git")
    recipe = known[shape.recipe].read_text(encoding="utf-8")
    choices: list[Choice] = [*shape.params(data, seen)]
    text = params_of(recipe, shape, given.name, project_of(given.name), choices)
    check_params(workspace.params, text)
    copied = _put(given, workspace.root / place)
    Dvc(workspace.root, environment, str(workspace.root)).must("add", _tracked(workspace.root, place).as_posix())
    workspace.scratch.mkdir(exist_ok=True)
    (workspace.scratch / INITIAL).write_text(text, encoding="utf-8")
    write_params(workspace, text)
    return Done(shape.task[0], shape.recipe, place.as_posix(), copied)


def _refuse_absent(data: Data, *, inside: bool) -> None:
    """Raise SourceError if the files that a table names are not there, or would stay behind.

    Args:
        inside: whether the table is in data/input already.
    """
    named = [name for name in data.table.columns[data.pictures].counts if name] if data.table else []
    if named and not data.are_there(data.pictures):
        raise SourceError(
            f"{data.name} names files such as {named[0]!r}, which are not in {data.beside}; put them there, or correct "
            "the paths"
        )
    if named and data.tree is None and not inside:
        raise SourceError(
            f"{data.name} names files beside it; give the folder that has both: finetrail init "
            f"{quote(str(data.beside.resolve()))}"
        )


def _refuse_edits(workspace: Workspace, given: Path) -> None:
    if is_edited(workspace):
        raise ConfigError(
            f"params.yaml has edits that `init` would overwrite; commit it with `git commit params.yaml`, or repeat "
            f"with --force: finetrail init {quote(str(given))} --force"
        )


def _place_of(workspace: Workspace, given: Path) -> Path:
    """Where the data is to lie, from the workspace: where it is, if that is in data/input.

    Raises:
        ConfigError: something else has its name there, or it is a folder around data/input.
    """
    root, real = workspace.root.resolve(), given.resolve()
    if (root / INPUT).is_relative_to(real):
        raise ConfigError(f"{given} holds the workspace's own {INPUT}; give one file or folder of it")
    if real.is_relative_to(root / INPUT):
        return real.relative_to(root)
    place = INPUT / real.name
    if (root / place).exists() and not _same(real, root / place):
        raise ConfigError(
            f"{place} is there already, and is not {given}; give that one (finetrail init {quote(str(place))}), or "
            "rename one of the two"
        )
    return place


def _same(one: Path, other: Path) -> bool:
    """Whether two files, or two folders with all their files, are equal."""
    if one.is_dir() != other.is_dir():
        return False
    if not one.is_dir():
        return filecmp.cmp(one, other, shallow=False)
    names = [*file_names(one)]
    return names == [*file_names(other)] and not any(filecmp.cmpfiles(one, other, names, shallow=False)[1:])


def _put(given: Path, target: Path) -> bool:
    """Copy data where it is to lie, if it is not there; returns whether it was copied."""
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    if given.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(given, partial)
    else:
        shutil.copyfile(given, partial)
    partial.replace(target)
    return True


def _tracked(root: Path, place: Path) -> Path:
    """What to give to DVC: the data, or a folder above it that DVC tracks as a whole."""
    above = [one for one in place.parents if (root / f"{one}.dvc").exists()]
    return above[0] if above else place
