"""What params.yaml may say of answers in a context, beside their rules. Light: the command line reads this first."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from finetrail.data.canonical import canonical
from finetrail.data.sources.columns import ColumnName, Columns
from finetrail.targets.slices import LabelSlice
from finetrail.targets.target import Training

MOST = 20
"""Spans that are kept of a row: BERT's `n_best_size` (Devlin et al. 2019)."""
ANSWERABLE, UNANSWERABLE = "answerable", "unanswerable"


class SpanColumns(Columns):
    """Where the source holds the answers to a question in a context.

    Attributes:
        label: a column with answers: a mapping of the lists `text` and `answer_start`, or a list of mappings.
        starts: a column with where the answers begin, in characters, if `label` holds their texts alone.
    """

    label: ColumnName = "answers"
    starts: ColumnName | None = None

    @model_validator(mode="after")
    def _two_texts(self) -> Self:
        if self.contents and len(self.contents) != 2:
            raise ValueError(
                f"text names {len(self.contents)} of the 2 columns that are needed; name the question's and the "
                "context's, in this order, as in [question, context]"
            )
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,) if self.starts is None else (self.label, self.starts)

    def group_of(self, record: Mapping[str, Any]) -> Any:
        """The group that a record names; else its context, so that all questions about it stay together."""
        if self.group:
            return super().group_of(record)
        context = record[self.contents[1]]
        return sha256(canonical(context).encode("utf-8", "surrogatepass")).hexdigest() if context else None


class SpanTraining(Training):
    """What section `train` of params.yaml says of answers in a context.

    Attributes:
        loss: cross-entropy of the piece where the answer begins, and of that where it ends.
        metric: the validation metric that picks the best evaluation.
        longest_answer: the most pieces of an answer; longer ones are not given.
    """

    loss: Literal["cross_entropy"] = "cross_entropy"
    metric: Literal["exact_match", "f1"] = "f1"
    longest_answer: int = Field(30, ge=1)


class AnswerSlice(LabelSlice):
    """A slice of rows whose question has an answer in its context, or has none."""

    @model_validator(mode="after")
    def _known_labels(self) -> Self:
        other = next((one for one in self.label or () if one not in (ANSWERABLE, UNANSWERABLE)), None)
        if other is not None:
            raise ValueError(f"label is {other!r}; use {ANSWERABLE!r} or {UNANSWERABLE!r}")
        return self

    @classmethod
    def names(cls, label: Any) -> Iterable[str]:
        return (ANSWERABLE if label else UNANSWERABLE,)
