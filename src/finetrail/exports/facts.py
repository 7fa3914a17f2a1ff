"""What the registry knows of a version: the lineage, the settings and the test scores that a card shows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from finetrail.registry.assessments import TAG
from finetrail.registry.chain import Chain
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import Known
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.workspace import read_json

_TESTED = "test/details.json"


@dataclass(frozen=True)
class Facts:
    """Facts about a registered version; all empty for a model that is in no registry.

    Attributes:
        name, version: those of the registry.
        run_id: of the run that trained it.
        tags: the version's.
        params: the run's.
        datasets: name, rows and digest of what it was trained on and chosen by.
        tested: the content of `details.json` of the test; empty where the run has none.
        test_split: the sha256 of the rows of that test, by the ledger; empty where it has none.
        assessed: the findings of its assessments in a line each, by name.
        models_scored: how many different ones on those rows so far, by the ledger.
    """

    name: str = ""
    version: int = 0
    run_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[tuple[str, str, str], ...] = ()
    tested: Mapping[str, Any] = field(default_factory=dict)
    test_split: str = ""
    models_scored: int = 0
    assessed: Mapping[str, str] = field(default_factory=dict)


def facts_of(ledger: Ledger, known: Known) -> Facts:
    """Ask registry and ledger about a version.

    Raises:
        LedgerError: the ledger is not what it was.
        TrackingError: the registry does not answer.
    """
    client = ledger.tracker.client
    tested = {}
    with tracking_errors(ledger.tracker.uri):
        run = client.get_run(known.run_id)
        if _TESTED in {file.path for file in client.list_artifacts(known.run_id, "test")}:
            with TemporaryDirectory() as folder:
                tested = read_json(Path(client.download_artifacts(known.run_id, _TESTED, folder)))
    datasets = tuple(
        (one.dataset.name, str(json.loads(one.dataset.profile or "{}").get("num_rows", "")), one.dataset.digest)
        for one in run.inputs.dataset_inputs
    )
    chain = ledger.read()
    split = _scored_on(chain, known.fingerprint, tested.get("test", {}))
    return Facts(
        known.name,
        known.version,
        known.run_id,
        known.tags,
        dict(run.data.params),
        datasets,
        tested,
        split,
        len(chain.scored(split)) if split else 0,
        {name.removeprefix(TAG): said for name, said in sorted(run.data.tags.items()) if name.startswith(TAG)},
    )


def _scored_on(chain: Chain, model: str, scores: Mapping[str, float]) -> str:
    """The sha256 of the test rows on which a model got these scores."""
    for entry in reversed(chain.entries):
        rounded = {name: round(scores[name], 6) for name in entry.metrics if name in scores}
        if entry.kind == "scoring" and entry.model == model and rounded == entry.metrics:
            return entry.test_split
    return ""
