"""How the answers of a regression are written down: a number (n, 1) a row, in the unit of the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.numbers.judge import NumberJudge

PREDICTION = "prediction"
"""The name of the one output."""
NOTICED = 0.1
"""The difference between two numbers that counts as another answer, in standard deviations of the training labels."""
Predictions = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class NumberCodec:
    """See `finetrail.targets.codec.Codec`. Attributes: mean, std: of the training labels."""

    mean: float
    std: float

    @property
    def outputs(self) -> list[str]:
        return [PREDICTION]

    @property
    def judge(self) -> "NumberJudge":
        from finetrail.targets.numbers.judge import NumberJudge

        return NumberJudge(self)

    def described(self) -> dict[str, Any]:
        return {"mean": self.mean, "std": self.std}

    def unknown(self, labels: Sequence[float]) -> str:
        return ""  # any number can be asked for

    def broken(self, answers: Predictions) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = ~np.isfinite(answers[:, 0])
        return found

    def columns(self, answers: Predictions) -> dict[str, Any]:
        return {PREDICTION: answers[:, 0]}

    def read(self, frame: "pd.DataFrame") -> Predictions:
        if PREDICTION not in frame:
            raise ValueError(f"it has no column {PREDICTION!r}")
        return frame[PREDICTION].to_numpy()[:, None]

    def say(self, answers: Predictions) -> dict[str, Any]:
        return {PREDICTION: answers[:, 0].astype(np.float64)}

    def apart(self, one: Predictions, other: Predictions) -> Floats:
        apart: Floats = np.abs(one[:, 0].astype(np.float64) - other[:, 0].astype(np.float64))
        return apart

    def changed(self, one: Predictions, other: Predictions) -> NDArray[np.bool_]:
        """The numbers differ by more than a tenth of the standard deviation of the training labels."""
        return np.asarray(self.apart(one, other) > NOTICED * self.std, dtype=np.bool_)

    def scale(self, answers: Predictions) -> float:
        return float(np.abs(answers).max(initial=0.0))

    def shown(self, answers: Predictions, row: int) -> str:
        return f"({answers[row, 0]:.4g})"

    def refuse_others(self, champion: "NumberCodec") -> None:
        """All numbers are of one kind."""

    def aligned(self, answers: Predictions, own: "NumberCodec") -> Predictions:
        return answers  # each is in the unit of the labels

    def snippet(self, names: str) -> str:
        return "print(logits[:, 0].tolist())"

    def about(self) -> list[str]:
        return []
