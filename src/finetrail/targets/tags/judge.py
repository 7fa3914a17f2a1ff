"""How good the answers of a tagger are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.targets.logits import table_per_label
from finetrail.targets.right_or_wrong import RightOrWrong
from finetrail.targets.tags.codec import TagAnswers, TagCodec
from finetrail.targets.tags.metrics import scores, statistics
from finetrail.targets.tags.reading import spans_of

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.suspicion import Suspicion
    from finetrail.targets.tags.evaluation import TagEvaluation

Labels = Sequence[Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class TagJudge(RightOrWrong):
    """See `finetrail.targets.judge.Judge`. Sentences of a document are drawn together: they are alike."""

    codec: TagCodec
    by_group: bool = True

    def facts(self, labels: Labels, answers: TagAnswers) -> Ints:
        """Counts that add up (n, S); see `finetrail.targets.tags.metrics.statistics`."""
        return statistics([spans_of(label) for label in labels], answers.spans, answers.words, self.codec.types)

    def scores(self, facts: Ints, drawn: Ints) -> dict[str, Floats]:
        return scores(drawn @ facts, plain=self.codec.plain)

    def right(self, labels: Labels, answers: TagAnswers) -> NDArray[np.bool_]:
        """Whether a row has exactly the spans of its label."""
        pairs = zip(labels, answers.spans, strict=True)
        return np.array([spans_of(label) == spans for label, spans in pairs], dtype=np.bool_)

    def alike(self, label: Any, other: Any) -> None:
        """Spans name places in one text: those of two texts cannot be compared."""

    def constant(self, labels: Labels) -> TagAnswers:
        """No span at all: every other constant would need to know where words are."""
        nothing = np.zeros((0, len(self.codec.outputs)), dtype=np.float32)
        return self.codec.answered([[] for _ in labels], [nothing for _ in labels])

    def groups(self, labels: Labels, answers: TagAnswers) -> Mapping[str, Any]:
        return {}

    def errors(self, labels: Labels, answers: TagAnswers) -> Mapping[str, float]:
        return {}

    def evaluate(
        self, rows: "pd.DataFrame", answers: TagAnswers, draws: Draws, trained: Mapping[str, Any]
    ) -> "TagEvaluation":
        from finetrail.targets.tags.evaluation import evaluate

        return evaluate(self, rows, answers, draws)

    def suspicion(self, labels: Labels, answers: TagAnswers) -> "Suspicion":
        from finetrail.targets.tags.suspects import suspects

        return suspects(self.codec, labels, answers)

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        columns = (("precision", "precision"), ("recall", "recall"), ("F1", "f1"))
        return table_per_label(tested.get("per_type", {}), columns)

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        return ["Its spans do not overlap, and are made of whole words."]
