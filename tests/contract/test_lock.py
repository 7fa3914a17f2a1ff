"""requirements.lock: every version pinned by its hashes, no index named, torch and torchvision a matching pair."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.contract.pipeline import REPOSITORY

LOCKS = ["requirements.lock", "requirements-uv.lock"]


def _entries(lock: str) -> dict[str, str]:
    """The text of each requirement by its name; comments and blank lines are left out."""
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    lines = [
        line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.strip().startswith("#")
    ]
    return {canonicalize_name(re.split(r"[=\[ ;]", line, maxsplit=1)[0]): line for line in lines}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_with_hashes(lock: str) -> None:
    entries = _entries(lock)
    assert entries
    loose = [
        line
        for line in entries.values()
        if not re.match(r"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[^\s;]+", line) or "--hash=sha256:" not in line
    ]
    assert loose == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_index_is_named(lock: str) -> None:
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    assert re.findall(r"\S*://\S*|--(?:extra-)?index-url\S*|--find-links\S*", text) == []


def test_every_direct_dependency_is_locked_at_an_allowed_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
    entries = _entries("requirements.lock")
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert name in entries, f"{name} is not in requirements.lock: make lock"
        version = entries[name].split("==", 1)[1].split()[0].rstrip(";")
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement}: locked is {version}"


def test_the_compiled_operators_of_torchvision_run() -> None:
    """A torchvision of another build than torch imports with a warning, and dies at its first operator."""
    import torch
    from torchvision.ops import nms

    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 1.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    assert nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist() == [0, 2]
