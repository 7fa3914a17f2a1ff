"""How the answers of a classifier are written down: logits (n, K), one of the K classes a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats, Ints
from finetrail.targets.classes.metrics import log_softmax
from finetrail.targets.logits import Logits, NamedLogits

if TYPE_CHECKING:
    from finetrail.targets.classes.judge import ClassJudge

STATED = ("coverage", "least_probable", "error_rate", "least_confident")
"""What a model has only where its settings ask for it."""


@dataclass(frozen=True)
class ClassCodec(NamedLogits):
    """See `finetrail.targets.codec.Codec`.

    Attributes:
        temperature: what logits are divided by before they become probabilities; see `finetrail.targets.scaling`.
        coverage: how often `label_set` is to hold the actual class; None: answers have no `label_set`.
        least_probable: the least probability of a class of `label_set`.
        error_rate: the share of wrong answers that is wanted among those that do not abstain; None: none abstains.
        least_confident: the probability of its own answer below which the model abstains; above 1 it always does.
    """

    temperature: float = 1.0
    coverage: float | None = None
    least_probable: float | None = None
    error_rate: float | None = None
    least_confident: float | None = None

    @property
    def judge(self) -> "ClassJudge":
        from finetrail.targets.classes.judge import ClassJudge

        return ClassJudge(self)

    @property
    def kinds(self) -> Mapping[str, str]:
        several = {} if self.least_probable is None else {"label_set": "list[string]"}
        silent = {} if self.least_confident is None else {"abstain": "boolean"}
        return {"label": "string", "score": "double", **several, **silent}

    @property
    def scales(self) -> tuple[Floats, Floats]:
        outputs = len(self.labels)
        return np.full(outputs, 1 / self.temperature), np.zeros(outputs)

    def described(self) -> dict[str, Any]:
        stated = {name: getattr(self, name) for name in STATED if getattr(self, name) is not None}
        return super().described() | {"temperature": self.temperature, **stated}

    def numbers(self, labels: Sequence[str]) -> Ints:
        """Class numbers (n,) of known labels."""
        return np.array([self.number_of[label] for label in labels], dtype=np.int64)

    def log_probabilities(self, answers: Logits) -> Floats:
        """Logarithms of the calibrated probabilities (n, K)."""
        return log_softmax(answers.astype(np.float64) / self.temperature)

    def chances(self, answers: Logits) -> Floats:
        """The calibrated probability of each class (n, K)."""
        found: Floats = np.exp(self.log_probabilities(answers))
        return found

    def label_sets(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Which classes the label set of each row has (n, K): the answer, and all that are probable enough."""
        found: NDArray[np.bool_] = probabilities >= (self.least_probable or 0.0)
        found[np.arange(len(found)), probabilities.argmax(axis=1)] = True
        return found

    def unknown(self, labels: Sequence[str]) -> str:
        return self.strange(labels)

    def say(self, answers: Logits) -> dict[str, Any]:
        probabilities = self.chances(answers)
        best = answers.argmax(axis=1)
        scores = probabilities[np.arange(len(best)), best]
        said: dict[str, Any] = {"label": [self.labels[number] for number in best], "score": scores}
        if self.least_probable is not None:
            orders = np.argsort(-probabilities, axis=1, kind="stable")
            sets = self.label_sets(probabilities)
            said["label_set"] = [
                [self.labels[k] for k in order if has[k]] for order, has in zip(orders.tolist(), sets, strict=True)
            ]
        if self.least_confident is not None:
            said["abstain"] = scores < self.least_confident
        return said

    def heard(self, said: Mapping[str, Sequence[Any]], known: Logits) -> Logits:
        if strange := self.strange(said["label"]):
            raise ValueError(f"it says {strange}")
        found, best = known.astype(np.float64), self.numbers(said["label"])
        other = np.flatnonzero(found.argmax(axis=1) != best)
        found[other, best[other]] = 1 + 2 * self.scale(known)
        return found

    def confidence(self, answers: Logits) -> Floats:
        """The probability of the answer."""
        found: Floats = np.exp(self.log_probabilities(answers).max(axis=1))
        return found

    def aligned(self, answers: Logits, own: "NamedLogits") -> Logits:
        """Logits with the same probabilities under the temperature of `own`."""
        found = super().aligned(answers, own)
        if not isinstance(own, ClassCodec):
            raise AssertionError("answers of another kind: a bug in finetrail")
        return found if own.temperature == self.temperature else found * (own.temperature / self.temperature)

    @property
    def differing(self) -> str:
        return "another class"

    def differ(self, one: Logits, other: Logits, theirs: "ClassCodec") -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = one.argmax(axis=1) != theirs.aligned(other, self).argmax(axis=1)
        return found

    def snippet(self, names: str) -> str:
        return f"print([{names}[number] for number in logits.argmax(1).tolist()])"
