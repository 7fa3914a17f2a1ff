"""Texts made ready for an encoder: tokenised once, padded when a batch is asked for."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import torch

from finetrail.contents.text.augment import Varying
from finetrail.contents.text.shortened import shortened
from finetrail.contents.text.stored import named, parts
from finetrail.errors import ConfigError
from finetrail.evaluation.report.previews import Preview
from finetrail.models.inputs import Targets, Values, targets_of
from finetrail.models.network import Batch

Tokens = tuple[Sequence[Sequence[int]], Sequence[Sequence[int]] | None]
"""The token ids of rows, and their segments; None where there is one text."""
EXCERPT = 1_000
"""Characters of a text in a preview; more than the report shows, so that the report can tell where it cuts."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextInputs:
    """Tokenised texts.

    Attributes:
        tokens: the token ids of each row, of different lengths.
        padding: the id that fills up a batch.
        segments: which of a row's two texts each token belongs to; None where there is one text.
        targets: the encoded labels.
        varying: the texts, where they are perturbed anew in a batch that is drawn with a seed.
    """

    tokens: Sequence[Sequence[int]]
    padding: int
    segments: Sequence[Sequence[int]] | None = None
    targets: Targets | None = None
    varying: Varying | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> list[int]:
        """The number of tokens in each row as it is, by which batches are grouped."""
        return [len(tokens) for tokens in self.tokens]

    @property
    def rows(self) -> Sequence[int]:
        """Each row is one example."""
        return range(len(self.tokens))

    @property
    def varies(self) -> bool:
        """Whether there is augmentation."""
        return self.varying is not None

    def labelled(self, targets: Targets) -> Self:
        """The same texts with their targets."""
        return replace(self, targets=targets)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """input_ids and attention_mask (B, T) of the rows at `indices`, T the longest; for two texts token_type_ids."""
        tokens, segments = self._drawn(indices, seed)
        width = max(map(len, tokens))
        batch = {
            "input_ids": padded(tokens, width, self.padding),
            "attention_mask": padded([[1] * len(row) for row in tokens], width, 0),
        }
        if segments is not None:
            batch["token_type_ids"] = padded(segments, width, 0)
        return batch | targets_of(self, indices)

    def _drawn(self, indices: Sequence[int], seed: int | None) -> "Tokens":
        if self.varying is not None and seed is not None:
            drawn: Tokens = self.varying.tokenise(self.varying.draw([self.varying.row(one) for one in indices], seed))
            return drawn
        segments = None if self.segments is None else [self.segments[index] for index in indices]
        return [self.tokens[index] for index in indices], segments


def padded(rows: Sequence[Sequence[int]], width: int, filling: int) -> torch.Tensor:
    """Rows of different lengths as one tensor (B, `width`)."""
    filled = torch.full((len(rows), width), filling, dtype=torch.long)
    for number, row in enumerate(rows):
        filled[number, : len(row)] = torch.tensor(row, dtype=torch.long)
    return filled


def placed(tokens: Sequence[Sequence[int]], places: Sequence[Sequence[int]], padding: int) -> Batch:
    """Examples whose features stand at places of their tokens.

    Args:
        places: of the features of each example; 0 for one that has none.

    Returns:
        input_ids and attention_mask (B, T), T the most tokens; places and features_mask (B, W), W the most features.
    """
    width, most = max(map(len, tokens)), max(map(len, places))
    return {
        "input_ids": padded(tokens, width, padding),
        "attention_mask": padded([[1] * len(row) for row in tokens], width, 0),
        "places": padded(places, most, 0),
        "features_mask": padded([[1] * len(row) for row in places], most, 0).bool(),
    }


def refuse_slow(tokenizer: Any) -> None:
    """Raise ConfigError where a tokenizer does not tell the places of its pieces."""
    if not tokenizer.is_fast:
        raise ConfigError(
            "backbone.weights has a slow tokenizer, which does not tell where a piece is in the text; use another"
        )


@dataclass(frozen=True)
class TextProcessor:
    """Turns texts into `TextInputs` with the backbone's own tokenizer.

    Attributes:
        columns: that a row's texts come from.
        separator: stands between the texts of a row, each after its column's name; None: two texts become the two
            segments that the tokenizer knows.
    """

    tokenizer: Any
    max_tokens: int
    columns: tuple[str, ...] = ("text",)
    separator: str | None = None

    def __post_init__(self) -> None:
        if len(self.columns) > 2 and self.separator is None:
            raise ConfigError(
                f"source.columns.text names {len(self.columns)} columns, but a tokenizer joins at most two; set "
                "backbone.separator, for example to ' | '"
            )
        if self._paired and self._special(pair=True) == self._special(pair=False):
            raise ConfigError(
                "source.columns.text names 2 columns, but this backbone's tokenizer puts nothing between two texts; "
                "set backbone.separator, for example to ' | '"
            )

    @property
    def has_segments(self) -> bool:
        """Whether the encoder is told which of two texts a token belongs to."""
        return self._paired and "token_type_ids" in self.tokenizer.model_input_names

    @property
    def _paired(self) -> bool:
        return len(self.columns) == 2 and self.separator is None

    def _special(self, pair: bool) -> int:
        return int(self.tokenizer.num_special_tokens_to_add(pair=pair))

    def written(self, content: Any) -> str | tuple[str, ...]:
        """A row as the tokenizer takes it: one text, or the two segments."""
        if len(self.columns) == 1:
            return str(content)
        if self.separator is None:
            return tuple(parts(content))
        return self.separator.join(f"{name}: {text}" for name, text in content.items())

    def encode(self, values: Values, *, augment: Any = None, scratch: Path | None = None) -> TextInputs:
        """Tokenise; a row of more than `max_tokens` loses its end, or the end of the longer of its two segments.

        Reports how many rows of several texts are cut. Only texts that vary need scratch.
        """
        padding = self.tokenizer.pad_token_id
        ids: list[Sequence[int]] = []
        kinds: list[Sequence[int]] = []
        cut = 0
        for some in portions(values):
            tokens, segments = self.read(some)
            cut += self._cut(some, tokens) if len(self.columns) > 1 else 0
            ids += tokens
            kinds += segments or []
        if cut:
            what = "the longer text is cut" if self._paired else "the end is cut"
            log.warning("%d of %d rows have more than %d tokens: %s", cut, len(ids), self.max_tokens, what)
        found = TextInputs(ids, 0 if padding is None else padding, kinds if self.has_segments else None)
        return replace(found, varying=Varying.of(values, augment, scratch, self.read))

    def read(self, rows: Sequence[Any]) -> Tokens:
        """The tokens of rows: of a text its start, of two texts what is left when the longer one is cut.

        Decoders' tokenizers may make none of an empty text; it becomes the token that begins or ends a text.
        """
        found = self.tokenized(rows, return_token_type_ids=self.has_segments)
        ids = [tokens or [self._no_text] for tokens in found["input_ids"]]
        return ids, found["token_type_ids"] if self.has_segments else None

    @property
    def _no_text(self) -> int:
        known = (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)
        return next((token for token in known if token is not None), 0)

    def tokenized(self, values: Sequence[Any], **asked: Any) -> Any:
        """What the tokenizer says of rows. Args: asked: what else it is to return."""
        return self.tokenizer(
            [self._shortened(self.written(value)) for value in values],
            truncation="longest_first",  # a single text loses its end
            max_length=self.max_tokens,
            **asked,
        )

    def _shortened(self, written: str | tuple[str, ...]) -> str | tuple[str, ...]:
        """Of very long texts the start; of two that both are, which one loses a last odd token may change."""
        if isinstance(written, str):
            return shortened(written, self.tokenizer, self.max_tokens)
        return tuple(shortened(text, self.tokenizer, self.max_tokens) for text in written)

    def _cut(self, values: Sequence[Any], ids: Sequence[Sequence[int]]) -> int:
        """How many rows are cut: those that fill `max_tokens` and have more."""
        pairs = zip(values, ids, strict=True)
        full = [self._shortened(self.written(row)) for row, tokens in pairs if len(tokens) == self.max_tokens]
        whole = self.tokenizer(full, verbose=False)["input_ids"] if full else []
        return sum(len(tokens) > self.max_tokens for tokens in whole)

    def show(self, batch: Batch) -> list[Preview]:
        """The texts of a batch, decoded from the tokens that are left after the cut."""
        return [
            Preview(text=text) for text in self.tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)
        ]

    def preview(self, value: Any) -> Preview:
        """The start of a row's texts."""
        return Preview(text="\n".join(f"{name}: {text}" if name else text for name, text in named(value))[:EXCERPT])


def portions(values: Iterable[Any], size: int = 1_000) -> Iterator[list[Any]]:
    """The values in lists of `size`."""
    remaining = iter(values)
    while some := list(islice(remaining, size)):
        yield some
