"""Folders and archives of a few files."""

import zipfile
from collections.abc import Mapping
from pathlib import Path


def tree(root: Path, files: Mapping[str, object]) -> Path:
    """A folder. Args: files: contents by name, bytes or what becomes text."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    return root


def tree_or_zip(root: Path, files: Mapping[str, object], zipped: bool) -> Path:
    """The same in a folder `all`, or with a folder of this name in an archive."""
    if not zipped:
        return tree(root / "all", files)
    path = root / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"all/{name}", content if isinstance(content, bytes) else str(content))
    return path
