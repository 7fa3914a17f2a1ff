"""How good the answers of a model that learnt from preference pairs are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.preferences.codec import PreferenceCodec
from finetrail.targets.preferences.metrics import nearer
from finetrail.targets.preferences.reading import chosen_of
from finetrail.targets.sequences.codec import SequenceAnswers
from finetrail.targets.sequences.judge import SequenceJudge
from finetrail.targets.sequences.metrics import ROWS

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.evaluation.report.section import Section
    from finetrail.targets.preferences.evaluation import PreferenceEvaluation
    from finetrail.targets.suspicion import Suspicion

Pairs = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class PreferenceJudge:
    """See `finetrail.targets.judge.Judge`. The chosen answer of a pair is the reference of what a model writes."""

    codec: PreferenceCodec
    by_group: bool = True

    @property
    def of_texts(self) -> SequenceJudge:
        """Judges answers by the chosen ones alone."""
        return SequenceJudge(self.codec)

    @property
    def row_error(self) -> Metric:
        return self.of_texts.row_error

    def facts(self, labels: Pairs, answers: SequenceAnswers) -> Floats:
        """Counts that add up (n, 34): those of texts, and whether each is nearer to the chosen answer."""
        of_texts = self.of_texts.facts(chosen_of(labels), answers)
        return np.concatenate([of_texts, nearer(labels, answers.texts)[:, None]], axis=1)

    def scores(self, facts: Floats, drawn: Ints) -> dict[str, Floats]:
        of_texts = self.of_texts.scores(facts[:, :-1], drawn)
        return {**of_texts, "nearer_chosen": (drawn @ facts[:, -1]) / (drawn @ facts[:, ROWS])}

    def right(self, labels: Pairs, answers: SequenceAnswers) -> None:
        """Many texts are right, and few answers are exactly the chosen one."""

    def row_errors(self, labels: Pairs, answers: SequenceAnswers) -> Floats:
        """What each answer lacks of 1 in the metric of single rows (n,)."""
        return self.of_texts.row_errors(chosen_of(labels), answers)

    def alike(self, label: Mapping[str, str], other: Mapping[str, str]) -> None:
        """Answers to other conversations say nothing of a pair."""

    def constant(self, labels: Pairs) -> SequenceAnswers:
        return self.of_texts.constant(chosen_of(labels))

    def rivals(self, asked: SplitRows, known: Callable[[], SplitRows]) -> Mapping[str, SequenceAnswers]:
        return self.of_texts.rivals(_chosen(asked), lambda: _chosen(known()))

    def by_content(self, asked: SplitRows, answers: SequenceAnswers, draws: Draws) -> "list[Section]":
        return self.of_texts.by_content(_chosen(asked), answers, draws)

    def groups(self, labels: Pairs, answers: SequenceAnswers) -> Mapping[str, Any]:
        return {}

    def errors(self, labels: Pairs, answers: SequenceAnswers) -> Mapping[str, float]:
        return {}

    def evaluate(
        self, rows: "pd.DataFrame", answers: SequenceAnswers, draws: Draws, trained: Mapping[str, Any]
    ) -> "PreferenceEvaluation":
        from finetrail.targets.preferences.evaluation import evaluate

        return evaluate(self, rows, answers, draws)

    def suspicion(self, labels: Pairs, answers: SequenceAnswers) -> "Suspicion":
        return self.of_texts.suspicion(chosen_of(labels), answers)

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        return self.of_texts.told(tested)

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        return self.of_texts.limits(tested)


def _chosen(rows: SplitRows) -> SplitRows:
    return replace(rows, labels=chosen_of(rows.labels))
