"""SIGKILL, at moments that nobody chose."""

from pathlib import Path

import pytest

from tests.unit.training.programs import run

pytestmark = pytest.mark.slow


def test_a_training_that_is_killed_twenty_times_ends_with_the_bytes_of_one_that_was_not(tmp_path: Path) -> None:
    found, _ = run("-m", "tests.unit.training.killed", str(tmp_path), "20")
    assert found["killed"] == {"anywhere": 10, "saving": 5, "evaluating": 5}
    assert len(found["results"]) >= 2
    assert len(set(found["results"])) == 1
