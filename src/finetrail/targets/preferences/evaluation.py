"""Everything measured of a model that learnt from preference pairs: its answers, and its rewards on validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetrail.evaluation.scores.bootstrap import Draws, Interval, intervals
from finetrail.targets.preferences.judge import PreferenceJudge
from finetrail.targets.preferences.reading import chosen_of
from finetrail.targets.sequences.codec import SequenceAnswers
from finetrail.targets.sequences.evaluation import SequenceEvaluation
from finetrail.targets.sequences.evaluation import evaluate as evaluate_texts

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.section import Story


@dataclass(frozen=True)
class PreferenceEvaluation(SequenceEvaluation):
    """See `finetrail.targets.judge.Evaluation`.

    Attributes:
        rewards: on the validation pairs; see `PreferenceCodec`.
        beta: of the rewards.
    """

    rewards: Mapping[str, Interval]
    beta: float

    def story(self, gallery: "Gallery") -> "Story":
        from finetrail.targets.preferences.report import tell

        return tell(self, gallery)


def evaluate(
    judge: PreferenceJudge, rows: "pd.DataFrame", answers: SequenceAnswers, draws: Draws
) -> PreferenceEvaluation:
    """Measure one model's answers. Args: rows: id and label of each, n > 0, and group where there are groups."""
    labels = rows["label"].tolist()
    of_texts = evaluate_texts(
        judge.of_texts, rows.assign(label=chosen_of(labels)), answers, draws, {}
    )  # whose loss is that of a token
    groups = rows["group"].tolist() if of_texts.groups else None
    found = intervals(judge, labels, answers, draws, groups)
    return PreferenceEvaluation(
        **vars(of_texts) | {"metrics": {**of_texts.metrics, "nearer_chosen": found["nearer_chosen"]}},
        rewards=judge.codec.intervals(),
        beta=judge.codec.beta,
    )
