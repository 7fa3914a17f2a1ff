"""How the answers of a regression are written down: a number (n, 1) a row, in the unit of the labels."""

from collections.abc import Mapping, Sequence
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
NEAR = 0.1
"""Two numbers are different answers if they lie further apart than this many standard deviations of the labels."""
Predictions = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class NumberCodec:
    """See `finetrail.targets.codec.Codec`.

    Attributes:
        mean, std: of the training labels.
        half_widths: how far from the answer the actual number lies at most, in these shares of rows; see
            `finetrail.targets.conformal`.
        coverage: how often the interval of an answer is to hold the actual number; None: answers have no interval.
        half_width: of that interval.
    """

    mean: float
    std: float
    half_widths: tuple[tuple[float, float], ...] = ()
    coverage: float | None = None
    half_width: float | None = None

    @property
    def outputs(self) -> list[str]:
        return [PREDICTION]

    @property
    def judge(self) -> "NumberJudge":
        from finetrail.targets.numbers.judge import NumberJudge

        return NumberJudge(self)

    @property
    def kinds(self) -> Mapping[str, str]:
        ends = {} if self.half_width is None else {"low": "double", "high": "double"}
        return {PREDICTION: "double", **ends}

    @property
    def scales(self) -> None:
        """A number is not a probability."""

    def described(self) -> dict[str, Any]:
        stated = {} if self.coverage is None else {"coverage": self.coverage, "half_width": self.half_width}
        return {"mean": self.mean, "std": self.std, "half_widths": [list(pair) for pair in self.half_widths], **stated}

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
        found = answers[:, 0].astype(np.float64)
        if self.half_width is None:
            return {PREDICTION: found}
        return {PREDICTION: found, "low": found - self.half_width, "high": found + self.half_width}

    def heard(self, said: Mapping[str, Sequence[Any]], known: Predictions) -> Predictions:
        return np.array(said[PREDICTION], dtype=np.float64)[:, None]

    def confidence(self, answers: Predictions) -> Floats | None:
        """A number says nothing of it."""
        return None

    def apart(self, one: Predictions, other: Predictions) -> Floats:
        apart: Floats = np.abs(one[:, 0].astype(np.float64) - other[:, 0].astype(np.float64))
        return apart

    @property
    def differing(self) -> str:
        return f"a number more than {NEAR:g} standard deviations of the labels away"

    def differ(self, one: Predictions, other: Predictions, theirs: "NumberCodec") -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.apart(one, other) > NEAR * self.std
        return found

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
