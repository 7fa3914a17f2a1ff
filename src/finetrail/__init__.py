"""Fine-tuning with an audit trail: DVC owns the bytes, MLflow shows the runs, every model leads back to its data.

For notebooks and scripts: `finetune` a model on a frame, `load` one, `results` of the candidates as a table, the test
`report` as a page.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetrail.notebook import Fitted, Model, Report, finetune, load, report, results

__all__ = ["Fitted", "Model", "Report", "__version__", "finetune", "load", "report", "results"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in __all__:  # only then is pandas imported: commands start without it
        return getattr(import_module(".notebook", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
