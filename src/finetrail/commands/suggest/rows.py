"""Where the rows of train and val are: in this workspace, or in a temporary one that is made for a bare file."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetrail.errors import ConfigError, WorkspaceError
from finetrail.programs.run import must
from finetrail.workspace import Workspace

STAGES = ("ingest", "validate", "split")
INPUT, WEIGHTS = Path("data", "input"), Path("data", "weights")


def need_splits(workspace: Workspace) -> Workspace:
    """This workspace, if it has rows. Raises: WorkspaceError: it has none yet."""
    if not workspace.split("train").exists():
        raise WorkspaceError(
            f"{workspace.split('train')} does not exist, and `suggest` measures on these rows; run `dvc repro split`"
        )
    return workspace


def place_of(workspace: Workspace, file: Path) -> str:
    """The path, from the workspace, where DVC will see a file: in data/input.

    Raises:
        ConfigError: another file has its name there.
    """
    place = workspace.root / INPUT / file.name
    if place.exists() and not place.samefile(file) and place.read_bytes() != file.read_bytes():
        raise ConfigError(
            f"{INPUT / file.name} is another file than {file}; rename one of them: params.yaml can name only files in "
            f"{INPUT}"
        )
    return (INPUT / file.name).as_posix()


@contextmanager
def rows_of(workspace: Workspace, file: Path, text: str) -> Iterator[Workspace]:
    """A temporary workspace in which a file was ingested, validated and split; this one stays as it is.

    Args:
        file: goes where `place_of` says.
        text: of params.yaml.

    Raises:
        WorkspaceError: a stage failed; it has said why.
    """
    workspace.scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.scratch, prefix="suggest-") as folder:
        made = Workspace(Path(folder))
        (made.root / INPUT).mkdir(parents=True)
        (made.root / INPUT / file.name).symlink_to(file.resolve())
        if (workspace.root / WEIGHTS).exists():
            (made.root / WEIGHTS).symlink_to((workspace.root / WEIGHTS).resolve())
        made.params.write_text(text, encoding="utf-8")
        for stage in STAGES:
            must([sys.executable, "-m", "finetrail", stage], made.root, os.environ, where="a temporary workspace")
        yield made
