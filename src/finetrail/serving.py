"""The registered model's code: MLflow runs this file, from its copy inside the model, to answer requests.

It travels with the model, beside the safetensors, configuration and tokenizer that `train` wrote. Nothing is unpickled,
nothing is fetched, and finetrail need not be installed where the model is served.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from finetrail.prediction import answer
from finetrail.tasks.registry import load_model


class Served(PythonModel):  # type: ignore[misc]
    """A fine-tuned model behind MLflow's `predict`."""

    def load_context(self, context: PythonModelContext) -> None:
        self._built = load_model(Path(context.artifacts["model"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Columns `label` and `score`, one row a row of the input, whose first column holds the raw values."""
        return answer(self._built, model_input.iloc[:, 0].astype(str).tolist())


set_model(Served())
