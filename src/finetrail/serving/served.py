"""The registered model's code: MLflow runs this file, from its copy inside the model, to answer requests.

It travels with the model, beside the safetensors, configuration and preprocessing that `train` wrote. Nothing is
unpickled, nothing is fetched, and finetrail need not be installed where the model is served.

Images come as bytes, base64, `data:` addresses or, in Python, paths. MLflow's scoring server reads no paths: whoever
sends a request must not see the server's files. $FINETRAIL_READ_PATHS says otherwise: `0` for a server of your own,
`1` for one whose callers you trust.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel, PythonModelContext

from finetrail.contents.image.received import encoded
from finetrail.errors import ImageError
from finetrail.serving.answer import answer, bad_rows, outputs_of
from finetrail.tasks.registry import get_entry, load_model
from finetrail.workspace import read_json

READ_PATHS = "FINETRAIL_READ_PATHS"
# Set by MLflow's scoring server, and by nothing else.
_SERVING = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"


class Served(PythonModel):  # type: ignore[misc]
    """A fine-tuned model behind MLflow's `predict`."""

    def load_context(self, context: PythonModelContext) -> None:
        folder = Path(context.artifacts["model"])
        self._built = load_model(folder)
        self._column = get_entry(read_json(folder / "model.json")["task"]).column

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """The columns of `answer`, one row a row of the input, whose first column holds the raw values.

        Raises:
            MlflowException: an image cannot be read; the message names the row. Over HTTP this is status 400.
        """
        try:
            return answer(self._built, self._values(model_input))
        except ImageError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error

    def outputs(self, model_input: pd.DataFrame) -> np.ndarray:
        """The logits (n, K), or the predicted numbers (n, 1), behind `predict`: what a round trip compares."""
        return outputs_of(self._built, self._values(model_input))

    def _values(self, model_input: pd.DataFrame) -> list[Any]:
        values = model_input.iloc[:, 0]
        return _images(values.tolist()) if self._column == "image" else values.astype(str).tolist()


def _images(values: list[object]) -> list[bytes]:
    folder = Path() if _may_read_paths() else None
    images, bad = [], {}
    for place, value in enumerate(values):
        try:
            images.append(encoded(value, folder))
        except ImageError as error:
            bad[place] = str(error)
    if bad:
        raise bad_rows(bad, len(values))
    return images


def _may_read_paths() -> bool:
    return os.environ.get(READ_PATHS, "0" if os.environ.get(_SERVING, "").lower() in ("true", "1") else "1") == "1"


set_model(Served())
