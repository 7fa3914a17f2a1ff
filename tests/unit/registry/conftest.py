"""A ledger on MLflow's own database; no model's files are needed for that."""

import pytest

from finetrail.registry.ledger import Ledger
from finetrail.runs.tracking import Tracker


@pytest.fixture
def ledger(tracker: Tracker, request: pytest.FixtureRequest) -> Ledger:
    """A registered model of four versions without files, of this test alone."""
    name = request.node.name.replace("[", "-").replace("]", "")
    tracker.client.create_registered_model(name)
    for number in range(1, 5):
        tags = {"finetrail.fingerprint": f"{number:064d}"}
        tracker.client.create_model_version(name, f"finetrail-test:/{name}/{number}", tags=tags, await_creation_for=0)
    return Ledger(tracker, name, "Toy <toy@example.org>")
