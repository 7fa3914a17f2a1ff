"""What every command starts with: the workspace of the current folder, and its params.yaml."""

from pathlib import Path

from finetrail.config import load_params
from finetrail.sections import Params
from finetrail.workspace import Workspace


def open_workspace() -> tuple[Workspace, Params]:
    """Return the workspace and its checked parameters. Raises: ConfigError: see `load_params`."""
    workspace = Workspace(Path.cwd())
    return workspace, load_params(workspace.params)
