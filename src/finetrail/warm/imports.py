"""What the server imports: what every recipe needs first, then what the stages that it forked have imported since."""

import importlib
import sys
from collections.abc import Iterable

from finetrail.programs.clean import CLEAN

_TABLE = ("finetrail.cli.app", "pandas", "pyarrow.dataset", "pyarrow.parquet")
_MLFLOW = ("mlflow", "mlflow.store.tracking.sqlalchemy_store")
_MODEL = ("torch", "transformers", "accelerate", "peft")
_STAGES = {
    "ingest": (*_TABLE, "finetrail.stages.ingest"),
    "validate": (*_TABLE, "finetrail.stages.validate", "great_expectations"),
    "split": (*_TABLE, "finetrail.stages.split"),
    "train": (*_TABLE, *_MODEL, *_MLFLOW, "finetrail.stages.train", "torch._dynamo", "torch.distributed.fsdp"),
    "select": (*_TABLE, *_MLFLOW, "finetrail.stages.select"),
    "assess": (*_TABLE, *_MODEL, "finetrail.stages.assess"),
    "test": (*_TABLE, *_MODEL, *_MLFLOW, "finetrail.stages.test"),
    "register": (*_TABLE, *_MODEL, *_MLFLOW, "finetrail.stages.register", "mlflow.pyfunc"),
    CLEAN: (*_MODEL, *_MLFLOW, "mlflow.pyfunc"),
}
"""In the order in which they run: the next one's are imported while the first runs."""
_THREADED = "onnxruntime"
"""Starts threads when it is imported, and a process with threads forks no stage: each fork imports it by itself."""


class Imports:
    """The modules that are still to be imported."""

    def __init__(self) -> None:
        self._left: dict[str, None] = {}
        self._failed: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._left)

    def one(self) -> None:
        """Import the next module."""
        self._import(next(iter(self._left)))

    def up_to(self, stage: str) -> None:
        """Import what a stage needs; what the stages after it need is left for later."""
        for name in _STAGES[stage]:
            self._import(name)
        stages = list(_STAGES)
        for after in stages[stages.index(stage) + 1 :]:
            self.add(_STAGES[after])

    def add(self, names: Iterable[str]) -> None:
        """Import these too: a stage did, so the next one may."""
        known = {*sys.modules, *self._failed}
        self._left |= {name: None for name in names if name not in known and name.split(".")[0] != _THREADED}

    def _import(self, name: str) -> None:
        self._left.pop(name, None)
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001  (whatever it is, the stage that needs the module meets it too, and is heard)
            self._failed.add(name)


def imported_since(before: set[str]) -> list[str]:
    """The modules that this process has imported beyond these, in an order in which they can be imported."""
    found = [name for name, module in list(sys.modules.items()) if getattr(module, "__spec__", None)]
    return [name for name in found if name not in before and not name.startswith("__")]
