"""Questions and contexts made ready for an encoder whose features are the pieces of the context.

A context with more pieces than fit beside its question becomes several examples, windows that overlap, each after the
whole question (Devlin et al. 2019).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.contents.text.processor import TextProcessor, padded, placed, portions, refuse_slow
from finetrail.contents.text.stored import parts
from finetrail.errors import ConfigError
from finetrail.evaluation.report.previews import Preview
from finetrail.models.inputs import Targets, Values, targets_of
from finetrail.models.network import Batch

SHOWN = 5_000
"""Characters of a context in a preview."""
_CONTEXT = 1  # the number of the second text in what the tokenizer says
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Window:
    """The features of one example: its first token, which stands for no place, and the pieces of the context.

    Attributes:
        places: of each in the tokens (W,).
        offsets: (start, end) of each in the context (W, 2), without white space at its ends; (0, 0) for the first.
    """

    places: NDArray[np.int32]
    offsets: NDArray[np.int32]


@dataclass(frozen=True)
class PieceInputs:
    """Tokenised questions and contexts.

    Attributes:
        tokens: the ids of each example: question, window of the context, and the encoder's special tokens.
        rows: the row that each example comes from.
        windows: by example.
        asked: the question and the context of each row.
        padding: the id that fills up a batch.
        segments: which of the two texts each token belongs to; None where the encoder is not told.
    """

    tokens: Sequence[Sequence[int]]
    rows: Sequence[int]
    windows: Sequence[Window]
    asked: Sequence[tuple[str, str]]
    padding: int
    segments: Sequence[Sequence[int]] | None = None
    targets: Targets | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> list[int]:
        """The number of tokens in each example, by which batches are grouped."""
        return [len(tokens) for tokens in self.tokens]

    @property
    def varies(self) -> bool:
        """Never: see `PieceProcessor.encode`."""
        return False

    def labelled(self, targets: Targets) -> "PieceInputs":
        """The same examples with their targets."""
        return replace(self, targets=targets)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """The examples at `indices`. Returns: see `placed`; token_type_ids (B, T) where the encoder reads segments."""
        tokens = [self.tokens[index] for index in indices]
        batch = placed(tokens, [self.windows[index].places.tolist() for index in indices], self.padding)
        if self.segments is not None:
            kinds = [self.segments[index] for index in indices]
            batch["token_type_ids"] = padded(kinds, batch["input_ids"].shape[1], 0)
        return batch | targets_of(self, indices)


@dataclass(frozen=True)
class PieceProcessor(TextProcessor):
    """Turns a question and its context into `PieceInputs` with the backbone's own tokenizer, which must be fast."""

    def __post_init__(self) -> None:
        if len(self.columns) != 2:
            raise ConfigError(
                f"source.columns.text names {len(self.columns)} columns, but an answer is found in the second of two; "
                "name the question's and the context's, as in [question, context]"
            )
        if self.separator is not None:
            raise ConfigError(
                f"backbone.separator is {self.separator!r}, but question and context have to be two segments, so that "
                "an answer can be found in one of them; leave it out"
            )
        refuse_slow(self.tokenizer)

    @property
    def _room(self) -> int:
        """The tokens of question and context together."""
        return self.max_tokens - int(self.tokenizer.num_special_tokens_to_add(pair=True))

    def encode(self, values: Values, *, augment: Any = None, scratch: Path | None = None) -> Any:
        """Tokenise; a context that does not fit beside its question becomes several windows.

        Reports how many questions are cut since they would leave less than half of the room to their context.

        Raises:
            ConfigError: the texts are to vary, but the targets are places of pieces, which would move.
        """
        if augment is not None and augment.names:
            raise ConfigError(
                f"train.augment.perturbations names {augment.names[0]!r}, but answers are learnt as places among the "
                "pieces of a context, which a perturbation moves; leave it empty"
            )
        padding = self.tokenizer.pad_token_id
        tokens: list[Sequence[int]] = []
        kinds: list[Sequence[int]] = []
        rows: list[int] = []
        windows: list[Window] = []
        asked: list[tuple[str, str]] = []
        cut = 0
        for some in portions(values):
            pairs = [_pair(value) for value in some]
            fitting = self._fitting(pairs)
            cut += sum(one != other for one, other in zip(pairs, fitting, strict=True))
            found = self._windows(fitting, return_offsets_mapping=True, return_token_type_ids=self.has_segments)
            tokens += found["input_ids"]
            kinds += found["token_type_ids"] if self.has_segments else []
            for example, row in enumerate(found["overflow_to_sample_mapping"]):
                rows.append(len(asked) + row)
                windows.append(self._window(found, example, pairs[row][1]))
            asked += pairs
        if cut:
            log.warning(
                "%d of %d questions have more than %d tokens, half of what max_tokens leaves them and their contexts: "
                "the end is cut; raise backbone.max_tokens",
                *(cut, len(asked), self._room // 2),
            )
        segments = kinds if self.has_segments else None
        return PieceInputs(tokens, rows, windows, asked, 0 if padding is None else padding, segments)

    def tokenized(self, values: Sequence[Any], **asked: Any) -> Any:
        """What the tokenizer says of rows, window by window."""
        return self._windows(self._fitting([_pair(value) for value in values]), **asked)

    def _windows(self, pairs: Sequence[tuple[str, str]], **asked: Any) -> Any:
        questions, contexts = zip(*pairs, strict=True)
        return self.tokenizer(
            list(questions),
            list(contexts),
            truncation="only_second",
            max_length=self.max_tokens,
            stride=self._room // 4,
            return_overflowing_tokens=True,
            **asked,
        )

    def _fitting(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The rows with the starts of questions that would take more than half of the room."""
        most, questions = self._room // 2, [question for question, _ in pairs]
        found = self.tokenizer(questions, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ends = [offsets[most - 1][1] if len(offsets) > most else None for offsets in found["offset_mapping"]]
        return [(question[:end], context) for (question, context), end in zip(pairs, ends, strict=True)]

    def _window(self, found: Any, example: int, context: str) -> Window:
        ids, offsets = found["input_ids"][example], found["offset_mapping"][example]
        pieces = [
            (place, *_seen(context, *offsets[place]))
            for place, text in enumerate(found.sequence_ids(example))
            if text == _CONTEXT
        ]
        first = self.tokenizer.cls_token_id
        features = [(ids.index(first) if first in ids else 0, 0, 0), *(one for one in pieces if one[2] > one[1])]
        table = np.array(features, dtype=np.int32)
        return Window(table[:, 0], table[:, 1:])

    def preview(self, value: Any) -> Preview:
        """The question on one line, and below it the start of the context."""
        question, context = _pair(value)
        return Preview(text=f"{' '.join(question.split())}\n{context[:SHOWN]}")


def _pair(content: Any) -> tuple[str, str]:
    question, context = parts(content)
    return question, context


def _seen(context: str, start: int, end: int) -> tuple[int, int]:
    """A piece without the white space that some tokenizers count to it."""
    while start < end and context[start].isspace():
        start += 1
    while end > start and context[end - 1].isspace():
        end -= 1
    return start, end
