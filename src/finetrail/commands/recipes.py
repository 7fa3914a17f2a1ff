"""`finetrail use`: put a recipe, a complete params.yaml, in place."""

import re
import shutil
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from rich.text import Text
from ruamel.yaml import YAML

from finetrail.commands.columns import aligned
from finetrail.config import load_params
from finetrail.errors import ConfigError
from finetrail.programs.git import Repository
from finetrail.workspace import Workspace

INITIAL = "initial.yaml"
"""In .finetrail: the last params.yaml that `init` wrote."""


def recipes(workspace: Workspace) -> dict[str, Path]:
    """The recipes of this workspace by name."""
    return {path.stem: path for path in sorted((workspace.root / "recipes").glob("*.yaml"))}


def listed(workspace: Workspace) -> Iterator[Text]:
    """The recipes with their tasks, and the first sentence that each says of itself.

    Raises:
        ConfigError: there are none.
    """
    rows = [(name, *_described(path)) for name, path in recipes(workspace).items()]
    if not rows:
        raise ConfigError("recipes/ is empty; run this in a clone of finetrail")
    return aligned(("recipe", "task", "what it is"), rows)


def _described(path: Path) -> tuple[str, str]:
    """The task of a recipe, and what it is."""
    text = path.read_text(encoding="utf-8")
    named = YAML(typ="safe").load(text).get("task", "")
    task = str(named["name"] if isinstance(named, dict) else named)
    comment = takewhile(lambda line: line.startswith("#"), text.splitlines())
    said = " ".join(line.lstrip("# ") for line in comment)
    return task, re.split(r"(?<=\.) (?=[A-Z])", said)[0].removeprefix(f"{task}: ")


def use(workspace: Workspace, name: str, *, force: bool) -> Path:
    """Copy a recipe to params.yaml.

    Args:
        force: replace a params.yaml that neither git nor a recipe has as it is, that is, one that a person edited.

    Returns:
        The recipe's file.

    Raises:
        ConfigError: there is no such recipe, it is not valid, or params.yaml holds edits that would be lost.
    """
    known = recipes(workspace)
    if name not in known:
        raise ConfigError(f"recipe {name!r} does not exist; use one of {', '.join(known) or 'none: recipes/ is empty'}")
    load_params(known[name])
    if not force and is_edited(workspace):
        raise ConfigError(
            f"params.yaml has edits that `use {name}` would overwrite; commit or copy it, then repeat with --force"
        )
    shutil.copyfile(known[name], workspace.params)
    return known[name]


def is_edited(workspace: Workspace) -> bool:
    """Whether params.yaml is neither in git, nor a recipe, nor what `init` wrote: then a person did."""
    if not workspace.params.exists():
        return False
    current = workspace.params.read_bytes()
    made = [*recipes(workspace).values(), workspace.scratch / INITIAL]
    committed = Repository(workspace.root).show("HEAD", workspace.params.name)
    return current != committed and all(path.read_bytes() != current for path in made if path.exists())


def write_params(workspace: Workspace, text: str) -> None:
    """Replace params.yaml at once."""
    partial = workspace.params.with_name(workspace.params.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(workspace.params)
