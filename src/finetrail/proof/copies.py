"""Where else the bytes of a path may lie: in DVC's cache, under the hashes that DVC's files in git name.

DVC is not imported: dvc.lock, *.dvc and the cache are files of a documented layout.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from finetrail.locations import sha256_of
from finetrail.programs.dvc import cache_of
from finetrail.programs.git import Repository
from finetrail.runs import hashes
from finetrail.workspace import read_json

_COMMITS = 50
"""How many earlier versions of dvc.lock are searched."""


@dataclass(frozen=True)
class Copy:
    """Bytes in DVC's cache.

    Attributes:
        place: the file that named them, and at which commit.
        sha256: as `record.hash_path` computes it.
        whole: whether they match the md5 that they are filed under.
    """

    place: str
    sha256: str
    whole: bool


class Copies:
    """Looks for copies of what a workspace holds, or held.

    Args:
        root: the workspace.
        commit: of the version, looked at first.
    """

    def __init__(self, root: Path, commit: str | None) -> None:
        self._root, self._commit = root, commit
        self._git = Repository(root)
        self._cache = cache_of(root)
        self._outs_at = cache(self._read_outs)

    def of(self, where: str) -> Iterator[Copy]:
        """Every copy of a path that a DVC file names, now or at a commit; each content once."""
        seen = set()
        for place, md5, inside in self._named(where):
            if (md5, inside) not in seen:
                seen.add((md5, inside))
                found = self._hash(md5, inside)
                if found is not None:
                    yield Copy(f"DVC's cache, as {place} names it", *found)

    def made_by_dvc(self, where: str, sha256: str) -> bool:
        """Whether dvc.lock names these bytes of a path, so that a stage wrote them and nobody edited them."""
        for path, md5 in self._outs_at("dvc.lock", None):
            if PurePosixPath(where).is_relative_to(path):
                inside = PurePosixPath(where).relative_to(path).as_posix()
                found = self._hash(md5, "" if inside == "." else inside)
                return found is not None and found == (sha256, True)
        return False

    def pointer_moved(self, where: str) -> bool:
        """Whether the *.dvc file of a user's own data differs from the one at the version's commit."""
        for pointer in _pointers(where):
            now = self._root / pointer
            if now.exists() and self._commit is not None:
                return self._git.show(self._commit, pointer) != now.read_bytes()
        return False

    def _named(self, where: str) -> Iterator[tuple[str, str, str]]:
        """Place, md5 and the path inside, of each out that is `where` or holds it."""
        for file in ("dvc.lock", *_pointers(where)):
            moments = [self._commit, None, *self._git.commits_of(file)[:_COMMITS]]
            for moment in dict.fromkeys(moments):
                for path, md5 in self._outs_at(file, moment):
                    if PurePosixPath(where).is_relative_to(path):
                        inside = PurePosixPath(where).relative_to(path).as_posix()
                        yield f"{file}{f' at {moment[:12]}' if moment else ''}", md5, "" if inside == "." else inside

    def _read_outs(self, file: str, moment: str | None) -> list[tuple[str, str]]:
        here = self._root / file
        text = self._git.show(moment, file) if moment else here.read_bytes() if here.exists() else None
        if text is None:
            return []
        try:
            value: Any = YAML(typ="safe", pure=True).load(text.decode())
        except (YAMLError, UnicodeDecodeError):
            return []
        stages = value.get("stages", {}).values() if file == "dvc.lock" else [value]
        folder = PurePosixPath(file).parent
        return [
            ((folder / out["path"]).as_posix(), out["md5"])
            for stage in stages
            for out in stage.get("outs", [])
            if "md5" in out
        ]

    def _object(self, md5: str) -> Path:
        return self._cache / "files" / "md5" / md5[:2] / md5[2:]

    def _hash(self, md5: str, inside: str) -> tuple[str, bool] | None:
        """The sha256 of what the cache has under an md5, and whether it is whole; None where something is missing."""
        if not self._object(md5).exists():
            return None
        if not md5.endswith(".dir"):
            return (sha256_of(self._object(md5)), _md5(self._object(md5)) == md5) if not inside else None
        listed = {entry["relpath"]: entry["md5"] for entry in read_json(self._object(md5))}
        if inside in listed:
            return self._hash(listed[inside], "")
        within = {
            PurePosixPath(name).relative_to(inside or "."): self._object(one)
            for name, one in listed.items()
            if not inside or PurePosixPath(name).is_relative_to(inside)
        }
        if not within or not all(file.exists() for file in within.values()):
            return None
        value = [[name.as_posix(), sha256_of(within[name])] for name in sorted(within)]
        whole = all(_md5(file) == file.parent.name + file.name for file in within.values())
        return hashes.hash_of(value), whole


def _pointers(where: str) -> list[str]:
    """The *.dvc files that may track a path: beside it, or beside a folder above it."""
    path = PurePosixPath(where)
    return [f"{one}.dvc" for one in (path, *path.parents) if one.name]


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
