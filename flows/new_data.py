"""The flow `new-data`: starts `finetune` where the data has changed since it last did, and nothing where it has not.

Data is what DVC tracks under data/: added by a person (`dvc add`, a commit), or followed at its source, a folder or an
object store (`dvc import-url`, which keeps the source's address in the `.dvc` file). What is new there is taken into
the cache and committed to a branch of its own, because a model's commit must name its data.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed
from ruamel.yaml import YAML

from finetrail.errors import FinetrailError
from flows.clones import Clone, fresh_clone, must
from flows.exchange import pull, push
from flows.parameters import Recipe, Text
from flows.places import Places
from flows.tasks import Limits


@flow(name="new-data", persist_result=False)
def new_data(
    git_ref: Text = "HEAD",
    recipe: Recipe | None = None,
    deployment: str = "finetune/finetune",
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> State[Any]:
    """Look whether the data of a branch has changed, and start a run with it if it has.

    Args:
        git_ref: Branch whose data is followed.
        recipe: A recipe to take in place of params.yaml.
        deployment: What is started if there is new data.
        limits: Of tries and minutes.
    """
    try:
        with fresh_clone(Places.from_environment(), git_ref, recipe) as clone:
            pulled = pull(clone, limits)
            if pulled.is_failed():
                return Failed(message=pulled.message)
            _follow(clone)
            found = _hash(clone.root)
            watch = f"data of {git_ref} with {recipe or 'params.yaml'}"
            last = _last_run(watch)
            if last is not None and f"data {found[:12]}" in last.tags:
                return Completed(name="Unchanged", message=f"the data has not changed since the run {last.name}")
            commit = _commit(clone, found)
            if clone.has_remote and (given := push(clone, limits)).is_failed():
                return Failed(message=given.message)
    except FinetrailError as error:
        return Failed(message=f"{type(error).__name__}: {error}")
    asked = {"git_ref": commit, "recipe": recipe, "limits": limits.model_dump()}
    # Two checks at the same instant see the same last run, and so start only one.
    key = f"{found} after {last.id if last else 'none'}: {watch}"
    run = cast(
        FlowRun,
        run_deployment(
            deployment,
            parameters=asked,
            timeout=0,
            as_subflow=False,
            idempotency_key=key,
            tags=["new-data", watch, f"data {found[:12]}"],
        ),
    )
    return Completed(name="Started", message=f"new data: {run.name} runs with commit {commit[:12]}")


def _tracked(root: Path) -> list[Path]:
    return sorted((root / "data").rglob("*.dvc"))


def _read(path: Path) -> dict[str, Any]:
    return cast(dict[str, Any], YAML(typ="safe").load(path.read_text(encoding="utf-8")))


def _follow(clone: Clone) -> None:
    """Have DVC check the sources of imported data, and take what is new there."""
    imported = [str(path.relative_to(clone.root)) for path in _tracked(clone.root) if _read(path).get("deps")]
    if imported:
        must(["dvc", "update", *imported], clone.root, clone.environment, get_run_logger().info)


def _hash(root: Path) -> str:
    """The hash of all data that DVC tracks: equal for equal bytes under the same names."""
    entries = [
        f"{path.relative_to(root)} {out['path']} {out.get('md5') or out.get('etag')}"
        for path in _tracked(root)
        for out in _read(path)["outs"]
    ]
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()


def _last_run(watch: str) -> FlowRun | None:
    """The last run that was started for this data, whatever became of it: bad data is not tried for ever."""
    wanted = FlowRunFilter(tags=FlowRunFilterTags(all_=["new-data", watch]))
    with get_client(sync_client=True) as client:
        found: Sequence[FlowRun] = client.read_flow_runs(
            flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=1
        )
    return found[0] if found else None


def _commit(clone: Clone, found: str) -> str:
    """The commit that names the data: that of the branch, or a new one if a source had something new."""

    def git(*arguments: str) -> list[str]:
        return must(["git", *arguments], clone.root, clone.environment)

    if not git("status", "--porcelain", "--", "data"):
        return clone.commit
    branch = f"new-data/{found[:12]}-{clone.commit[:7]}"
    git("add", "--", *(str(path.relative_to(clone.root)) for path in _tracked(clone.root)))
    author = ["-c", "user.name=finetrail", "-c", "user.email=finetrail@localhost"]
    git(*author, "commit", "--quiet", "--message", f"New data {found[:12]}")
    if clone.run("git", "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}").code:
        git("fetch", "--quiet", "origin", branch)  # another check was faster; or this fails, and says why
        return git("rev-parse", "FETCH_HEAD")[-1]
    get_run_logger().info("branch %s records the new data", branch)
    return git("rev-parse", "HEAD")[-1]
