"""What the stages import: a test compares this with what they import when they run."""

import importlib
import sys

_DATA = ("numpy", "pandas", "pyarrow.parquet", "pyarrow.dataset", "typer", "rich.progress", "finetrail.config")
_TRAIN = ("torch", "transformers", "mlflow", "finetrail.stages.train")
IMPORTS = {
    "ingest": (*_DATA, "finetrail.stages.ingest"),
    "validate": (*_DATA, "great_expectations", "finetrail.stages.validate"),
    "split": (*_DATA, "finetrail.stages.split"),
    "train": (*_DATA, *_TRAIN),
    "select": (*_DATA, "mlflow", "finetrail.stages.select"),
    "test": (*_DATA, *_TRAIN, "finetrail.stages.test"),
    "register": (*_DATA, *_TRAIN, "mlflow.pyfunc", "finetrail.stages.register"),
}
"""By stage, in the order in which they run: the server imports them in this order while the first stages run."""


def missing(stage: str | None = None) -> list[str]:
    """The modules that are not imported yet, of one stage or of all."""
    names = IMPORTS[stage] if stage else [name for some in IMPORTS.values() for name in some]
    return [name for name in dict.fromkeys(names) if name not in sys.modules]


def import_(name: str) -> None:
    """Import a module; what cannot be imported is the stage's to tell."""
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001  (whatever it is, the stage meets it too, and is heard)
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
