"""What a stage and the process that it is forked from must have in common, so that nobody can tell the difference."""

import hashlib
import os
import resource
import sys
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
FREE = frozenset({"_", "SHLVL", "PWD", "OLDPWD", "DVC_ROOT", "DVC_STAGE"})
"""Variables that may differ from stage to stage: no library reads them when it is imported."""


def identity() -> dict[str, Any]:
    """Everything that imported libraries may depend on, as JSON. The environment is part of it, secrets included."""
    return {
        "interpreter": [sys.executable, sys.prefix, sys.version, sys.warnoptions, sorted(map(str, sys._xoptions))],
        "flags": [getattr(sys.flags, name) for name in ("optimize", "isolated", "no_site", "utf8_mode", "verbose")],
        "package": str(PACKAGE),
        "lock": _digest(Path("requirements.lock")),
        "environment": {name: value for name, value in os.environ.items() if name not in FREE},
        "user": [list(os.getresuid()), list(os.getresgid()), sorted(os.getgroups())],
        # Containers may share a folder, but nothing else.
        "namespaces": sorted(str(entry.readlink()) for entry in Path("/proc/self/ns").iterdir()),
        "cgroup": Path("/proc/self/cgroup").read_text(encoding="utf-8"),
        "cores": sorted(os.sched_getaffinity(0)),
        "niceness": os.nice(0),
        # A process may lower its own hard limits, but not raise them.
        "hard_limits": {str(number): hard for number, (_, hard) in limits().items()},
    }


def limits() -> dict[int, tuple[int, int]]:
    """The resource limits of this process: soft and hard, by number."""
    numbers = sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})
    return {number: resource.getrlimit(number) for number in numbers}


def code() -> list[tuple[str, int, int]]:
    """The state of the code: of finetrail, and of what is installed beside it.

    Size and time of change of each file: reading them would take as long as some stages.
    """
    installed = [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    found = []
    for file in (*PACKAGE.rglob("*.py"), *installed):
        try:
            known = file.stat()
        except FileNotFoundError:
            continue
        found.append((str(file), known.st_size, known.st_mtime_ns))
    return sorted(found)


def _digest(file: Path) -> str | None:
    """None where there is no such file."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
