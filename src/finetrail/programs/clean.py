"""A script in a process that has no finetrail: forked from the warm server like a stage, or started cold.

finetrail clean-process SCRIPT [ARGUMENT ...]
"""

import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CLEAN = "clean-process"
# Variables that a served model does not need, and that would lead to the real server.
_WITHOUT = ("MLFLOW_", "AWS_", "PREFECT_")
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


def run_clean(script: Path, arguments: Sequence[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script to its end, in a process without finetrail and without the settings of this one.

    Args:
        folder: in which it runs.
    """
    command = [sys.executable, "-P", "-m", "finetrail", CLEAN, str(script), str(folder), *arguments]
    return subprocess.run(command, env=_first_environment(), capture_output=True, text=True, check=False)


def complaint(done: "subprocess.CompletedProcess[str]") -> str:
    """Why a script failed, in a line: the end of what it wrote to stderr."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it gave no reason"]
    return lines[-1][:300]


def become(script: str, folder: str, *arguments: str) -> None:
    """Forget finetrail, which is not found again either, and run the script as the program of this process."""
    for name in [name for name in sys.modules if name == "finetrail" or name.startswith("finetrail.")]:
        del sys.modules[name]
    sys.path[:] = [path for path in sys.path if not (Path(path or ".") / "finetrail").is_dir()]
    for name in [name for name in os.environ if name.startswith(_WITHOUT)]:
        del os.environ[name]
    os.environ |= _OFFLINE
    os.chdir(folder)
    sys.argv[:] = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


def _first_environment() -> dict[str, str]:
    """The environment with which this process began: a server is of one environment, and libraries change it."""
    try:
        entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return dict(os.environ)
    return dict(os.fsdecode(entry).split("=", 1) for entry in entries if b"=" in entry)
