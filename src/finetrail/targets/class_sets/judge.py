"""How good the answers of a multi-label classifier are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Ints
from finetrail.targets.class_sets.codec import SetCodec, probabilities
from finetrail.targets.class_sets.metrics import weighted_scores
from finetrail.targets.class_sets.ranking import Bools, Floats
from finetrail.targets.logits import Logits, table_per_label
from finetrail.targets.right_or_wrong import RightOrWrong

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.class_sets.evaluation import SetEvaluation
    from finetrail.targets.suspicion import Suspicion

Labels = Sequence[Sequence[str]]


@dataclass(frozen=True)
class SetJudge(RightOrWrong):
    """See `finetrail.targets.judge.Judge`."""

    codec: SetCodec
    by_group: bool = False

    def facts(self, labels: Labels, answers: Logits) -> Floats:
        """Which classes a row has, which it is given, and the probability of each (n, 3 K)."""
        parts = [self.codec.members(labels), self.codec.predicted(answers), probabilities(answers)]
        return np.concatenate([part.astype(np.float64) for part in parts], axis=1)

    def scores(self, facts: Floats, drawn: Ints) -> dict[str, Floats]:
        actual, predicted, certain = np.split(facts, 3, axis=1)
        return weighted_scores(drawn, actual.astype(np.bool_), predicted.astype(np.bool_), certain)

    def right(self, labels: Labels, answers: Logits) -> Bools:
        """Whether a row is given exactly its own set."""
        return np.asarray((self.codec.members(labels) == self.codec.predicted(answers)).all(axis=1), dtype=np.bool_)

    def alike(self, label: Sequence[str], other: Sequence[str]) -> bool:
        """Whether they are the same set."""
        return set(label) == set(other)

    def constant(self, labels: Labels) -> Logits:
        """Always the commonest set: no other constant is right as often."""
        common = Counter(map(tuple, labels)).most_common(1)[0][0]
        return np.where(self.codec.members([common] * len(labels)), 20.0, -20.0)

    def groups(self, labels: Labels, answers: Logits) -> Mapping[str, tuple[Bools, Bools]]:
        actual, predicted = self.codec.members(labels), self.codec.predicted(answers)
        return {f"recall of {label}": (actual[:, k], predicted[:, k]) for k, label in enumerate(self.codec.labels)}

    def errors(self, labels: Labels, answers: Logits) -> Mapping[str, float]:
        return {}

    def evaluate(
        self, rows: "pd.DataFrame", answers: Logits, draws: Draws, trained: Mapping[str, Any]
    ) -> "SetEvaluation":
        from finetrail.targets.class_sets.evaluation import evaluate

        return evaluate(self, rows, answers, draws)

    def suspicion(self, labels: Labels, answers: Logits) -> "Suspicion":
        from finetrail.targets.class_sets.suspects import suspects

        return suspects(self.codec, labels, answers)

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        names = (("threshold", "threshold"), ("precision", "precision"), ("recall", "recall"), ("F1", "f1"))
        return table_per_label(tested.get("per_class", {}), names)

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        return [
            "It knows only its own labels.",
            "The threshold of a label is fitted where at least 10 validation rows had it; for others it is 0.5.",
        ]
