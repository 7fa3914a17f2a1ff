"""SIGKILL, at moments that nobody chose."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


def test_a_training_that_is_killed_twenty_times_ends_with_the_bytes_of_one_that_was_not(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.training.killed", str(tmp_path), "20"],
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["killed"] == {"anywhere": 10, "saving": 5, "evaluating": 5}
    assert len(found["results"]) >= 2
    assert len(set(found["results"])) == 1
