"""The one place that calls git: commits, files as they were, settings, and clones."""

import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from finetrail.errors import WorkspaceError
from finetrail.programs.dvc import without_git
from finetrail.programs.run import Say, must

NO_COMMIT = "FINETRAIL_NO_COMMIT"
"""Set to 1, it lets a model be trained where git names no commit."""
NAMELESS = ("-c", "user.name=finetrail", "-c", "user.email=finetrail@invalid")
"""The author of a commit in git's notes, for git, where the user or a worker has set no name."""
CLONE = "a fresh clone"
"""What a clone is called in messages."""


def require_commit(root: Path) -> str:
    """Look before a training whether its lineage will lead to a commit.

    Returns:
        Why it will lead to none, if that is wanted: $FINETRAIL_NO_COMMIT is 1, DVC was set up without git, or the
        folder is a plain one, under neither.

    Raises:
        WorkspaceError: git names no commit.
    """
    said = Repository(root).refusal
    plain = said.startswith("not a git repository") and not (root / ".dvc").exists()
    if not said or plain or os.environ.get(NO_COMMIT) == "1" or without_git(root):
        return said
    # Of a checkout that belongs to somebody else, git names the remedy itself.
    remedy = "" if "safe.directory" in said else "commit the workspace with git; "
    raise WorkspaceError(
        f"no commit would say what was trained: {said}; {remedy}or set {NO_COMMIT}=1 to train without one"
    )


@dataclass(frozen=True)
class Repository:
    """The git repository that a workspace lies in. Args: root: the workspace, from which all paths start."""

    root: Path

    @property
    def head(self) -> str:
        """The commit that is checked out; empty where there is none, or no repository, or no git."""
        return self._word("rev-parse", "HEAD")

    @property
    def top(self) -> Path:
        """The folder of the repository."""
        return Path(self._word("rev-parse", "--show-toplevel"))

    @property
    def below_top(self) -> str:
        """The path from the repository's folder to the workspace; empty where they are the same."""
        return self._word("rev-parse", "--show-prefix")

    @property
    def refusal(self) -> str:
        """Why git names no commit for this folder, in its own words; empty where it does."""
        try:
            done = subprocess.run(
                ["git", "rev-parse", "--verify", "HEAD"], cwd=self.root, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            return "git is not installed"
        if done.returncode == 0:
            return ""
        said = " ".join(done.stderr.split()).removeprefix("fatal: ")
        return "the repository has no commit yet" if said == "Needed a single revision" else said

    def setting(self, key: str) -> str:
        """A setting of git's, such as `user.name`; empty where there is none."""
        return self._word("config", key)

    def changed(self, *, but: str) -> bool:
        """Whether tracked files of the workspace differ from the commit. Args: but: a file that may be."""
        return bool(self._word("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{but}"))

    def has(self, commit: str) -> bool:
        """Whether the commit is in this clone."""
        return self._ask("cat-file", "-e", f"{commit}^{{commit}}") is not None

    def show(self, commit: str, path: str) -> bytes | None:
        """A file as it was; None where the commit, or the file in it, is not here."""
        return self._ask("show", f"{commit}:./{path}")

    def files(self, commit: str, folder: str) -> dict[PurePosixPath, bytes] | None:
        """The files of a folder as they were, by their paths in it; None where it was not there."""
        found = self._archived(commit, "--", folder)
        return None if found is None else {path.relative_to(folder): data for path, data in found.items()}

    def commits_of(self, path: str) -> list[str]:
        """The commits that changed a file, on any branch, the newest first."""
        return (self._ask("log", "--all", "--format=%H", "--", path) or b"").decode().split()

    def note(self, ref: str, line: str) -> bool:
        """Add a line to the note of the present commit; returns whether git took it. Args: ref: of these notes."""
        # A note is a commit of its own, and so has an author.
        own = () if self.setting("user.email") else NAMELESS
        return self._ask(*own, "notes", f"--ref={ref}", "append", "-m", line, "HEAD") is not None

    def notes(self, ref: str) -> list[str]:
        """The lines of all notes, of whatever commit."""
        notes = self._archived(f"refs/notes/{ref}") or {}
        return [line for note in notes.values() for line in note.decode(errors="replace").splitlines() if line]

    def clone(self, commit: str, into: Path, environment: Mapping[str, str], say: Say | None = None) -> None:
        """Clone the whole repository, and check a commit out. Raises: WorkspaceError: git failed."""
        fetch = ["git", "clone", "--quiet", "--no-checkout", str(self.top), str(into)]
        must(fetch, self.root, environment, say, where=CLONE)
        check_out = ["git", "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit]
        must(check_out, into, environment, say, where=CLONE)

    def _archived(self, *what: str) -> dict[PurePosixPath, bytes] | None:
        """The files that `git archive` gives."""
        archived = self._ask("archive", "--format=tar", *what)
        if archived is None:
            return None
        with tarfile.open(fileobj=io.BytesIO(archived)) as archive:
            read = ((one, archive.extractfile(one)) for one in archive if one.isfile())
            return {PurePosixPath(one.name): file.read() for one, file in read if file is not None}

    def _word(self, *arguments: str) -> str:
        return (self._ask(*arguments) or b"").decode(errors="replace").strip()

    def _ask(self, *arguments: str) -> bytes | None:
        try:
            done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, check=False)
        except FileNotFoundError:  # no git here, as in a slim container
            return None
        return done.stdout if done.returncode == 0 else None
