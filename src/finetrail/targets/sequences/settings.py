"""What params.yaml may say of texts to write, beside their rules. Light: the command line reads this first."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from finetrail.data.sources.columns import ColumnName, Columns
from finetrail.targets.target import Training

MESSAGE = "\0message"
"""The key of a gettext message in the record of a file; no table has a column of this name."""


class SequenceColumns(Columns):
    """Where the source holds the text to write.

    Attributes:
        label: its column.
        pair: a column of both texts by language, such as {"en": ..., "de": ...}; then `text` and `label` are not read.
        languages: of the text that the model reads and of the one that it writes, as they stand in `pair`.
        target_file: for format `parallel`, the file beside that of the source with one text a line; `*` stands for the
            source's name without its ending.
        language: of the .po files to read, where a folder has several; null: the only one that there is.
    """

    label: ColumnName = "target"
    pair: ColumnName | None = None
    languages: Annotated[tuple[str, ...], Field(strict=False, min_length=2, max_length=2)] | None = None
    target_file: str | None = Field(None, pattern=r"^[^/\\]+$")
    language: str | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> "SequenceColumns":
        if (self.pair is None) != (self.languages is None):
            raise ValueError("pair and languages go together; name the column and its two languages, or none of them")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label if self.pair is None else self.pair,)

    @property
    def names(self) -> list[str]:
        if self.pair is None:
            return super().names
        return [name for name in dict.fromkeys((self.pair, self.group, self.split)) if name is not None]

    def group_of(self, record: Mapping[str, Any]) -> Any:
        """The group that a record names; for a gettext message without one, the message: it may have several rows."""
        return super().group_of(record) if self.group else record.get(MESSAGE)


class SequenceTraining(Training):
    """What section `train` of params.yaml says of texts to write.

    Attributes:
        loss: cross-entropy of each token of the label, given those before it.
        metric: the validation metric that picks the best evaluation.
        label_smoothing: the share of the target that is spread over all tokens (Szegedy et al. 2016).
        tokenizer: sacreBLEU's, by which BLEU counts words; `auto` goes by the script of the training labels.
        answer_pattern: a regular expression for the part of a text that exact match compares, such as a final number:
            its last match, or the first group of it; null: the whole text.
        refusal_pattern: a regular expression that is found in answers which refuse; null: those that begin with one of
            `finetrail.targets.sequences.habits.REFUSALS`.
    """

    loss: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    tokenizer: Literal["auto", "13a", "intl", "zh", "char", "ja-mecab", "ko-mecab"] = "auto"
    answer_pattern: str | None = None
    refusal_pattern: str | None = None

    @field_validator("answer_pattern", "refusal_pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"{error}; write a regular expression of Python, such as '#### (\\S+)'") from error
        return pattern


class SummaryTraining(SequenceTraining):
    """The same for summaries."""

    metric: Literal["exact_match", "rouge1", "rouge2", "bleu", "chrf", "rougeL"] = "rougeL"


class CompletionTraining(SummaryTraining):
    """The same for the turns of an assistant."""


class TranslationTraining(SequenceTraining):
    """The same for translations."""

    metric: Literal["exact_match", "rouge1", "rouge2", "bleu", "rougeL", "chrf"] = "chrf"
