"""Conversations made ready for a causal model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from finetrail.contents.text.processor import EXCERPT, padded
from finetrail.contents.text.writing.inputs import Writing, WrittenInputs
from finetrail.contents.text.writing.template import Message, Template
from finetrail.errors import ConfigError
from finetrail.evaluation.report.previews import Preview
from finetrail.models.inputs import Values
from finetrail.models.network import Batch

_PORTION = 1_000


@dataclass(frozen=True)
class ChatInputs(WrittenInputs):
    """Tokenised conversations.

    Attributes:
        learnt: for each row and token, 1 where it is learnt though it stands in front of the answer.
    """

    learnt: Sequence[Sequence[int]] = ()

    @property
    def earlier(self) -> list[list[int]]:
        """The tokens of each row that are learnt though they stand in front of the answer."""
        return [
            [token for token, taken in zip(tokens, marks, strict=True) if taken]
            for tokens, marks in zip(self.tokens, self.learnt, strict=True)
        ]

    def marks(self, index: int) -> Sequence[int]:
        return self.learnt[index]

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """As `TextInputs.batch`; where there are targets and tokens to learn in front of answers, `learnt` (B, T)."""
        found = super().batch(indices, seed)
        marks = [self.learnt[index] for index in indices]
        if self.targets is None or not any(map(any, marks)):
            return found
        return found | {"learnt": padded(marks, found["input_ids"].shape[1], 0)}


@dataclass(frozen=True)
class ChatWriting(Writing):
    """How answers become tokens: as the template writes them. Attributes: behind: what it writes behind them."""

    behind: str = ""

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of answers, each with its end."""
        found = self.tokenizer([text + self.behind for text in texts], add_special_tokens=False, verbose=False)
        return self.cut([self.ended(row) for row in found["input_ids"]])

    def ended(self, tokens: list[int]) -> list[int]:
        """The tokens of a turn up to its end: the line break behind it is nobody's."""
        return tokens[: tokens.index(self.end) + 1] if self.end in tokens else [*tokens, self.end]


@dataclass(frozen=True)
class ChatProcessor:
    """Turns conversations into `ChatInputs`.

    Attributes:
        max_tokens: a longer conversation loses its beginning.
        learn: see `finetrail.contents.text.settings.ChatBackbone`.
    """

    tokenizer: Any
    max_tokens: int
    writing: ChatWriting
    learn: Literal["answer", "assistant", "all"] = "assistant"

    @cached_property
    def template(self) -> Template:
        """How conversations are written."""
        return Template(self.tokenizer)

    def encode(self, values: Values, *, augment: Any = None, scratch: Path | None = None) -> ChatInputs:
        """Tokenise; see `finetrail.contents.content.Processor`."""
        if augment is not None and augment.names:
            raise ConfigError("train.augment perturbs texts, but a row holds a conversation; leave augment out")
        tokens: list[list[int]] = []
        learnt: list[list[int]] = []
        remaining = iter(values)
        while some := list(islice(remaining, _PORTION)):
            for ids, marks in map(self._read, some):
                tokens.append(ids[-self.max_tokens :])
                learnt.append(marks[-self.max_tokens :])
        padding = self.tokenizer.pad_token_id
        return ChatInputs(tokens, 0 if padding is None else padding, writing=self.writing, learnt=learnt)

    def _read(self, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
        """The tokens of a conversation up to its answer, and which of them are learnt."""
        pieces = self.template.pieces(messages)
        ids: list[int] = []
        marks: list[int] = []
        rows = self.tokenizer([text for text, _ in pieces], add_special_tokens=False, verbose=False)["input_ids"]
        for (_, written), row in zip(pieces, rows, strict=True):
            ids += row
            if self.learn == "assistant" and written:
                turn = len(self.writing.ended(row))
                marks += [1] * turn + [0] * (len(row) - turn)
            else:
                marks += [int(self.learn == "all")] * len(row)
        if marks:
            marks[0] = 0  # nothing stands in front of it
        return ids, marks

    def show(self, batch: Batch) -> list[Preview]:
        """The conversations of a batch as the model reads them."""
        return [
            Preview(text=self.tokenizer.decode(row[mask.bool()]))
            for row, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
        ]

    def preview(self, value: Any) -> Preview:
        """The start of a conversation."""
        return Preview(text="\n".join(f"{one['role']}: {one['content']}" for one in value)[:EXCERPT])
