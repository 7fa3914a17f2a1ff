"""What git has at a commit: whether it is here, files, folders, and the earlier versions of a file."""

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Repository:
    """The git repository that a workspace lies in. Args: root: the workspace, from which all paths start."""

    root: Path

    def has(self, commit: str) -> bool:
        """Whether the commit is in this clone."""
        return self._ask("cat-file", "-e", f"{commit}^{{commit}}") is not None

    def show(self, commit: str, path: str) -> bytes | None:
        """A file as it was; None where the commit, or the file in it, is not here."""
        return self._ask("show", f"{commit}:./{path}")

    def unpack(self, commit: str, folder: str, into: Path) -> Path | None:
        """A folder as it was, written below `into`; None where it was not there."""
        packed = self._ask("archive", "--format=tar", commit, "--", folder)
        if packed is None:
            return None
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(into, filter="data")
        return into / folder

    def commits_of(self, path: str) -> list[str]:
        """The commits that changed a file, on any branch, the newest first."""
        return (self._ask("log", "--all", "--format=%H", "--", path) or b"").decode().split()

    def _ask(self, *arguments: str) -> bytes | None:
        try:
            done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, check=False)
        except FileNotFoundError:  # no git here, as in a slim container
            return None
        return done.stdout if done.returncode == 0 else None
