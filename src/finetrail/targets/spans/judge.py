"""How good answers from a context are: exact match and F1, as SQuAD's scripts count them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.right_or_wrong import RightOrWrong
from finetrail.targets.spans.codec import SpanAnswers, SpanCodec
from finetrail.targets.spans.decoding import Candidates
from finetrail.targets.spans.reading import answers_of
from finetrail.targets.spans.texts import score

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.evaluation.report.section import Section
    from finetrail.targets.spans.evaluation import SpanEvaluation
    from finetrail.targets.suspicion import Suspicion

Labels = Sequence[Sequence[Mapping[str, Any]]]
EXACT, F1 = 0, 1
"""Columns of `SpanJudge.facts`; a third counts rows."""


@dataclass(frozen=True)
class SpanJudge(RightOrWrong):
    """See `finetrail.targets.judge.Judge`. Questions about one context are drawn together: they are alike."""

    codec: SpanCodec
    by_group: bool = True

    def facts(self, labels: Labels, answers: SpanAnswers) -> Floats:
        """Exact match and F1 of each row, and 1 (n, 3)."""
        return scored(labels, answers.texts, answers.places)

    def scores(self, facts: Floats, drawn: Ints) -> dict[str, Floats]:
        sums = drawn @ facts
        return {"exact_match": sums[:, EXACT] / sums[:, 2], "f1": sums[:, F1] / sums[:, 2]}

    def right(self, labels: Labels, answers: SpanAnswers) -> NDArray[np.bool_]:
        """Whether the answer matches one of the label's exactly."""
        exact: NDArray[np.bool_] = self.facts(labels, answers)[:, EXACT] == 1
        return exact

    def alike(self, label: Any, other: Any) -> None:
        """Answers name places in one context: those of two contexts cannot be compared."""

    def constant(self, labels: Labels) -> SpanAnswers:
        """No answer at all: every other constant would need to know the context."""
        nothing = Candidates(np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.float32), 0.0, 0)
        return self.codec.answered([nothing for _ in labels], ["" for _ in labels])

    def rivals(self, asked: SplitRows, known: Callable[[], SplitRows]) -> Mapping[str, SpanAnswers]:
        from finetrail.targets.spans.rivals import rivals

        return rivals(asked)

    def by_content(self, asked: SplitRows, answers: SpanAnswers, draws: Draws) -> "list[Section]":
        from finetrail.targets.spans.by_question import by_question

        return by_question(self, asked, answers)

    def groups(self, labels: Labels, answers: SpanAnswers) -> Mapping[str, Any]:
        return {}

    def errors(self, labels: Labels, answers: SpanAnswers) -> Mapping[str, float]:
        return {}

    def evaluate(
        self, rows: "pd.DataFrame", answers: SpanAnswers, draws: Draws, trained: Mapping[str, Any]
    ) -> "SpanEvaluation":
        from finetrail.targets.spans.evaluation import evaluate

        return evaluate(self, rows, answers, draws)

    def suspicion(self, labels: Labels, answers: SpanAnswers) -> "Suspicion":
        from finetrail.targets.spans.suspects import suspects

        return suspects(self, labels, answers)

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        return []

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        most = f"An answer has at most {self.codec.longest_answer} pieces."
        never = [] if self.codec.unanswerable else ["It answers even where the context holds no answer."]
        return ["It answers with words of the context alone, and does not reason beyond them.", most, *never]


def scored(labels: Labels, texts: Sequence[str], places: Sequence[tuple[int, int]] | None = None) -> Floats:
    """Exact match and F1 of each row, and 1 (n, 3).

    Args:
        places: of the answers: one at the place of a label's answer is right, though its letters may be perturbed.
    """
    found = np.ones((len(labels), 3))
    for row, (label, text) in enumerate(zip(labels, texts, strict=True)):
        gold = answers_of(label)
        if not places or not any((one.start, one.end) == places[row] for one in gold):
            found[row, :2] = score(text, [one.text for one in gold])
    return found
