"""lineage.json: every link between a registered version and its data, with the sha256 that it had then.

It travels inside the registered model; see `finetrail.registry.sealed`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from finetrail.locations import cache_folder, sha256_of
from finetrail.registry.sealed import FILES
from finetrail.runs import hashes
from finetrail.workspace import SPLITS, Workspace, read_json

NAME = "lineage.json"
COMMIT, DIRTY = "mlflow.source.git.commit", "finetrail.git_dirty"
TRAINED_ON = "finetrail.trained_on"
IN_GIT = ("params.yaml", "requirements.lock", "dvc.yaml", "code")
"""The links to what a commit holds."""
CORRECTIONS = "data/corrections.csv"
"""A commit holds this too; versions of earlier times have no such link."""
CODE = "src/finetrail"
WEIGHTS = "weights"
RUN_RECORD = "run record"
"""Of each training its own: repeated, it gives the same weights, and other seconds."""
_PACKAGE = re.compile(r"pypi://[^#]+#sha256=(?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True)
class Link:
    """Something that the version depends on.

    Attributes:
        name: for people.
        where: a path in the workspace, or an address.
        sha256: of the file, or of a folder's names and contents; None if unknown.
    """

    name: str
    where: str
    sha256: str | None


@dataclass(frozen=True)
class Lineage:
    """The content of lineage.json.

    Attributes:
        candidate: the one that was chosen.
        run_id: the MLflow run that trained it.
        params, datasets: what that run was given, as in run.json.
        scores: on the test split.
        machine: what it was trained on, as in run.json.
        tags: the version's tags that say what it depends on; the commit is the one from whose files DVC found it made.
        links: from the weights back to the source.
    """

    candidate: str
    run_id: str
    params: dict[str, str]
    datasets: list[dict[str, str]]
    scores: dict[str, float]
    machine: dict[str, str]
    tags: dict[str, str]
    links: tuple[Link, ...]

    @property
    def commit(self) -> str | None:
        return self.tags.get(COMMIT)

    @property
    def dirty(self) -> bool:
        """Whether tracked files differed from the commit."""
        return self.tags.get(DIRTY) != "no"

    @property
    def in_git(self) -> list[Link]:
        """The links to what a commit holds, in the order of the record."""
        return [link for link in self.links if link.name in (*IN_GIT, CORRECTIONS)]

    def link(self, name: str) -> Link:
        """The link of that name."""
        return next(link for link in self.links if link.name == name)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def with_tags(self, more: Mapping[str, str]) -> dict[str, Any]:
        """The content of lineage.json, with more tags."""
        return replace(self, tags={**self.tags, **more}).as_json()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Lineage":
        named = {key: one for key, one in value.items() if key != FILES}
        return cls(**{**named, "links": tuple(Link(**link) for link in value["links"])})


def describe(workspace: Workspace, candidate: str, sources: Sequence[str]) -> Lineage:
    """The lineage of the candidate's model as it lies in the workspace.

    Args:
        sources: the addresses of the labelled data.
    """
    record = read_json(workspace.run(candidate).record)
    tested = workspace.test_details
    links = [*_made(workspace, candidate, record["datasets"]), *_given(workspace, sources, record["params"])]
    machine = record["machine"]
    tags = hashes.live_tags(workspace, f"train@{candidate}") | {TRAINED_ON: say_machine(machine)}
    return Lineage(
        candidate,
        record["run_id"],
        record["params"],
        record["datasets"],
        read_json(tested)["test"] if tested.exists() else {},
        machine,
        tags,
        tuple(links),
    )


def say_machine(machine: Mapping[str, str]) -> str:
    """The machine of a training, for people."""
    where = machine.get("gpu") or machine["processor"]
    threads = f"{machine['threads']} thread{'s' if machine['threads'] != '1' else ''}"
    return f"{where}, {threads}, {machine['precision']}, torch {machine['torch']}"


def hash_path(path: Path) -> str | None:
    """The sha256 of a file or of a folder; None where there is neither."""
    if path.is_dir():
        return hashes.hash_folder(path)
    return sha256_of(path) if path.is_file() else None


def _made(workspace: Workspace, candidate: str, datasets: Sequence[Mapping[str, str]]) -> Iterator[Link]:
    """Args: datasets: of the run; some candidates learn from more than the splits."""
    run = workspace.run(candidate)
    for name, path in {
        WEIGHTS: workspace.model(candidate),
        RUN_RECORD: run.record,
        "validation scores": run.details,
        "selection": workspace.selection_report,
        "test scores": workspace.test_details,
        "test answers": workspace.test_report / "predictions.parquet",
        **{f"{name} split": workspace.split(name) for name in SPLITS},
        **{f"{data['name']} rows": workspace.root / data["source"] for data in datasets if data["name"] not in SPLITS},
        "split report": workspace.split_report,
        "data validation": workspace.validation_report,
        "quarantine": workspace.quarantine,
        "raw data": workspace.raw,
    }.items():
        yield Link(name, path.relative_to(workspace.root).as_posix(), hash_path(path))


def _given(workspace: Workspace, sources: Sequence[str], params: Mapping[str, str]) -> Iterator[Link]:
    """Args: params: the settings of the run."""
    for number, address in enumerate(dict.fromkeys(sources), start=1):
        yield Link("source" if number == 1 else f"source {number}", address, hash_address(address, workspace.root))
    weights = params.get("backbone.weights", "random")
    yield Link("pretrained weights", weights, hash_address(weights, workspace.root))
    if (teacher := params.get("distillation.teacher")) is not None:
        yield Link("teacher", teacher, hash_path(workspace.root / teacher))
    for name in IN_GIT[:-1]:
        yield Link(name, name, hash_path(workspace.root / name))
    if workspace.corrections.exists():
        yield Link(CORRECTIONS, CORRECTIONS, hash_path(workspace.corrections))
    # The running code, which is also the packed code; `verify` checks whether git has it too.
    yield Link("code", CODE, hashes.hash_code())


def hash_address(address: str, root: Path) -> str | None:
    """The sha256 of what an address names: a package's pin, None for the hub, else the hash of the bytes at a path."""
    if (package := _PACKAGE.fullmatch(address)) is not None:
        return package["sha256"]
    return None if "://" in address else hash_path(root / address)


def fetched_package(sha256: str) -> Path | None:
    """The wheel of that sha256, if it was fetched on this machine."""
    return next(iter((cache_folder() / "packages" / sha256).glob("*.whl")), None)
