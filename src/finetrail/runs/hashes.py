"""Hashes of the code, data and settings of a run, for MLflow's tags and for the report."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from finetrail.data.store.corrections import counted
from finetrail.locations import sha256_of
from finetrail.programs.git import Repository
from finetrail.workspace import Workspace, read_json


def hash_of(value: Any) -> str:
    """The sha256 of a JSON value; equal values have equal hashes whatever the order of their keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def hash_folder(folder: Path) -> str:
    """The sha256 of a folder, over the names and hashes of all its files."""
    return hash_files({path.relative_to(folder): sha256_of(path) for path in folder.rglob("*") if path.is_file()})


def hash_files(files: Mapping[PurePath, str]) -> str:
    """The same for a folder of files whose hashes are known. Args: files: the sha256 of each, by its path in it."""
    return hash_of([[path.as_posix(), files[path]] for path in sorted(files)])


def hash_code(package: Path = Path(__file__).parents[1]) -> str:
    """The sha256 of this package's own code, or of a copy of it: of its modules, as `hash_files` has it."""
    return hash_files({path.relative_to(package): sha256_of(path) for path in package.rglob("*.py")})


def live_tags(workspace: Workspace, stage: str) -> dict[str, str]:
    """Tags that are true only now and must never enter an out: git commit, hashes, validation result."""
    tags = {"finetrail.dvc_stage": stage, **_git(workspace.root)}
    if workspace.params.exists():
        tags["finetrail.params_sha256"] = sha256_of(workspace.params)
    if workspace.manifest.exists():
        tags["finetrail.data_sha256"] = sha256_of(workspace.manifest)
    if workspace.corrected.exists():
        tags["finetrail.corrections"] = counted(read_json(workspace.corrected))
    if workspace.validation_report.exists():
        report = read_json(workspace.validation_report)
        rows = report["rows"]
        verdict = "passed" if report["success"] else "failed"
        tags["finetrail.validation"] = (
            f"{verdict}: {rows['passed']} of {rows['ingested']} rows, {rows['quarantined']} quarantined"
        )
    if workspace.split_report.exists():
        tags["finetrail.split_sha256"] = sha256_of(workspace.split_report)
    if workspace.lock.exists():
        tags["finetrail.lock_sha256"] = sha256_of(workspace.lock)
    return tags


def _git(root: Path) -> dict[str, str]:
    repository = Repository(root)
    commit = repository.head
    if not commit:
        return {}
    # dvc.lock is rewritten while the pipeline runs: it says nothing about the code.
    changed = repository.changed(but="dvc.lock")
    return {"mlflow.source.git.commit": commit, "finetrail.git_dirty": "yes" if changed else "no"}
