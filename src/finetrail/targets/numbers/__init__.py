"""A label that is a number."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finetrail.errors import TrainingError
from finetrail.evaluation.scores.metric import Metric, amount
from finetrail.evaluation.slices import Slice
from finetrail.targets.numbers.decimals import with_points
from finetrail.targets.numbers.reading import read_number
from finetrail.targets.numbers.rules import NumberRules
from finetrail.targets.numbers.settings import NumberColumns, NumberTraining
from finetrail.targets.numbers.strata import NumberStrata
from finetrail.targets.target import Target

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.data.sources.columns import Record
    from finetrail.targets.numbers.codec import NumberCodec
    from finetrail.targets.numbers.learning import NumberLearning

METRICS = (
    Metric("pearson", "Pearson correlation"),
    Metric("spearman", "Spearman correlation"),
    Metric("r2", "R²"),
    Metric("mae", "MAE", lower=True, in_unit=True),
    Metric("rmse", "RMSE", lower=True, in_unit=True),
)


class _Numbers(Target):
    """See `finetrail.targets.target.Target`."""

    name = "numbers"
    problem_type = "regression"
    noun = "regression"
    metrics = METRICS
    resamples = 1000
    Columns = NumberColumns
    Rules = NumberRules
    Training = NumberTraining
    Slice = Slice
    strata = NumberStrata()

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.float64()

    def with_decimals(
        self, name: str, records: "Iterator[Record]", columns: Any, decimal: str, tell: Callable[[str], None]
    ) -> "Iterator[Record]":
        return with_points(name, records, columns.label, decimal, tell)

    def read(self, where: str, value: Any, columns: Any) -> Any:
        return read_number(where, value)

    def key(self, label: Any) -> str:
        if not isinstance(label, (int, float)):
            raise TypeError(f"{label!r} is not a number")
        return repr(float(label))

    def said(self, label: Any, content: Any) -> str:
        return amount(label)

    def learn(self, labels: Sequence[float], settings: Any) -> "NumberLearning":
        """Raises: TrainingError: all labels are the same, or nearly."""
        import numpy as np

        from finetrail.targets.numbers.codec import NumberCodec
        from finetrail.targets.numbers.learning import NumberLearning

        values = np.array(labels, dtype=np.float64)
        with np.errstate(over="ignore"):  # refused below
            mean, std = float(values.mean()), float(values.std())
        if values.min() == values.max():
            raise TrainingError(
                f"all {len(values)} training rows have the label {values[0]:g}: there is nothing to learn; add rows "
                "with other numbers, or split by `stratified`"
            )
        # A model answers in float32, which holds seven digits.
        if not np.isfinite(std) or std <= 1e-6 * abs(mean):
            raise TrainingError(
                f"the training labels vary by {std:g} around {mean:g}, too little or too much for float32; subtract a "
                "constant, or divide by one, in the source"
            )
        return NumberLearning(NumberCodec(mean, std), settings.loss, settings.huber_delta, settings.coverage)

    def codec(self, described: Mapping[str, Any]) -> "NumberCodec":
        from finetrail.targets.numbers.codec import NumberCodec

        # Models of earlier versions have no intervals.
        widths = tuple((level, width) for level, width in described.get("half_widths", ()))
        own = (widths, described.get("coverage"), described.get("half_width"))
        return NumberCodec(float(described["mean"]), float(described["std"]), *own)

    def learned(self, described: Mapping[str, Any]) -> "NumberLearning":
        from finetrail.targets.numbers.learning import NumberLearning

        return NumberLearning(self.codec(described))


NUMBERS = _Numbers()
