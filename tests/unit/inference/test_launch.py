"""Several processes, started and ended together; what they train is in tests/pipeline/test_processes.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

FORK = "import torch; from finetrail.inference.launch import launch; from tests.unit.inference import works; "
NEW = f"import threading, time; threading.Thread(target=time.sleep, args=(3600,), daemon=True).start(); {FORK}"
"""A process that has threads is not forked."""
REPOSITORY = Path(__file__).parents[3]


def run(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | environment
    return subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("code", [FORK, NEW], ids=["forked", "new"])
def test_one_of_two_speaks_and_they_share_the_cores(code: str) -> None:
    done = run(f"{code}launch(2, works.tell)")
    assert (done.returncode, done.stderr) == (0, "")
    threads = max(1, len(os.sched_getaffinity(0)) // 2)
    forked = code == FORK
    assert done.stdout == f"0 of 2, {threads} threads, torch was {'there' if forked else 'not there'}\n"


def test_an_error_of_both_is_told_once() -> None:
    done = run(f"{FORK}launch(2, works.fail)")
    assert done.returncode == 2
    assert done.stderr == "ConfigError: it is wrong; correct it\n"


@pytest.mark.parametrize("number", [0, 1])
def test_an_error_of_one_is_told_and_ends_the_other(number: int) -> None:
    """The other would wait for an hour."""
    done = run(f"{FORK}launch(2, works.fail_{number})")
    assert done.returncode == 2
    assert done.stderr == "ConfigError: it is wrong; correct it\n"


def test_a_process_whose_launcher_is_gone_ends_at_once() -> None:
    code = "from finetrail.inference.launch import one_of_several\nwith one_of_several():\n    print('trains')"
    done = run(code, FINETRAIL_LAUNCHER="1")
    assert (done.returncode, done.stdout) == (1, "")
    alone = run(code)
    assert (alone.returncode, alone.stdout) == (0, "trains\n")
