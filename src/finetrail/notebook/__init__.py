"""What notebooks and scripts use: `import finetrail as ft`.

ft.finetune(train, val, backbone="data/weights/encoder").predict(["the shuttle reached orbit"])
ft.load("champion").predict(["the shuttle reached orbit"], top=3)
ft.results()
ft.report()
"""

from finetrail.notebook.findings import Report, report, results
from finetrail.notebook.finetuning import Fitted, finetune
from finetrail.notebook.models import Model, load

__all__ = ["Fitted", "Model", "Report", "finetune", "load", "report", "results"]
