"""Suggestions in params.yaml: nothing else changes, and no edit is lost."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from finetrail.commands.suggest.proposing import Suggestion
from finetrail.commands.suggest.rows import need_splits, place_of
from finetrail.commands.suggest.writing import diff, refuse_edits, with_candidates, with_source, write
from finetrail.config import load_params
from finetrail.errors import ConfigError, WorkspaceError
from finetrail.workspace import Workspace

RECIPES = Path(__file__).parents[4] / "recipes"
TEXT = (RECIPES / "newsgroups.yaml").read_text(encoding="utf-8")
PROBE = Suggestion(
    "linear_probe", {"method": "linear_probe"}, {"learning_rate": 0.02}, 32, 1.0, 1, 1, ranked=False, why="because"
)
LORA = replace(
    PROBE,
    name="lora",
    adaptation={"method": "lora", "r": {"int": [4, 32, "log"]}},
    train={"learning_rate": {"log": [2e-4, 5e-3]}},
    search={"budget": {"trials": 8}, "confirm": None},
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "params.yaml").write_text(TEXT, encoding="utf-8")
    return Workspace(tmp_path)


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_only_the_lines_of_a_suggestion_change(recipe: Path) -> None:
    before = recipe.read_text(encoding="utf-8")
    changed = diff(before, with_candidates(before, [replace(PROBE, name="new")]))
    lines = [line[1:] for line in changed.splitlines()[2:] if line[0] in "+-"]
    assert lines == ["  new:", "    adaptation: {method: linear_probe}", "    train: {learning_rate: 0.02}  # because"]


def test_a_candidate_keeps_its_other_settings() -> None:
    lines = with_candidates(TEXT, [PROBE]).splitlines()
    assert "    train: {epochs: 30, learning_rate: 0.02, patience: 5}  # because" in lines


def test_comments_and_blank_lines_stay() -> None:
    before = """\
candidates:
  linear_probe: # cheap
    adaptation:
      method: linear_probe # the head alone
    train:
      # my note
      learning_rate: 1e-3
      epochs: 3

  plain:
    adaptation: {method: full}

# how to choose
selection: {}
"""
    after = with_candidates(before, [PROBE, replace(PROBE, name="plain", adaptation={"method": "full"}, train={})])
    wanted = before.replace("learning_rate: 1e-3", "learning_rate: 0.02  # because")
    assert after == wanted.replace("{method: full}", "{method: full}  # because")


def test_what_is_written_is_a_valid_search(workspace: Workspace) -> None:
    write(workspace, with_candidates(TEXT, [PROBE, LORA]))
    candidate = load_params(workspace.params).candidates["lora"]
    assert [one.name for one in candidate.space.dimensions] == ["adaptation.r", "train.learning_rate"]
    assert candidate.search is not None
    assert (candidate.search.trials, candidate.search.confirm) == (8, None)


def test_a_search_can_be_suggested_again_and_taken_back(workspace: Workspace) -> None:
    once = with_candidates(TEXT, [LORA])
    assert with_candidates(with_candidates(once, [LORA]), [LORA]) == with_candidates(once, [LORA])
    plain = replace(LORA, adaptation={"method": "lora"}, train={"learning_rate": 1e-3}, search=None)
    write(workspace, with_candidates(once, [plain]))
    assert load_params(workspace.params).candidates["lora"].search is None


def test_a_suggestion_that_is_not_valid_changes_nothing(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match=r"learning_rate is -1"):
        write(workspace, with_candidates(TEXT, [replace(PROBE, train={"learning_rate": -1})]))
    assert workspace.params.read_text(encoding="utf-8") == TEXT
    assert [path.name for path in workspace.root.iterdir()] == ["params.yaml"]


def test_a_recipe_takes_another_file(tmp_path: Path) -> None:
    before = (RECIPES / "own-table.yaml").read_text(encoding="utf-8")
    after = with_source(before, "mine", {"path": "data/input/mine.csv", "columns": {"text": "body", "label": "kind"}})
    (tmp_path / "params.yaml").write_text(after, encoding="utf-8")
    params = load_params(tmp_path / "params.yaml")
    assert (params.project, params.source.path) == ("mine", "data/input/mine.csv")
    assert (params.source.columns.contents, params.source.columns.labels) == (("body",), ("kind",))


def test_edits_that_git_does_not_have_are_refused_until_they_are_committed(workspace: Workspace) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=Toy", "-c", "user.email=toy@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=workspace.root, check=True, capture_output=True)

    git("init", "--quiet")
    with pytest.raises(ConfigError, match=r"has edits that `suggest` would overwrite; commit them with `git commit .*"):
        refuse_edits(workspace)
    git("add", "params.yaml")
    git("commit", "--quiet", "--message=params", "params.yaml")
    refuse_edits(workspace)
    with workspace.params.open("a", encoding="utf-8") as file:
        file.write("# my own note\n")
    with pytest.raises(ConfigError, match=r"or see what would change with `finetrail suggest --diff`"):
        refuse_edits(workspace)
    git("commit", "--quiet", "--message=note", "params.yaml")
    refuse_edits(workspace)


def test_a_recipe_that_nobody_edited_gives_way(workspace: Workspace) -> None:
    (workspace.root / "recipes").mkdir()
    (workspace.root / "recipes" / "newsgroups.yaml").write_text(TEXT, encoding="utf-8")
    refuse_edits(workspace)


def test_without_rows_it_says_how_to_get_them(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match=r"`suggest` measures on these rows; run `dvc repro split`"):
        need_splits(workspace)


def test_another_file_of_that_name_is_not_overwritten(workspace: Workspace, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("a,b\n")
    assert place_of(workspace, mine) == "data/input/mine.csv"
    there = workspace.root / "data" / "input" / "mine.csv"
    there.parent.mkdir(parents=True)
    there.write_text("a,b\n")
    assert place_of(workspace, mine) == place_of(workspace, there) == "data/input/mine.csv"
    there.write_text("other\n")
    with pytest.raises(ConfigError, match=r"data/input/mine\.csv is another file than .*; rename one of them"):
        place_of(workspace, mine)
