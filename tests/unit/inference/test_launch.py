"""Several processes, started and ended together; what they train is in tests/pipeline/test_processes.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.workspaces import PARAMS

pytestmark = pytest.mark.slow

LAUNCH = "from finetrail.inference.launch import launch; launch(2, ['check'])"


def launch(folder: Path, code: str = LAUNCH, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )


def test_one_of_two_speaks(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(PARAMS)
    done = launch(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("params.yaml is valid") == 1


def test_an_error_of_both_is_told_once(tmp_path: Path) -> None:
    done = launch(tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("ConfigError: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [0, 1])
def test_an_error_of_one_is_told_and_ends_the_other(tmp_path: Path, number: int) -> None:
    """The failing one finds no params.yaml; the other would wait for an hour."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import os, time\nif os.environ.get('RANK') == '{1 - number}':\n    time.sleep(3600)\n"
    )
    done = launch(tmp_path, PYTHONPATH=os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    assert done.returncode == 2
    assert done.stderr.startswith("ConfigError: ")
    assert done.stderr.count("\n") == 1


def test_a_process_whose_launcher_is_gone_ends_at_once(tmp_path: Path) -> None:
    code = "from finetrail.inference.launch import one_of_several\nwith one_of_several():\n    print('trains')"
    done = launch(tmp_path, code, FINETRAIL_LAUNCHER="1")
    assert (done.returncode, done.stdout) == (1, "")
    alone = launch(tmp_path, code)
    assert (alone.returncode, alone.stdout) == (0, "trains\n")
