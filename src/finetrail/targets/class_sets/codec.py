"""How the answers of a multi-label classifier are written down: logits (n, K), any of the K classes a row."""

from collections.abc import Mapping, Sequence
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
    """See `finetrail.targets.codec.Codec`.

    Attributes:
        thresholds: the least sigmoid of its logit that gives each class.
        slopes, shifts: of the logits, before their sigmoids are said to be probabilities; see
            `finetrail.targets.scaling`. Empty: the logits are as trained.
    """

    thresholds: tuple[float, ...]
    slopes: tuple[float, ...] = ()
    shifts: tuple[float, ...] = ()

    @property
    def judge(self) -> "SetJudge":
        from finetrail.targets.class_sets.judge import SetJudge

        return SetJudge(self)

    @property
    def kinds(self) -> Mapping[str, str]:
        return {"labels": "list[string]", "scores": "list[double]"}

    @property
    def scales(self) -> tuple[Floats, Floats]:
        if not self.slopes:
            return np.ones(len(self.labels)), np.zeros(len(self.labels))
        return np.array(self.slopes), np.array(self.shifts)

    def described(self) -> dict[str, Any]:
        own = {"thresholds": self.thresholds, "slopes": self.slopes, "shifts": self.shifts}
        return super().described() | {name: list(values) for name, values in own.items()}

    def scaled(self, logits: Logits) -> Floats:
        """The logits of calibrated probabilities (n, K)."""
        slopes, shifts = self.scales
        found: Floats = logits.astype(np.float64) * slopes + shifts
        return found

    def chances(self, answers: Logits) -> Floats:
        """The calibrated probability of each class (n, K)."""
        return probabilities(self.scaled(answers))

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

    def say(self, answers: Logits) -> dict[str, Any]:
        """The classes of each row, the likeliest first, and their probabilities."""
        certain, given = self.chances(answers), self.predicted(answers)
        orders = [
            [k for k in np.argsort(-of_row, kind="stable").tolist() if has[k]]
            for of_row, has in zip(certain, given, strict=True)
        ]
        return {
            "labels": [[self.labels[k] for k in order] for order in orders],
            "scores": [[float(of_row[k]) for k in order] for order, of_row in zip(orders, certain, strict=True)],
        }

    def heard(self, said: Mapping[str, Sequence[Any]], known: Logits) -> Logits:
        if strange := self.unknown(said["labels"]):
            raise ValueError(f"it says {strange}")
        given, sure = self.members(said["labels"]), 50 + 2 * self.scale(known)
        return np.where(given == self.predicted(known), known, np.where(given, sure, -sure))

    def confidence(self, answers: Logits) -> Floats:
        """The mean, over the classes, of the probability that each is rightly in the answer, or rightly left out."""
        certain = self.chances(answers)
        found: Floats = np.where(self.predicted(answers), certain, 1 - certain).mean(axis=1)
        return found

    def aligned(self, answers: Logits, own: "NamedLogits") -> Logits:
        """Logits that lie on the same sides of the thresholds of `own`, in the same order within each class."""
        found = super().aligned(answers, own).astype(np.float64)
        if not isinstance(own, SetCodec):
            raise AssertionError("answers of another kind: a bug in finetrail")
        thresholds = np.array(self.thresholds)[[self.number_of[label] for label in own.labels]]
        return found - _logit(thresholds) + _logit(np.array(own.thresholds))

    @property
    def differing(self) -> str:
        return "another set"

    def differ(self, one: Logits, other: Logits, theirs: "SetCodec") -> Bools:
        """Each model has its own thresholds."""
        order = [theirs.number_of[label] for label in self.labels]
        return np.asarray((self.predicted(one) != theirs.predicted(other)[:, order]).any(axis=1), dtype=np.bool_)

    def snippet(self, names: str) -> str:
        # An export has the scales in its head. Probabilities near 1 would need many digits.
        least = [round(float(one), 6) for one in self.scaled(_logit(np.array(self.thresholds)))]
        return (
            f"thresholds = {least}  # of the logits\n"
            "for row in logits.tolist():\n"
            f"    print([{names}[k] for k, one in enumerate(row) if one >= thresholds[k]])"
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
