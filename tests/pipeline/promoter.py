"""A process that promotes: told what to make champion of what, it says what came of it."""

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from mlflow import MlflowClient

from finetrail.errors import ConflictError
from finetrail.registry import promotion
from finetrail.registry.ledger import Ledger
from finetrail.runs.tracking import connect
from finetrail.workspace import Workspace


def main(name: str, address: str, folder: Path, lines: Connection, *, die: bool) -> None:
    """Answer each pair (version, champion), 0 for none, with `won` or `lost`.

    Args:
        name: of the model.
        address: MLflow's.
        die: the process ends itself, as by a power cut, when it is about to move the alias `champion`.
    """
    os.environ["MLFLOW_TRACKING_URI"] = address
    os.chdir(folder)
    ledger = Ledger(connect(Workspace(folder), "race"), name, f"process {os.getpid()}")
    if die:
        move = MlflowClient.set_registered_model_alias

        def dying(self: MlflowClient, model: str, alias: str, version: str) -> None:
            if alias == "champion":
                os.kill(os.getpid(), signal.SIGKILL)
            move(self, model, alias, version)

        MlflowClient.set_registered_model_alias = dying
    lines.send("ready")
    while True:
        version, compared = lines.recv()
        try:
            promotion.promote(ledger, version, compared or None)
        except ConflictError as error:
            lines.send(f"lost: {error}")
        else:
            lines.send("won")
