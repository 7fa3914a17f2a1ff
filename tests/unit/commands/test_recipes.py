"""`finetrail use`: a recipe goes into place, and no edit is lost."""

import subprocess
from pathlib import Path

import pytest

from finetrail.commands.recipes import listed, recipes, use
from finetrail.errors import ConfigError
from finetrail.workspace import Workspace

RECIPE = """\
project: {name}
task: text-classification
seed: 0
source: {{path: data/input/a.csv}}
validation: {{}}
split: {{}}
train: {{}}
selection: {{}}
backbone: {{weights: "hf://owner/encoder"}}
candidates: {{probe: {{adaptation: {{method: linear_probe}}}}}}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "recipes").mkdir()
    for name in ("small", "large"):
        (tmp_path / "recipes" / f"{name}.yaml").write_text(RECIPE.format(name=name))
    (tmp_path / "recipes" / "broken.yaml").write_text(RECIPE.format(name="broken") + "sed: 1\n")
    return Workspace(tmp_path)


def test_a_recipe_is_copied_as_it_is(workspace: Workspace) -> None:
    assert use(workspace, "small", force=False) == workspace.root / "recipes" / "small.yaml"
    assert workspace.params.read_text() == RECIPE.format(name="small")
    assert list(recipes(workspace)) == ["broken", "large", "small"]


def test_a_recipe_that_nobody_edited_gives_way_to_another(workspace: Workspace) -> None:
    use(workspace, "small", force=False)
    use(workspace, "large", force=False)
    assert workspace.params.read_text() == RECIPE.format(name="large")


def test_edits_are_lost_only_by_force(workspace: Workspace) -> None:
    edited = RECIPE.format(name="small") + "# my own note\n"
    workspace.params.write_text(edited)
    with pytest.raises(ConfigError, match=r"has edits that `use large` would overwrite; commit or copy it, .* --force"):
        use(workspace, "large", force=False)
    assert workspace.params.read_text() == edited
    use(workspace, "large", force=True)
    assert workspace.params.read_text() == RECIPE.format(name="large")


def test_what_git_has_is_not_lost(workspace: Workspace) -> None:
    workspace.params.write_text(RECIPE.format(name="small") + "# my own note\n")
    for command in ("init", "add .", "-c user.name=a -c user.email=a@b commit -m mine"):
        subprocess.run(["git", *command.split()], cwd=workspace.root, check=True, capture_output=True)
    use(workspace, "large", force=False)
    assert workspace.params.read_text() == RECIPE.format(name="large")


def test_recipes_are_listed_with_task_and_first_sentence(workspace: Workspace) -> None:
    said = "# text-classification: posts (Doe et al. 2015), in\n# 3 minutes. Put them there.\n"
    (workspace.root / "recipes" / "large.yaml").write_text(said + RECIPE.format(name="large"))
    lines = [line.plain.split(maxsplit=2) for line in listed(workspace)]
    assert lines[2] == ["large", "text-classification", "posts (Doe et al. 2015), in 3 minutes."]
    assert [line[0] for line in lines] == ["recipe", "broken", "large", "small"]
    with pytest.raises(ConfigError, match=r"^recipes/ is empty; run this in a clone of finetrail$"):
        listed(Workspace(workspace.root / "elsewhere"))


def test_an_unknown_recipe_lists_those_that_exist(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="recipe 'medium' does not exist; use one of broken, large, small"):
        use(workspace, "medium", force=True)
    with pytest.raises(ConfigError, match="recipe 'small' does not exist; use one of none: recipes/ is empty"):
        use(Workspace(tmp_path / "elsewhere"), "small", force=False)


def test_a_recipe_that_is_not_valid_does_not_get_into_place(workspace: Workspace) -> None:
    use(workspace, "small", force=False)
    with pytest.raises(ConfigError, match=r"broken\.yaml: unknown key 'sed'; did you mean 'seed'\?"):
        use(workspace, "broken", force=True)
    assert workspace.params.read_text() == RECIPE.format(name="small")
