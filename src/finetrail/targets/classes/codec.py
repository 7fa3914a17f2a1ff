"""How the answers of a classifier are written down: logits (n, K), one of the K classes a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Ints
from finetrail.targets.classes.metrics import log_softmax
from finetrail.targets.logits import Logits, NamedLogits

if TYPE_CHECKING:
    from finetrail.targets.classes.judge import ClassJudge


@dataclass(frozen=True)
class ClassCodec(NamedLogits):
    """See `finetrail.targets.codec.Codec`."""

    @property
    def judge(self) -> "ClassJudge":
        from finetrail.targets.classes.judge import ClassJudge

        return ClassJudge(self)

    def numbers(self, labels: Sequence[str]) -> Ints:
        """Class numbers (n,) of known labels."""
        return np.array([self.number_of[label] for label in labels], dtype=np.int64)

    def unknown(self, labels: Sequence[str]) -> str:
        return self.strange(labels)

    def changed(self, one: Logits, other: Logits) -> NDArray[np.bool_]:
        """Another class is the likeliest."""
        return np.asarray(one.argmax(axis=1) != other.argmax(axis=1), dtype=np.bool_)

    def say(self, answers: Logits) -> dict[str, Any]:
        probabilities = np.exp(log_softmax(answers))
        best = probabilities.argmax(axis=1)
        return {"label": [self.labels[number] for number in best], "score": probabilities.max(axis=1)}

    def snippet(self, names: str) -> str:
        return f"print([{names}[number] for number in logits.argmax(1).tolist()])"
