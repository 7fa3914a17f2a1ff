"""What params.yaml may say of tags, beside their rules. Light: the command line reads this before any work."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from finetrail.data.sources.columns import Columns
from finetrail.targets.slices import LabelSlice
from finetrail.targets.target import Training

DOCUMENT = "document"
"""The key of a sentence's document in the record of a file."""


class TagColumns(Columns):
    """Where the source holds the spans of a text: as spans, or as one tag per token.

    Attributes:
        label: a column with spans of the column `text`: lists of `start`, `end` and `type` (or `label`), in characters.
        tokens, tags: columns with lists of tokens and of their tags; then `text` and `label` are not read.
        token, tag: of CoNLL files, the numbers of the columns, from 1; the last one holds tags by default.
        upos: of CoNLL-U files, whether the tags are the universal ones, or those of the language (xpos).
        scheme: that the tags are written in; `auto` detects it from the tags of each file.
    """

    label: str = "spans"
    tokens: str | None = None
    tags: str | None = None
    token: int = Field(default=1, ge=1)
    tag: int | None = Field(default=None, ge=1)
    upos: bool = True
    scheme: Literal["auto", "iob1", "iob2", "bioes", "plain"] = "auto"

    @model_validator(mode="after")
    def _both_or_none(self) -> "TagColumns":
        if (self.tokens is None) != (self.tags is None):
            raise ValueError("tokens and tags go together; name both columns, or none of them")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,) if self.tags is None else (self.tags,)

    @property
    def names(self) -> list[str]:
        if self.tokens is None or self.tags is None:
            return super().names
        named = (self.tokens, self.tags, self.group, self.split)
        return list(dict.fromkeys(name for name in named if name is not None))

    def group_of(self, record: Mapping[str, Any]) -> Any:
        """The group that a record names; for a sentence without one, its document."""
        return super().group_of(record) if self.group else record.get(DOCUMENT)


class TagTraining(Training):
    """What section `train` of params.yaml says of tags.

    Attributes:
        loss: cross-entropy of the tag of each word.
        metric: the validation metric that picks the best evaluation.
        label_smoothing: the share of the target that is spread over all tags (Szegedy et al. 2016).
    """

    loss: Literal["cross_entropy"] = "cross_entropy"
    metric: Literal["accuracy", "conlleval_f1", "partial_f1", "precision", "recall", "macro_f1", "f1"] = "f1"
    label_smoothing: float = Field(0.0, ge=0, lt=1)


class TypeSlice(LabelSlice):
    """A slice of rows with spans of a type."""

    @classmethod
    def names(cls, label: Any) -> Iterable[str]:
        return (span["type"] for span in label)
