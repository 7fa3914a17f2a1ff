"""Every recipe is a complete and valid params.yaml, and the one in place is the default recipe."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from finetrail.config import load_params
from tests.contract.pipeline import REPOSITORY, left_out, stages

RECIPES = sorted((REPOSITORY / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_valid(recipe: Path) -> None:
    params = load_params(recipe)
    assert params.project
    assert len(params.candidates) >= 2, "a recipe shows a comparison"


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_has_every_section_that_dvc_reads(recipe: Path) -> None:
    """DVC stops with "Parameters ... are missing" where finetrail would take its defaults."""
    sections = YAML(typ="safe").load(recipe.read_text(encoding="utf-8"))
    read = {param.split(".")[0] for stage in stages().values() for param in stage.params}
    assert read - set(sections) - set(left_out()) == set()


def test_the_params_in_place_are_the_default_recipe() -> None:
    assert (REPOSITORY / "params.yaml").read_bytes() == (REPOSITORY / "recipes" / "newsgroups.yaml").read_bytes()
