"""A candidate, trained again from nothing: a fresh clone of its commit, with the user's own data and nothing else.

The clone has an empty DVC cache, no run-cache, no dvc.lock and an MLflow database of its own: every result
must be computed.
"""

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from finetrail.errors import LineageError, ReproductionError, WorkspaceError
from finetrail.programs.dvc import Dvc, cache_of, configure, remote, remotes_of
from finetrail.programs.environment import check_environment
from finetrail.programs.git import CLONE, Repository
from finetrail.programs.run import Say
from finetrail.proof.growth import COMMIT_IT, commit_of, why_missing, why_none
from finetrail.proof.links import short
from finetrail.proof.record import CODE, CORRECTIONS, IN_GIT, Lineage, Link, hash_path
from finetrail.runs import hashes
from finetrail.training.work import UNLABELLED
from finetrail.workspace import Workspace

_HERE = "present-cache"
"""The remote through which the clone gets the user's data out of this machine's cache."""
_GIVEN = ("source", "pretrained weights", "teacher")
_COMPUTED = (
    *("raw data", "data validation", "quarantine", "train split", "val split", "test split", "split report"),
    f"{UNLABELLED} rows",
)
# The caller's settings: where results are kept, and what git works on.
_LEFT_OUT = ("MLFLOW_", "GIT_", "PREFECT__", "FINETRAIL_CHECKPOINTS")


def refuse_what_cannot_be_built(root: Path, address: str, recorded: Lineage) -> str:
    """The commit to build from.

    Raises:
        LineageError: there is none, or it is not in this clone.
    """
    commit = commit_of(root, recorded)
    if commit is None:
        raise LineageError(f"{address} cannot be built again: {why_none(recorded)}; {COMMIT_IT}")
    git = Repository(root)
    if not git.has(commit):
        found, remedy = why_missing(git, commit)
        raise LineageError(f"commit of {address}: {found}; {remedy}")
    return commit


@dataclass(frozen=True)
class Rebuild:
    """A clone in which a version is built again.

    Attributes:
        origin: the workspace that it is cloned from.
        folder: empty, for the clone.
        address: the version's.
        say: hears what happens, line by line.
    """

    origin: Path
    folder: Path
    address: str
    recorded: Lineage
    say: Say

    @cached_property
    def built(self) -> Workspace:
        """The clone's workspace, which may lie below the top of the repository."""
        return Workspace(self.folder / Repository(self.origin).below_top)

    def run(self, commit: str) -> Workspace:
        """Clone, get the user's data, and compute the candidate and everything that it needs.

        Raises:
            ConfigError: the installed packages are not those that the commit pins.
            LineageError: the commit, or the data, is not what was recorded.
            ReproductionError: raw data or splits come out different.
            WorkspaceError: git, DVC or a stage failed.
        """
        self._clone(commit)
        built = self.built
        check_environment(built.lock, f"commit {commit[:12]}")
        held = (*IN_GIT, CORRECTIONS)
        self._compare(held, LineageError, "git holds other bytes than those that ran: `finetrail verify` tells more")
        (built.root / "dvc.lock").unlink(missing_ok=True)
        self._get_data()
        self._compare(_GIVEN, LineageError, "the data is not what was trained on: `finetrail verify` tells more")
        dvc = self._dvc
        dvc.must("repro", "--no-run-cache", "split", *self._unlabelled)
        self._compare(_COMPUTED, ReproductionError, "the training data comes out different: was its source replaced?")
        dvc.must("repro", "--no-run-cache", "--single-item", f"train@{self.recorded.candidate}")
        return built

    @property
    def _unlabelled(self) -> list[str]:
        """The stages of the rows without labels that the candidate learnt from."""
        sources = [Path(one["source"]) for one in self.recorded.datasets if one["name"] == UNLABELLED]
        return [f"{UNLABELLED}@{source.name}" for source in sources]

    def _clone(self, commit: str) -> None:
        Repository(self.origin).clone(commit, self.folder, self._environment, self.say)
        if not (self.built.root / ".dvc").is_dir():
            raise WorkspaceError(f"commit {commit[:12]} has no .dvc; `dvc init`, commit, and train the model there")

    def _get_data(self) -> None:
        """What `dvc add` tracks, from this machine's cache, or else from the remote; leaves no remote behind."""
        root = self.built.root
        tracked = sorted(path.relative_to(root).as_posix() for path in (root / "data").rglob("*.dvc"))
        own = {"core": {"analytics": "false"}, "cache": {"dir": str(root / ".dvc" / "cache")}}
        if tracked:
            remotes = remotes_of(self.origin)
            here = {remote(_HERE): {"url": str(cache_of(self.origin).resolve())}}
            configure(root, remotes | here | own | {"core": own["core"] | remotes.get("core", {})})
            found_here = self._dvc.try_to("pull", "--remote", _HERE, *tracked)
            if not found_here and "core" in remotes:
                self._dvc.must("pull", *tracked)
            elif not found_here:
                raise WorkspaceError(
                    f"the data of {self.address} ({', '.join(tracked)}) is not in this machine's DVC cache, and no "
                    "default remote is known; run this where it is, or `dvc remote add --default` the one that has it"
                )
        configure(root, own)

    def _compare(self, names: tuple[str, ...], error: type[LineageError], remedy: str) -> None:
        for link in self.recorded.links:
            if link.name.rstrip(" 0123456789") in names and link.sha256 is not None:
                found = self._hash(link)
                if found != link.sha256:
                    raise error(
                        f"{self.address} was made from {link.where} with {short(link.sha256)}, but in a fresh clone of "
                        f"its commit it has {short(found)}: {remedy}"
                    )

    def _hash(self, link: Link) -> str | None:
        root = self.built.root
        if "://" in link.where:
            return link.sha256  # `ingest` and `train` fetch it, and check it against its pin
        return hashes.hash_code(root / CODE) if link.name == "code" else hash_path(root / link.where)

    @property
    def _dvc(self) -> Dvc:
        return Dvc(self.built.root, self._environment, CLONE, self.say)

    @property
    def _environment(self) -> dict[str, str]:
        """This process's environment, with the clone's own code in front of the installed one."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_LEFT_OUT)}
        return kept | {
            "PYTHONPATH": str(self.built.root / "src"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "DVC_NO_ANALYTICS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "PYTHONUNBUFFERED": "1",  # each line as it comes
        }
