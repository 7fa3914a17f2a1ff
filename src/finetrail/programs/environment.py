"""Check that the installed packages are those that a commit pins: other versions may give other results."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.version import Version

from finetrail.errors import ConfigError

_PIN = re.compile(r"^([\w.-]+)==([\w.!+-]+)", re.MULTILINE)


def check_environment(lock: Path, git_ref: str) -> None:
    """Compare what is installed with a requirements.lock. What is not installed is not used, and not compared.

    Raises:
        ConfigError: a package has another version. Builds of the same version (`+cpu`, `+cu130`) count as equal.
    """
    pinned: dict[str, list[str]] = {}  # several where the version depends on Python's or the machine's
    for name, number in _PIN.findall(lock.read_text(encoding="utf-8")):
        pinned.setdefault(name, []).append(number)
    differing = []
    for name, numbers in pinned.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue
        if Version(installed).public not in {Version(number).public for number in numbers}:
            differing.append(f"{name} {installed} instead of {' or '.join(numbers)}")
    if differing:
        more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
        raise ConfigError(
            f"this environment has {differing[0]}{more}, but {git_ref} pins its packages in requirements.lock: "
            "create the environment from that file"
        )
