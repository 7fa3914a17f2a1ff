"""What a packed model answers with its own code, as MLflow serves it; run by its file name, see `programs.clean`."""

import json
import sys
from pathlib import Path
from typing import Any


def main(folder: Path, rows: Path, answers: Path, params: dict[str, Any]) -> None:
    """Load the packed model, and write what a caller who sends these params gets for each row."""
    import mlflow.pyfunc
    import pandas as pd

    model = mlflow.pyfunc.load_model(str(folder))
    model.predict(pd.read_parquet(rows), params=params or None).to_parquet(answers, index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4]))
