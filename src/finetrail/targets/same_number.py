"""The same number everywhere: a model's metric, computed again from what it answers in another place.

Answers that lie within the tolerance count as the same. They can differ in what they mean only at a tie: a class that
leads by less than that, a probability at its threshold. So the rule has no constant of its own: with the pipeline's
answers put in where the two agree, the metric must be the trained one. Every other answer counts as it is.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from finetrail.errors import RoundTripError
from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.agreement import TOLERANCE, farthest
from finetrail.targets.codec import Codec


@dataclass(frozen=True)
class Questions:
    """Rows of a split, and what the pipeline said to them.

    Attributes:
        codec: of the model that answered.
        ids, labels, contents: of the rows (n,).
        answers: as the codec has them.
    """

    codec: Codec
    ids: list[str]
    labels: list[Any]
    contents: list[Any]
    answers: Any

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, mask: NDArray[np.bool_]) -> "Questions":
        """Some of the rows. Args: mask: (n,)."""
        ids, labels, contents = (
            [one for one, kept in zip(values, mask, strict=True) if kept]
            for values in (self.ids, self.labels, self.contents)
        )
        return Questions(self.codec, ids, labels, contents, self.answers[mask])

    def score(self, metric: Metric, answers: Any) -> float:
        """The metric of answers to these rows; NaN where one of them is NaN or infinite."""
        if self.codec.broken(answers).any():
            return float("nan")
        return point_scores(self.codec.judge, self.labels, answers)[metric.name]


@dataclass(frozen=True)
class Place:
    """Where a model answers again.

    Attributes:
        whose: the answers are, for a message.
        remedy: what was not done, and what to do, for a message.
        tolerance: a share of the largest output, within which two answers are the same.
    """

    whose: str
    remedy: str
    tolerance: float = TOLERANCE


def same_number(questions: Questions, metric: Metric, said: Any, place: Place) -> float:
    """The metric of answers, which has to be that of the pipeline's on the same rows; so do the answers, row by row.

    Args:
        said: answers of the same codec, to all of the rows.

    Raises:
        RoundTripError: the metric differs by more than rows at a tie explain, or an answer is another one.
    """
    trained, found = (questions.score(metric, answers) for answers in (questions.answers, said))
    worst = farthest(questions.codec, said, questions.answers, place.tolerance)
    others = ~(questions.codec.apart(said, questions.answers) <= worst.allowed)  # NaN is another answer too
    settled = questions.score(metric, _but_for(others, questions, said))
    if not math.isclose(settled, trained, rel_tol=1e-9, abs_tol=1e-12):
        raise RoundTripError(
            f"{metric.title} of {place.whose} is {found:.6g} on {len(questions)} validation rows, but {trained:.6g} "
            f"where it was trained: {others.sum()} answers are other ones, by more than {worst.allowed:.3g}; "
            f"{place.remedy}"
        )
    refuse_unlike(questions, said, place)
    return found


def refuse_unlike(questions: Questions, said: Any, place: Place) -> float:
    """How far apart two answers to a row lie at most. Raises: RoundTripError: further than the tolerance."""
    worst = farthest(questions.codec, said, questions.answers, place.tolerance)
    if not worst.agree:
        raise RoundTripError(
            f"{place.whose} answers row {questions.ids[worst.row]} with {worst.said}, but the pipeline with "
            f"{worst.expected}: {worst.apart:.3g} apart, where {worst.allowed:.3g} is allowed; {place.remedy}"
        )
    return worst.apart


def told(metric: Metric, rows: int, found: Mapping[str, float]) -> str:
    """The numbers in a line. Args: found: the metric by the place where it was computed."""
    return f"{metric.title} on {rows} validation rows: " + ", ".join(
        f"{place} {metric.say(value)}" for place, value in found.items()
    )


def _but_for(others: NDArray[np.bool_], questions: Questions, said: Any) -> Any:
    """The pipeline's answers, but for those that are other ones in `said`."""
    known, new = (pd.DataFrame(questions.codec.columns(answers)) for answers in (questions.answers, said))
    return questions.codec.read(pd.concat([known[~others], new[others]]).sort_index())
