"""The paths of one candidate's run, below data/runs."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunPaths:
    """What `train` writes about one candidate besides its model; `select` reads nothing else."""

    root: Path

    @property
    def record(self) -> Path:
        """run.json: the id of the MLflow run, and all that is needed to rebuild that run from files."""
        return self.root / "run.json"

    @property
    def metrics(self) -> Path:
        """metrics.json: the few numbers that `dvc metrics` compares."""
        return self.root / "metrics.json"

    @property
    def details(self) -> Path:
        """details.json: all that the training found, those numbers too."""
        return self.root / "details.json"

    @property
    def train_curve(self) -> Path:
        return self.root / "train.csv"

    @property
    def val_curve(self) -> Path:
        return self.root / "val.csv"

    @property
    def predictions(self) -> Path:
        return self.root / "predictions.parquet"

    @property
    def seeds(self) -> Path:
        """seeds.parquet: the answers of trainings with further seeds; no rows where `train.seeds` is 1."""
        return self.root / "seeds.parquet"

    @property
    def seen(self) -> Path:
        """seen.json: a few training examples as the model sees them, for the test report."""
        return self.root / "seen.json"

    @property
    def study(self) -> Path:
        """The search for the candidate's settings: study.json and, where there was one, report.html."""
        return self.root / "study"

    @property
    def study_record(self) -> Path:
        return self.study / "study.json"
