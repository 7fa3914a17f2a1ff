"""A clean workspace for each run: a fresh clone, so that no two runs and no person's checkout disturb each other."""

import hashlib
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from finetrail.errors import ConfigError, WorkspaceError
from finetrail.programs.dvc import configure, has_remote, remote
from finetrail.programs.environment import check_environment
from finetrail.programs.run import Ended, run
from finetrail.warm.place import allowed, kept
from flows.heads import bring_heads, take_heads
from flows.locks import known_lock, take_lock
from flows.parameters import NAME, REF, Text, misread, text_of
from flows.places import Places

Say = Callable[[str], None]


@dataclass(frozen=True)
class Clone:
    """A clone in which one run works.

    Attributes:
        root: its folder; removed at the run's end, because all that counts is in the cache, in MLflow and in Prefect.
        commit: what is checked out.
        environment: for the programs that run in it.
        checkpoints: for this params.yaml with this code: the next run of the same continues from there.
        known_lock: the dvc.lock of an earlier run of the same, if there was one on this machine.
        has_remote: whether results can be exchanged with other machines.
    """

    root: Path
    commit: str
    environment: dict[str, str]
    checkpoints: Path
    known_lock: Path
    has_remote: bool

    def run(self, *command: str, say: Say | None = None) -> Ended:
        """Run a program in the clone."""
        return run(command, self.root, self.environment, say)


@contextmanager
def fresh_clone(places: Places, git_ref: Text, recipe: Text | None) -> Iterator[Clone]:
    """Clone the repository at `git_ref` and have its DVC use the shared cache.

    Args:
        git_ref: a branch, a tag or a commit.
        recipe: takes the place of params.yaml; None leaves it as it is.

    Raises:
        ConfigError: there is no such ref or recipe, or its packages are not the ones of this worker.
        WorkspaceError: git or DVC failed.
    """
    ref = text_of("git_ref", git_ref, REF)
    chosen = None if recipe is None or recipe == "" else text_of("recipe", recipe, NAME)
    clones = places.home / "clones"
    clones.mkdir(parents=True, exist_ok=True)
    _sweep(clones)
    root = clones / uuid.uuid4().hex[:12]
    with FileLock(_lock_of(root)):
        try:
            clone = _set_up(places, root, ref, chosen)
            # One for all stages, each of which has a DVC of its own.
            with kept(root, clone.environment) if allowed(clone.environment) else nullcontext():
                try:
                    yield clone
                finally:
                    bring_heads(root, clone.environment)
        finally:
            shutil.rmtree(root, ignore_errors=True)
            _lock_of(root).unlink(missing_ok=True)


def _set_up(places: Places, root: Path, git_ref: str, recipe: str | None) -> Clone:
    environment = _environment(places, root)
    must(["git", "clone", "--quiet", "--no-checkout", places.repository, str(root)], root.parent, environment)
    commit = _commit(root, git_ref, environment)
    must(["git", "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit], root, environment)
    _configure(root, places)
    take_heads(root, environment)
    check_environment(root / "requirements.lock", git_ref)
    if recipe:
        if not (root / "recipes" / f"{recipe}.yaml").exists():
            known = ", ".join(sorted(path.stem for path in (root / "recipes").glob("*.yaml")))
            raise ConfigError(f"recipe {recipe!r} does not exist in {git_ref}; use one of {known}")
        shutil.copyfile(root / "recipes" / f"{recipe}.yaml", root / "params.yaml")
    key = _key(root, environment)
    checkpoints, lock = places.home / "checkpoints" / key, known_lock(places.home, root, key)
    take_lock(lock, root)
    environment |= {"FINETRAIL_CHECKPOINTS": str(checkpoints)}
    return Clone(root, commit, environment, checkpoints, lock, has_remote(root))


def _configure(root: Path, places: Places) -> None:
    """Write the settings for this clone alone."""
    sections = {"core": {"analytics": "false"}, "cache": {"dir": str(places.cache)}}
    if places.remote:
        sections["core"]["remote"] = "flow"
        sections[remote("flow")] = {"url": places.remote}
    configure(root, sections)


def _environment(places: Places, root: Path) -> dict[str, str]:
    """This process's environment, with the clone's own code in front of the installed one."""
    own = {
        "PYTHONPATH": str(root / "src"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "MLFLOW_TRACKING_URI": places.tracking,
        "DVC_NO_ANALYTICS": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT__")} | own


def _commit(root: Path, git_ref: str, environment: dict[str, str]) -> str:
    """The commit of a ref; a branch is that of the repository, which is the clone's `origin`."""
    for name in (f"refs/remotes/origin/{git_ref}", git_ref):
        ask = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
        found = run(ask, root, environment)
        if found.code == 0:
            return found.lines[-1]
    commit = misread(git_ref, must(["git", "rev-list", "--all"], root, environment))
    if commit is not None:
        return commit
    raise ConfigError(f"git_ref is {git_ref!r}: the repository has no such branch, tag or commit; push it first")


def _key(root: Path, environment: dict[str, str]) -> str:
    """Equal for clones that would train the same: they share checkpoints."""
    code = must(["git", "rev-parse", "HEAD:src"], root, environment)[-1]
    files = [root / name for name in ("params.yaml", "requirements.lock", "data/corrections.csv")]
    parts = [file.read_bytes() for file in files if file.exists()]
    return hashlib.sha256(b"\n".join([code.encode(), *parts])).hexdigest()[:16]


def must(command: Sequence[str], folder: Path, environment: dict[str, str], say: Say | None = None) -> list[str]:
    """Run a program that has to succeed; returns its last lines. Raises: WorkspaceError: it failed."""
    ended = run(command, folder, environment, say)
    if ended.code:
        said = " ".join(ended.lines[-3:])[-300:]
        raise WorkspaceError(f"`{' '.join(command[:3])}` exited with {ended.code}: {said}; correct it and run again")
    return list(ended.lines)


def _lock_of(root: Path) -> Path:
    return root.with_suffix(".lock")


def _sweep(clones: Path) -> None:
    """Remove what killed runs left behind: nobody holds their locks any more."""
    for lock in clones.glob("*.lock"):
        try:
            with FileLock(lock, timeout=0):
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink(missing_ok=True)
        except Timeout:
            continue
