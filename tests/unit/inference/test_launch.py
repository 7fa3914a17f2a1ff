"""Several processes, started and ended together; what they train is in tests/pipeline/test_processes.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.workspaces import PARAMS

pytestmark = pytest.mark.slow

FORK = "import torch; from finetrail.inference.launch import launch; from tests.unit.inference import works; "
NEW = f"import threading, time; threading.Thread(target=time.sleep, args=(3600,), daemon=True).start(); {FORK}"
"""A process that has threads is not forked."""
REPOSITORY = Path(__file__).parents[3]


def run(code: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | environment
    env["PYTHONPATH"] = os.pathsep.join((str(REPOSITORY), env.get("PYTHONPATH", "")))
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("code", [FORK, NEW], ids=["forked", "new"])
def test_one_of_two_speaks_and_they_share_the_cores(code: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(PARAMS)
    done = run(f"{code}launch(2, works.check)", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("params.yaml is valid") == 1
    told = run(f"{code}launch(2, works.tell)", tmp_path)
    threads, forked = max(1, len(os.sched_getaffinity(0)) // 2), code == FORK
    assert told.stdout == f"0 of 2, {threads} threads, torch was {'there' if forked else 'not there'}\n"


@pytest.mark.parametrize("code", [FORK, NEW], ids=["forked", "new"])
def test_an_error_of_both_is_told_once(code: str, tmp_path: Path) -> None:
    done = run(f"{code}launch(2, works.check)", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("ConfigError: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [0, 1])
def test_an_error_of_one_is_told_and_ends_the_other(tmp_path: Path, number: int) -> None:
    """The failing one finds no params.yaml; the other would wait for an hour."""
    done = run(f"{FORK}launch(2, works.check_in_{number})", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("ConfigError: ")
    assert done.stderr.count("\n") == 1


def test_a_process_whose_launcher_is_gone_ends_at_once(tmp_path: Path) -> None:
    code = "from finetrail.inference.launch import one_of_several\nwith one_of_several():\n    print('trains')"
    done = run(code, tmp_path, FINETRAIL_LAUNCHER="1")
    assert (done.returncode, done.stdout) == (1, "")
    alone = run(code, tmp_path)
    assert (alone.returncode, alone.stdout) == (0, "trains\n")
