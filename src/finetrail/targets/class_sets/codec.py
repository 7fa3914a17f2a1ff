"""How the answers of a multi-label classifier are written down: logits (n, K), any of the K classes a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.targets.class_sets.ranking import Bools, Floats
from finetrail.targets.class_sets.thresholds import predict
from finetrail.targets.logits import Logits, NamedLogits

if TYPE_CHECKING:
    from finetrail.targets.class_sets.judge import SetJudge


@dataclass(frozen=True)
class SetCodec(NamedLogits):
    """See `finetrail.targets.codec.Codec`. Attributes: thresholds: the least probability that gives each class."""

    thresholds: tuple[float, ...]

    @property
    def judge(self) -> "SetJudge":
        from finetrail.targets.class_sets.judge import SetJudge

        return SetJudge(self)

    def described(self) -> dict[str, Any]:
        return super().described() | {"thresholds": list(self.thresholds)}

    def members(self, labels: Sequence[Sequence[str]]) -> Bools:
        """Which of the classes each row has (n, K), of known labels."""
        found = np.zeros((len(labels), len(self.labels)), dtype=np.bool_)
        for row, names in enumerate(labels):
            found[row, [self.number_of[name] for name in names]] = True
        return found

    def predicted(self, answers: Logits) -> Bools:
        """Which classes each row is given (n, K)."""
        return predict(probabilities(answers), np.array(self.thresholds))

    def unknown(self, labels: Sequence[Sequence[str]]) -> str:
        return self.strange(name for label in labels for name in label)

    def changed(self, one: Logits, other: Logits) -> Bools:
        """The row is given another set."""
        return np.asarray((self.predicted(one) != self.predicted(other)).any(axis=1), dtype=np.bool_)

    def say(self, answers: Logits) -> dict[str, Any]:
        """The classes of each row, the likeliest first, and their probabilities."""
        certain, given = probabilities(answers), self.predicted(answers)
        orders = [
            [k for k in np.argsort(-of_row, kind="stable").tolist() if has[k]]
            for of_row, has in zip(certain, given, strict=True)
        ]
        return {
            "labels": [[self.labels[k] for k in order] for order in orders],
            "scores": [[float(of_row[k]) for k in order] for order, of_row in zip(orders, certain, strict=True)],
        }

    def aligned(self, answers: Logits, own: "NamedLogits") -> Logits:
        """Logits that lie on the same sides of the thresholds of `own`, in the same order within each class."""
        found = super().aligned(answers, own).astype(np.float64)
        if not isinstance(own, SetCodec):
            raise AssertionError("answers of another kind: a bug in finetrail")
        thresholds = np.array(self.thresholds)[[self.number_of[label] for label in own.labels]]
        return found - _logit(thresholds) + _logit(np.array(own.thresholds))

    def snippet(self, names: str) -> str:
        given = [round(threshold, 6) for threshold in self.thresholds]
        return (
            f"thresholds = {given}\n"
            "for row in logits.tolist():\n"
            "    probabilities = [1 / (1 + 2.718281828459045 ** -value) for value in row]\n"
            f"    print([{names}[k] for k, one in enumerate(probabilities) if one >= thresholds[k]])"
        )

    def about(self) -> list[str]:
        return [*super().about(), "A row gets each label whose probability reaches its threshold; it may get none."]


def probabilities(answers: Logits) -> Floats:
    """The sigmoid of logits."""
    found: Floats = 1 / (1 + np.exp(-answers.astype(np.float64).clip(-500, 500)))
    return found


def _logit(thresholds: Floats) -> Floats:
    found: Floats = np.log(thresholds / (1 - thresholds))
    return found
