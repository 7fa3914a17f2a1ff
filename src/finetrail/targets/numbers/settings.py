"""What params.yaml may say of numbers, beside their rules. Light: the command line reads this before any work."""

from typing import Literal

from pydantic import Field

from finetrail.data.sources.columns import ColumnName, Columns
from finetrail.targets.target import Training


class NumberColumns(Columns):
    """Which column of the source holds the label.

    Attributes:
        label: the number to predict.
    """

    label: ColumnName = "label"

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,)


class NumberTraining(Training):
    """What section `train` of params.yaml says of numbers.

    Attributes:
        loss: `mse`, `huber` (Huber 1964), which cares less for wild labels, or `mae`.
        metric: the validation metric that picks the best evaluation.
        huber_delta: the error above which `huber` no longer counts its square, in standard deviations of the
            training labels.
        coverage: an answer also holds an interval, from `low` to `high`, which the actual number lies in with this
            frequency (split-conformal: Vovk et al. 2005); null: it does not.
    """

    loss: Literal["mse", "huber", "mae"] = "mse"
    metric: Literal["pearson", "spearman", "r2", "mae", "rmse"] = "rmse"
    huber_delta: float = Field(1.0, gt=0)
    coverage: float | None = Field(None, gt=0, lt=1)
