"""A process that promotes: told on stdin what to make champion of what, it says on stdout what came of it.

`python promoter.py NAME [die]`, with MLFLOW_TRACKING_URI in the environment. With `die` it ends itself, as by a power
cut, when it is about to move the alias `champion`.
"""

import os
import signal
import sys
from pathlib import Path

from mlflow import MlflowClient

from finetrail import promotion
from finetrail.errors import ConflictError
from finetrail.ledger import Ledger
from finetrail.tracking import connect
from finetrail.workspace import Workspace


def main(name: str, *, die: bool) -> None:
    """Answer each line `VERSION CHAMPION`, 0 for none, with `won` or `lost`."""
    ledger = Ledger(connect(Workspace(Path.cwd()), "race"), name, f"process {os.getpid()}")
    if die:
        move = MlflowClient.set_registered_model_alias

        def dying(self: MlflowClient, model: str, alias: str, version: str) -> None:
            if alias == "champion":
                os.kill(os.getpid(), signal.SIGKILL)
            move(self, model, alias, version)

        MlflowClient.set_registered_model_alias = dying
    say("ready")
    for line in sys.stdin:
        version, compared = map(int, line.split())
        try:
            promotion.promote(ledger, version, compared or None)
        except ConflictError as error:
            say(f"lost: {error}")
        else:
            say("won")


def say(line: str) -> None:
    """One line to whoever listens."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], die="die" in sys.argv)
