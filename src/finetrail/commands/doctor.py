"""`finetrail doctor`: what a workspace needs to train, register and prove; what is wrong, with what mends it."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from finetrail.config import load_params
from finetrail.errors import FinetrailError, WorkspaceError
from finetrail.locations import cache_folder
from finetrail.programs.dvc import cache_of, has_remote
from finetrail.programs.environment import check_environment
from finetrail.programs.git import Repository, require_commit
from finetrail.programs.ports import answers
from finetrail.proof.record import fetched_package, hash_address
from finetrail.redaction import without_secrets
from finetrail.registry.meant import own_version
from finetrail.runs.tracking import connect
from finetrail.sections import Params
from finetrail.workspace import Workspace

State = Literal["ok", "note", "wrong"]
_LEAST = 2 * 2**30
"""Bytes of free disk below which a training may not end: a model, its checkpoints, and the copies that DVC keeps."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        state: `note` if it works, but not for everything.
        said: what there is; otherwise what is wrong.
        remedy: the command or the edit that mends it; empty where nothing has to be.
    """

    name: str
    state: State
    said: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.state:<6} {self.name}: {self.said}{f'; {self.remedy}' if self.remedy else ''}"

    def as_json(self) -> dict[str, str]:
        """The entry of the file that --json names."""
        return asdict(self)


def doctor(workspace: Workspace) -> Iterator[Finding]:
    """Each finding as it is made. Nothing is changed, but MLflow's database is created where there is none."""
    yield from _guarded("git", lambda: _git(workspace))
    yield from _guarded("DVC", lambda: _dvc(workspace))
    yield from _guarded("packages", lambda: _packages(workspace))
    yield from _guarded("disk", lambda: _disk(workspace))
    yield from _guarded("servers", _servers)
    try:
        params = load_params(workspace.params)
    except FinetrailError as error:
        yield _wrong("params.yaml", error)
        return
    yield Finding("params.yaml", "ok", f"{params.task.name}, candidates {', '.join(params.candidates)}")
    yield from _guarded("data and weights", lambda: _given(workspace, params))
    yield from _guarded("results", lambda: _results(workspace))
    yield from _guarded("MLflow", lambda: _mlflow(workspace, params.project))


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except FinetrailError as error:
        yield _wrong(name, error)


def _wrong(name: str, error: FinetrailError) -> Finding:
    said, _, remedy = " ".join(str(error).split()).partition("; ")
    return Finding(name, "wrong", said, remedy)


def _git(workspace: Workspace) -> Iterator[Finding]:
    if said := require_commit(workspace.root):
        yield Finding("git", "note", f"{said}: the lineage of a model will lead to no commit")
        return
    repository = Repository(workspace.root)
    at = f"commit {repository.head[:12]}"
    if repository.changed(but="dvc.lock"):
        yield Finding("git", "note", f"{at}, and edits that are not committed", "`git commit` what is to be proven")
    else:
        yield Finding("git", "ok", f"{at}, nothing edited")


def _dvc(workspace: Workspace) -> Iterator[Finding]:
    if not (workspace.root / ".dvc").is_dir():
        yield Finding("DVC", "wrong", "this folder has no .dvc", "`dvc init`, then `git commit`")
        return
    cache = cache_of(workspace.root)
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if not os.access(place, os.W_OK):
        yield Finding("DVC", "wrong", f"its cache {cache} cannot be written", f"`chmod u+rwX {place}`, as its owner")
        return
    yield Finding("DVC", "ok", f"cache {cache}")
    if has_remote(workspace.root):
        yield Finding("DVC remote", "ok", "there is a default one; `dvc push` shares results")
    else:
        said = "none, so data and results are on this machine alone"
        yield Finding("DVC remote", "note", said, "`dvc remote add --default NAME ADDRESS`")


def _packages(workspace: Workspace) -> Iterator[Finding]:
    check_environment(workspace.lock, "this checkout")
    yield Finding("packages", "ok", "as requirements.lock pins them")


def _disk(workspace: Workspace) -> Iterator[Finding]:
    for name, folder in {"disk": workspace.root, "disk of the fetched packages": cache_folder()}.items():
        place = next(one for one in (folder, *folder.parents) if one.exists())
        free = shutil.disk_usage(place).free
        said = f"{free / 2**30:.1f} GiB free at {place}"
        if free < _LEAST:
            yield Finding(name, "wrong", said, "`dvc gc --workspace` removes results that nothing names any more")
        else:
            yield Finding(name, "ok", said)


def _servers() -> Iterator[Finding]:
    for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        address = os.environ.get(name, "")
        if address.startswith("http") and not answers(f"{address.rstrip('/')}/health"):
            yield Finding(
                "servers", "wrong", f"{name} does not answer", "`make up` starts the servers of this checkout"
            )


def _given(workspace: Workspace, params: Params) -> Iterator[Finding]:
    points = [point for one in params.candidates.values() for point in one.points]
    weights = [point.backbone.weights_address for point in points]
    teachers = [point.distillation.teacher for point in points if point.distillation is not None]
    for address in dict.fromkeys([*params.source.addresses, *filter(None, weights), *teachers]):
        shown = address.partition("#")[0]
        if "://" not in address:
            if (workspace.root / address).exists():
                yield Finding("given", "ok", shown)
            else:
                tracked = (workspace.root / f"{address}.dvc").exists()
                remedy = f"`dvc pull {address}.dvc`" if tracked else f"put it there, then `dvc add {address}`"
                yield Finding("given", "wrong", f"{shown} is not there", remedy)
            continue
        pinned = hash_address(address, workspace.root)
        if pinned is not None and fetched_package(pinned) is not None:
            yield Finding("given", "ok", f"{shown}, fetched and pinned")
        elif pinned is not None:
            yield Finding("given", "note", f"{shown} is not fetched yet", "`dvc repro` does")
        else:
            yield Finding("given", "note", f"{shown} comes from the hub, which has to be reachable")


def _results(workspace: Workspace) -> Iterator[Finding]:
    outs: dict[str, tuple[Path, ...]] = {
        "ingest": (workspace.manifest,),
        "validate": (workspace.validation_report,),
        "split": (workspace.split_report,),
        "select": (workspace.selection_report,),
        "test": (workspace.test_details,),
        "register": (workspace.registration,),
    }
    missing = [stage for stage, paths in outs.items() if not all(path.exists() for path in paths)]
    if missing:
        yield Finding("results", "note", f"none of {', '.join(missing)}", "`dvc repro`")
    else:
        yield Finding("results", "ok", "of every stage")


def _mlflow(workspace: Workspace, project: str) -> Iterator[Finding]:
    tracker = connect(workspace, project)
    yield Finding("MLflow", "ok", f"{without_secrets(tracker.uri)} answers")
    if workspace.registration.exists():
        known = own_version(workspace, tracker, project)
        yield Finding("registry", "ok", f"{known.address} holds the model of this workspace")


def summary(findings: list[Finding]) -> str:
    """The last line. Raises: WorkspaceError: something is wrong."""
    wrong = [one.name for one in findings if one.state == "wrong"]
    if wrong:
        raise WorkspaceError(f"{len(wrong)} of {len(findings)} checks failed: {', '.join(wrong)}; see the lines above")
    return f"{len(findings)} checks, nothing wrong"
