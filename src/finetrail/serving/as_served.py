"""What a packed model answers with its own code, as MLflow serves it; run by its file name, see `programs.clean`."""

import sys
from pathlib import Path


def main(folder: Path, rows: Path, answers: Path) -> None:
    """Load the packed model, and write what a caller gets for each row."""
    import mlflow.pyfunc
    import pandas as pd

    model = mlflow.pyfunc.load_model(str(folder))
    model.predict(pd.read_parquet(rows)).to_parquet(answers, index=False)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
