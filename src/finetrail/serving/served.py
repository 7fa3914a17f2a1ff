"""The registered model's code: MLflow runs this file, from its copy inside the model, to answer requests.

It travels with the model, beside the safetensors, configuration and preprocessing that `train` wrote. Nothing is
unpickled, nothing is fetched, and finetrail need not be installed where the model is served.

Images come as bytes, base64, `data:` addresses or, in Python, paths. MLflow's scoring server reads no paths: whoever
sends a request must not see the server's files. $FINETRAIL_READ_PATHS changes that: `0` for a server of your own,
`1` for one whose callers you trust.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel, PythonModelContext

from finetrail.errors import DataError
from finetrail.serving.answer import answer, answers_to, stream
from finetrail.serving.bounds import refuse_large
from finetrail.serving.rows import rows_of
from finetrail.tasks.registry import load_model

READ_PATHS = "FINETRAIL_READ_PATHS"
# Set by MLflow's scoring server, and by nothing else.
_SERVING = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"


class Served(PythonModel):  # type: ignore[misc]
    """A fine-tuned model behind MLflow's `predict`."""

    def load_context(self, context: PythonModelContext) -> None:
        self._built = load_model(Path(context.artifacts["model"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """The columns of `answer`, one row per input row.

        Args:
            params: see the options of the task's target.

        Raises:
            MlflowException: a row cannot be read; the message names it. Or an option is out of its bounds. Over HTTP
                this is status 400.
        """
        with _told():
            return answer(self._built, self._contents(model_input), self._built.task.target.Options.of(params))

    def predict_stream(
        self, context: PythonModelContext, model_input: Mapping[str, Any], params: dict[str, Any] | None = None
    ) -> Iterator[str]:
        """The text of one answer in pieces; joined, they are the text that `predict` gives.

        Args:
            model_input: one row, by column.

        Raises:
            MlflowException: as in `predict`.
        """
        with _told():
            (content,) = self._contents(pd.DataFrame([model_input]))
            yield from stream(self._built, content, self._built.task.target.Options.of(params))

    def answers(self, model_input: pd.DataFrame) -> pd.DataFrame:
        """The answers in the columns of predictions.parquet, for a round trip to compare."""
        found = answers_to(self._built, self._contents(model_input))
        return pd.DataFrame(self._built.codec.columns(found))

    def _contents(self, model_input: pd.DataFrame) -> list[Any]:
        content = self._built.task.content
        rows = rows_of(content, self._built.columns, model_input)
        trusted = _may_read_paths()
        if not trusted:
            refuse_large(rows)
        return content.receive(rows, trusted)


@contextmanager
def _told() -> Iterator[None]:
    """Within this context, an error about what a caller sent is MLflow's: status 400 over HTTP."""
    try:
        yield
    except DataError as error:
        raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error


def _may_read_paths() -> bool:
    return os.environ.get(READ_PATHS, "0" if os.environ.get(_SERVING, "").lower() in ("true", "1") else "1") == "1"


set_model(Served())
