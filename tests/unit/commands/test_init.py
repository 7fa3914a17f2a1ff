"""`finetrail init`: what it refuses, before anything is written."""

import os
import shutil
from pathlib import Path

import pytest

from finetrail.commands.init import init
from finetrail.commands.recipes import use
from finetrail.errors import ConfigError, SourceError
from finetrail.workspace import Workspace
from tests.contract.pipeline import REPOSITORY
from tests.unit.starting.given import asked, image, rows, table, text


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    (root / "data" / "input").mkdir(parents=True)
    shutil.copytree(REPOSITORY / "recipes", root / "recipes")
    return Workspace(root)


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    return table(tmp_path / "reviews.csv", rows(text=text, label=lambda n: "ab"[n % 2]))


def begin(workspace: Workspace, given: Path, *, force: bool = False) -> list[str]:
    """What is said, until DVC: there is none here."""
    said: list[str] = []
    init(workspace, given, asked(), os.environ, said.append, force=force)
    return said


def test_edits_are_not_lost(workspace: Workspace, reviews: Path) -> None:
    use(workspace, "own-table", force=False)
    edited = workspace.params.read_text(encoding="utf-8") + "# my own note\n"
    workspace.params.write_text(edited, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"params\.yaml has edits that `init` would overwrite; commit it .* --force$"):
        begin(workspace, reviews)
    assert workspace.params.read_text(encoding="utf-8") == edited


def test_another_file_of_the_name_stays(workspace: Workspace, reviews: Path) -> None:
    other = table(workspace.root / "data" / "input" / "reviews.csv", rows(text=text, label=lambda n: "xy"[n % 2]))
    before = other.read_bytes()
    with pytest.raises(ConfigError, match=r"data/input/reviews\.csv is there already, and is not .*; give that one \("):
        begin(workspace, reviews)
    assert other.read_bytes() == before


def test_a_table_leaves_no_images_behind(workspace: Workspace, tmp_path: Path) -> None:
    listed = table(tmp_path / "pets" / "labels.csv", rows(file=lambda n: f"{n % 3}.png", kind=lambda n: "ab"[n % 2]))
    with pytest.raises(
        SourceError, match=r"labels\.csv names files such as '0\.png', which are not in .*pets; put them"
    ):
        begin(workspace, listed)
    for number in range(3):
        image(listed.parent / f"{number}.png", number)
    with pytest.raises(
        SourceError, match=r"labels\.csv names files beside it; give the folder .*: finetrail init /.*pets"
    ):
        begin(workspace, listed)
    assert [*(workspace.root / "data" / "input").iterdir()] == []


def test_a_folder_around_the_workspaces_own_data_is_refused(workspace: Workspace) -> None:
    for given in (workspace.root, workspace.root / "data" / "input"):
        with pytest.raises(ConfigError, match=r"holds the workspace's own data/input; give one file or folder of it"):
            begin(workspace, given)


def test_what_is_not_there_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"none\.csv does not exist; give a CSV, TSV, JSONL or Parquet file, a folder"
    ):
        begin(workspace, tmp_path / "none.csv")
    with pytest.raises(ConfigError, match=r"recipes/ is empty, .*; run this in a clone of finetrail"):
        begin(Workspace(tmp_path), tmp_path / "none.csv")
