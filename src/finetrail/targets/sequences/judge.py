"""How good the answers of a model that writes texts are."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.sequences.codec import SequenceAnswers, SequenceCodec
from finetrail.targets.sequences.metrics import of_rows, scores, statistics

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.evaluation.report.section import Section
    from finetrail.targets.sequences.evaluation import SequenceEvaluation
    from finetrail.targets.suspicion import Suspicion


TRIED, TRIED_ON = 40, 200
"""Constant answers that are tried, and rows that they are tried on."""


@dataclass(frozen=True)
class SequenceJudge:
    """See `finetrail.targets.judge.Judge`. Rows of a group are drawn together: texts of a document are alike."""

    codec: SequenceCodec
    by_group: bool = True

    @property
    def row_error(self) -> Metric:
        title = "chrF" if self.codec.metric == "chrf" else "ROUGE-L"
        return Metric(f"{self.codec.metric}_error", f"1 - {title} of a row", lower=True)

    def facts(self, labels: Sequence[str], answers: SequenceAnswers) -> Floats:
        """Counts that add up (n, 33); see `finetrail.targets.sequences.metrics.statistics`."""
        return statistics(labels, answers.texts, self.codec.tokenizer, self.codec.pattern)

    def scores(self, facts: Floats, drawn: Ints) -> dict[str, Floats]:
        return scores(drawn @ facts, self.codec.tokenizer)

    def right(self, labels: Sequence[str], answers: SequenceAnswers) -> None:
        """Many texts are right, and few answers are exactly that of the label."""

    def row_errors(self, labels: Sequence[str], answers: SequenceAnswers) -> Floats:
        """What each answer lacks of 1 in the metric of single rows (n,)."""
        return 1 - of_rows(self.facts(labels, answers), self.codec.metric)

    def alike(self, label: str, other: str) -> None:
        """Texts to other sources say nothing of a text."""

    def constant(self, labels: Sequence[str]) -> SequenceAnswers:
        """The best of a few of these texts: the most frequent ones, of all lengths; all of them would take too long."""
        counts = Counter(labels)
        ordered = sorted(counts, key=lambda text: (-counts[text], len(text), text))
        often = [text for text in ordered if counts[text] > 1][: TRIED // 2]
        tried = [*often, *_spread([text for text in ordered if text not in often], TRIED - len(often))]
        rows = _spread(labels, TRIED_ON)

        def value(text: str) -> float:
            facts = self.facts(rows, unsure([text] * len(rows)))
            return float(scores(facts.sum(axis=0, keepdims=True), self.codec.tokenizer)[self.codec.metric][0])

        return unsure([max(tried, key=value)] * len(labels))

    def rivals(self, asked: SplitRows, known: Callable[[], SplitRows]) -> Mapping[str, SequenceAnswers]:
        from finetrail.targets.sequences.rivals import rivals

        return rivals(asked, known())

    def by_content(self, asked: SplitRows, answers: SequenceAnswers, draws: Draws) -> "list[Section]":
        from finetrail.targets.sequences.by_source import by_source

        return by_source(self, asked, answers, draws)

    def groups(self, labels: Sequence[str], answers: SequenceAnswers) -> Mapping[str, Any]:
        return {}

    def errors(self, labels: Sequence[str], answers: SequenceAnswers) -> Mapping[str, float]:
        return {}

    def evaluate(
        self, rows: "pd.DataFrame", answers: SequenceAnswers, draws: Draws, trained: Mapping[str, Any]
    ) -> "SequenceEvaluation":
        from finetrail.targets.sequences.evaluation import evaluate

        return evaluate(self, rows, answers, draws, trained)

    def suspicion(self, labels: Sequence[str], answers: SequenceAnswers) -> "Suspicion":
        from finetrail.targets.sequences.suspects import suspects

        return suspects(self, labels, answers)

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        named = {name: one["signature"] for name, one in tested.get("sacrebleu", {}).items()}
        return [f"sacreBLEU's signature of {name}: `{signature}`." for name, signature in named.items()]

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        found = ["What it writes can be fluent and wrong: it may leave out what the source says, or add to it."]
        ends = (("empty", "is empty"), ("cut", "was cut by the limit of length"), ("looping", "ends in a loop"))
        shares = [(tested.get("test", {}).get(f"{name}_answers", 0.0), said) for name, said in ends]
        return found + [f"In {100 * share:.1f}% of the test rows its answer {said}." for share, said in shares if share]


def _spread(texts: Sequence[str], most: int) -> Sequence[str]:
    """So many of some texts at most, evenly spaced."""
    return texts[:: max(1, -(-len(texts) // most))]


def unsure(texts: Sequence[str]) -> SequenceAnswers:
    """Texts as answers that no model gave: all equally sure."""
    zeros = np.zeros(len(texts))
    return SequenceAnswers(texts, zeros, zeros, zeros.astype(np.int64), zeros.astype(np.bool_))
