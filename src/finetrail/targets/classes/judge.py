"""How good the answers of a classifier are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.targets.calibration import calibration
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.classes.metrics import FORMULAS, Counts, totals
from finetrail.targets.logits import Logits, table_per_label
from finetrail.targets.right_or_wrong import RightOrWrong

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.classes.evaluation import ClassEvaluation
    from finetrail.targets.suspicion import Suspicion

Right = NDArray[np.bool_]


@dataclass(frozen=True)
class ClassJudge(RightOrWrong):
    """See `finetrail.targets.judge.Judge`."""

    codec: ClassCodec
    by_group: bool = False

    def facts(self, labels: Sequence[str], answers: Logits) -> Ints:
        """The actual class and the predicted one (n, 2)."""
        return np.stack([self.codec.numbers(labels), answers.argmax(axis=1).astype(np.int64)], axis=1)

    def scores(self, facts: Ints, drawn: Ints) -> dict[str, Floats]:
        actual, predicted = facts.T
        right, classes = actual == predicted, len(self.codec.labels)
        counts = Counts(
            hits=totals(drawn[:, right], predicted[right], classes),
            actual=totals(drawn, actual, classes),
            predicted=totals(drawn, predicted, classes),
        )
        return {name: function(counts) for name, function in FORMULAS.items()}

    def right(self, labels: Sequence[str], answers: Logits) -> Right:
        found: Right = self.codec.numbers(labels) == answers.argmax(axis=1)
        return found

    def alike(self, label: str, other: str) -> bool:
        """Whether they are one class."""
        return label == other

    def constant(self, labels: Sequence[str]) -> Logits:
        """Always the commonest class: no other constant has a higher accuracy."""
        answers = np.zeros((len(labels), len(self.codec.labels)))
        answers[:, np.bincount(self.codec.numbers(labels)).argmax()] = 1
        return answers

    def groups(self, labels: Sequence[str], answers: Logits) -> Mapping[str, tuple[Right, Right]]:
        actual, right = self.codec.numbers(labels), self.right(labels, answers)
        return {f"recall of {label}": (actual == number, right) for number, label in enumerate(self.codec.labels)}

    def errors(self, labels: Sequence[str], answers: Logits) -> Mapping[str, float]:
        return {"calibration": calibration(self.codec.log_probabilities(answers), self.codec.numbers(labels)).ece}

    def evaluate(
        self, rows: "pd.DataFrame", answers: Logits, draws: Draws, trained: Mapping[str, Any]
    ) -> "ClassEvaluation":
        from finetrail.targets.classes.evaluation import evaluate

        return evaluate(self, rows, answers, draws)

    def suspicion(self, labels: Sequence[str], answers: Logits) -> "Suspicion":
        from finetrail.targets.classes.suspects import suspects

        return suspects(self.codec, labels, answers)

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        columns = (("precision", "precision"), ("recall", "recall"), ("F1", "f1"))
        return table_per_label(tested.get("per_class", {}), columns)

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        found = ["It always answers with one of its labels, even where none of them fits."]
        if "calibration" in tested:
            error = tested["calibration"]["ece"]
            found.append(f"Its probabilities are off by {error:.3f} on average (expected calibration error on test).")
        return found
