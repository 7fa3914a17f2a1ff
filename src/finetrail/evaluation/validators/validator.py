"""The base of every validator: section `selection.validator` of params.yaml.

A validator is a `Scorer` of `finetrail.evaluation.scores.bootstrap`, so its intervals and paired differences are those
of any metric. None can be right always: each takes a kind of bad model for a good one (Musgrave et al. 2022).
Imports no numpy, because `config.py` needs it in every process.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from finetrail.evaluation.scores.metric import Metric
from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.evaluation.scores.bootstrap import Floats, Ints


class Validator(Settings):
    """How good a model is on rows without labels; higher is better.

    Attributes:
        method: its name.
        rows: a name in section `unlabelled`.
        title: its score, in a sentence.
        fooled: what takes it in, to end "it is fooled ...".
        needs: what it needs of labels; see `finetrail.targets.target.Target.offers`.
        weighs: whether it scores validation rows, each with a weight, and not the answers to the rows without labels.
    """

    method: str
    rows: str

    title: ClassVar[str]
    fooled: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"one class a row"})
    weighs: ClassVar[bool] = False

    @property
    def metric(self) -> Metric:
        """Its score as a metric."""
        return Metric(self.method, self.title)

    def refuse_unfit(self, task: str, offers: Collection[str], assessed: Collection[str]) -> None:
        """Refuse what it cannot judge.

        Args:
            offers: of the task's target; see `needs`.
            assessed: the assessments that are asked for.

        Raises:
            ValueError: the task lacks what it needs, or an assessment asks how firm a choice by labels is.
        """
        where = f"selection.validator.method {self.method!r}"
        if lacking := sorted(self.needs - set(offers)):
            raise ValueError(f"{where} needs {lacking[0]}, but {task} has none; remove it")
        if "stability" in assessed:
            raise ValueError(f"{where} chooses without labels, but assess.stability asks about labels; remove one")

    @abstractmethod
    def facts(self, labels: Sequence[Any], answers: Any) -> "Floats":
        """What `scores` needs of each row (n, S).

        Args:
            labels: never read.
            answers: probabilities (n, K), K > 1; where it `weighs`, the weight of each row and whether it is right
                (n, 2).
        """

    @abstractmethod
    def scores(self, facts: "Floats", drawn: "Ints") -> "Mapping[str, Floats]":
        """Its score under the name of its method (R,), from facts (D, S) and how often each was drawn (R, D)."""
