"""Fine-tuning with an audit trail: DVC owns the bytes, MLflow shows the runs, every model leads back to its data.

For notebooks and scripts: `load` a model, `results` of the candidates as a table, the test `report` as a page.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetrail.notebook import Model, Report, load, report, results

__all__ = ["Model", "Report", "__version__", "load", "report", "results"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in __all__:  # only then is pandas imported: commands start without it
        return getattr(import_module(".notebook", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
