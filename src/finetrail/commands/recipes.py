"""`finetrail use`: put a recipe, a complete params.yaml, in place."""

import shutil
from pathlib import Path

from finetrail.config import load_params
from finetrail.errors import ConfigError
from finetrail.workspace import Workspace


def recipes(workspace: Workspace) -> dict[str, Path]:
    """The recipes of this workspace by name."""
    return {path.stem: path for path in sorted((workspace.root / "recipes").glob("*.yaml"))}


def use(workspace: Workspace, name: str, *, force: bool) -> Path:
    """Copy a recipe to params.yaml.

    Args:
        force: replace a params.yaml that matches no recipe, that is, one that a person edited.

    Returns:
        The recipe's file.

    Raises:
        ConfigError: there is no such recipe, it is not valid, or params.yaml holds edits that would be lost.
    """
    known = recipes(workspace)
    if name not in known:
        raise ConfigError(f"recipe {name!r} does not exist; use one of {', '.join(known) or 'none: recipes/ is empty'}")
    load_params(known[name])
    if workspace.params.exists() and not force:
        current = workspace.params.read_bytes()
        if all(path.read_bytes() != current for path in known.values()):
            raise ConfigError(
                f"params.yaml has edits that `use {name}` would overwrite; commit or copy it, then repeat with --force"
            )
    shutil.copyfile(known[name], workspace.params)
    return known[name]
