"""Everything measured on the answers of a tagger: what stage `test` writes and the report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Interval, Ints, intervals
from finetrail.targets.calibration import Calibrated, calibration
from finetrail.targets.tags.alignment import encode
from finetrail.targets.tags.codec import TagAnswers, TagCodec, log_softmax
from finetrail.targets.tags.judge import TagJudge
from finetrail.targets.tags.metrics import PerType, per_type
from finetrail.targets.tags.mistakes import Comparison, Kind, compare, confusion, count_kinds
from finetrail.targets.tags.reading import spans_of
from finetrail.targets.tags.spans import Span

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Story

WORST = 50
"""Rows that errors.csv lists."""


@dataclass(frozen=True)
class TaggedRow:
    """A row with mistakes. Attributes: sure: the summed probabilities of its wrong spans."""

    id: str
    actual: tuple[Span, ...]
    predicted: tuple[Span, ...]
    wrong: tuple[Comparison, ...]
    sure: float


@dataclass(frozen=True)
class TagEvaluation:
    """See `finetrail.targets.judge.Evaluation`.

    Attributes:
        rows, words, spans: how many there are in the split.
        exact: rows that got exactly the spans of their label.
        documents: groups that the intervals are drawn by; 0 where there are none.
        kinds: how many spans were right, missed, and so on.
        confusion: types of the label by predicted types (T + 1, T + 1); the last is no span.
        worst: the rows with the mistakes that the model was surest of.
        calibrated: of the likeliest tag of each word.
    """

    types: tuple[str, ...]
    plain: bool
    rows: int
    words: int
    spans: int
    exact: int
    documents: int
    metrics: Mapping[str, Interval]
    of_types: PerType
    kinds: Mapping[Kind, int]
    confusion: Ints
    worst: tuple[TaggedRow, ...]
    temperature: float
    calibrated: Calibrated

    @property
    def more(self) -> Mapping[str, float]:
        return {}

    @property
    def wanted(self) -> set[str]:
        return {row.id for row in self.worst}

    def story(self, gallery: "Gallery") -> "Story":
        from finetrail.targets.tags.report import tell

        return tell(self, gallery)

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        import pandas as pd

        found = [
            {
                "id": row.id,
                "content": previews[row.id].text,
                "kinds": "; ".join(one.kind for one in row.wrong),
                "actual": "; ".join(map(str, row.actual)),
                "predicted": "; ".join(map(str, row.predicted)),
            }
            for row in self.worst
        ]
        return pd.DataFrame(found, columns=["id", "content", "kinds", "actual", "predicted"])

    def plots(self) -> "Mapping[str, Markup]":
        from finetrail.targets.tags.figures import f1_figure, types_figure

        return {"types": types_figure(self.confusion, self.types), "f1": f1_figure(self.of_types, self.types)}

    def logged(self) -> Mapping[str, float]:
        counts = {f"test_{kind}_spans": float(count) for kind, count in self.kinds.items()}
        return counts | {"test_ece": self.calibrated.after.ece, "test_nll": self.calibrated.after.nll}


def evaluate(judge: TagJudge, rows: "pd.DataFrame", answers: TagAnswers, draws: Draws) -> TagEvaluation:
    """Measure one model's answers. Args: rows: id and label of each, n > 0, and group where there are groups."""
    labels, codec = rows["label"].tolist(), judge.codec
    gold = [spans_of(label) for label in labels]
    compared = [
        compare(one, other, words) for one, other, words in zip(gold, answers.spans, answers.words, strict=True)
    ]
    groups = rows["group"].tolist() if "group" in rows and rows["group"].notna().any() else None
    return TagEvaluation(
        types=codec.types,
        plain=codec.plain,
        rows=len(labels),
        words=sum(map(len, answers.words)),
        spans=sum(map(len, gold)),
        exact=int(judge.right(labels, answers).sum()),
        documents=len(set(groups or ())),
        metrics=intervals(judge, labels, answers, draws, groups),
        of_types=per_type(judge.facts(labels, answers).sum(axis=0)),
        kinds=count_kinds(compared),
        confusion=confusion(compared, codec.types),
        worst=_worst(rows["id"].tolist(), gold, answers, compared),
        temperature=codec.temperature,
        calibrated=_calibrated(codec, gold, answers),
    )


def _calibrated(codec: TagCodec, gold: Sequence[list[Span]], answers: TagAnswers) -> Calibrated:
    tags = [tag for spans, words in zip(gold, answers.words, strict=True) for tag in encode(spans, words)]
    # A type that the model does not know is no type to it.
    y_true = np.array([codec.number_of.get(tag, 0) for tag in tags], dtype=np.int64)
    logits = np.concatenate([np.zeros((0, len(codec.outputs)), dtype=np.float32), *answers.logits])
    before, after = (calibration(log_softmax(logits / one), y_true) for one in (1.0, codec.temperature))
    return Calibrated(before, after)


def _worst(
    ids: Sequence[str], gold: Sequence[list[Span]], answers: TagAnswers, compared: Sequence[list[Comparison]]
) -> tuple[TaggedRow, ...]:
    found = []
    for row, comparisons in enumerate(compared):
        wrong = tuple(one for one in comparisons if one.kind != "right")
        if not wrong:
            continue
        score_of = dict(zip(answers.spans[row], answers.scores[row], strict=True))
        # A missed span counts like a wrong one that the model was half sure of.
        sure = float(np.sum([score_of[one.predicted] if one.predicted else 0.5 for one in wrong]))
        found.append(TaggedRow(ids[row], tuple(gold[row]), tuple(answers.spans[row]), wrong, sure))
    return tuple(sorted(found, key=lambda one: (-one.sure, one.id))[:WORST])
