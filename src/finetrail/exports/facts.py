"""What the registry knows of a version: the lineage, the settings and the test scores that a card tells of."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetrail.tracking import prepare_environment, tracking_errors
from finetrail.workspace import Workspace

_ADDRESS = re.compile(r"models:/([^/@]+)(?:@([^/@]+)|/(\d+))")


@dataclass(frozen=True)
class Facts:
    """Of a registered version; of a model that is in no registry everything is empty.

    Attributes:
        name, version: those of the registry.
        run_id: of the run that trained it.
        tags: the version's.
        params: the run's.
        datasets: name, rows and digest of what it was trained on and chosen by.
        tested: the content of `metrics.json` of the test; empty where the run has none.
    """

    name: str = ""
    version: str = ""
    run_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[tuple[str, str, str], ...] = ()
    tested: Mapping[str, Any] = field(default_factory=dict)


def facts_of(workspace: Workspace, model: str) -> Facts:
    """Ask the registry. Args: model: an address, or a folder, of which nothing is known.

    Raises:
        TrackingError: there is no such version, or the registry does not answer.
    """
    address = _ADDRESS.fullmatch(model)
    if address is None or Path(model).is_dir():
        return Facts()
    uri = prepare_environment(workspace)
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts

    client = MlflowClient()
    name, alias, number = address.groups()
    with tracking_errors(uri):
        found = client.get_model_version_by_alias(name, alias) if alias else client.get_model_version(name, number)
        run = client.get_run(found.run_id)
        known = {file.path for file in client.list_artifacts(found.run_id, "test")}
        tested = {}
        if "test/metrics.json" in known:
            path = download_artifacts(run_id=found.run_id, artifact_path="test/metrics.json")
            tested = json.loads(Path(path).read_text(encoding="utf-8"))
    datasets = tuple(
        (one.dataset.name, str(json.loads(one.dataset.profile or "{}").get("num_rows", "")), one.dataset.digest)
        for one in run.inputs.dataset_inputs
    )
    return Facts(name, str(found.version), found.run_id, dict(found.tags), dict(run.data.params), datasets, tested)
