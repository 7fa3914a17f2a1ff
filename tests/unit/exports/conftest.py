"""What the tests of exports share."""

from pathlib import Path

import pytest

from tests.unit.exports.folders import draw


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    draw(folder)
    return folder
