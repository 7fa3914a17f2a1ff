"""Answers of a packed model as another machine would get them; run by its file name, see `finetrail.programs.clean`.

The finetrail that is installed here is hidden: the code comes from the package. Connecting to any host raises, and so
does a pickle that names anything to import.
"""

import socket
import sys
from pathlib import Path

FEW = 8
"""Rows that are also sent as a caller would, through MLflow's `predict` and its schema."""


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.getaddrinfo", "socket.gethostbyname") or (
        event == "socket.connect" and getattr(arguments[0], "family", None) != socket.AF_UNIX
    ):
        raise RuntimeError(f"the packed model accesses the network ({event} {arguments[1:]})")
    if event == "pickle.find_class":
        raise RuntimeError(f"the packed model unpickles {arguments[0]}.{arguments[1]}")


def main(folder: Path, rows: Path, answers: Path) -> None:
    """Load the packed model, and write its answer to each row; for the first few, also what a caller gets."""
    import mlflow.pyfunc
    import pandas as pd

    frame = pd.read_parquet(rows)
    sys.addaudithook(_refuse)
    model = mlflow.pyfunc.load_model(str(folder))
    import finetrail

    if not Path(finetrail.__file__).resolve().is_relative_to(folder.resolve()):
        raise RuntimeError(f"the packed model runs code from outside itself, {finetrail.__file__}")
    model.unwrap_python_model().answers(frame).to_parquet(answers, index=False)
    model.predict(frame.head(FEW)).to_json(answers.with_suffix(".json"))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
