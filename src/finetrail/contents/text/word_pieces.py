"""Texts made ready for an encoder whose features are words: each word is read off its first piece.

A text with more pieces than the encoder reads becomes several examples, windows that overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetrail.contents.text.augment import Varying
from finetrail.contents.text.processor import TextProcessor, placed, portions, refuse_slow
from finetrail.data.words import words
from finetrail.errors import ConfigError
from finetrail.models.inputs import NO_CHANGES, Changes, Targets, Values, targets_of
from finetrail.models.network import Batch

OVERLAP = 0.25
"""The share of a window that the next one repeats: words near an edge lack context."""

Place = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """The words of one example.

    Attributes:
        first_word: its number in the text; words: how many there are.
        pieces: the place of the first piece of each in the example; 0 for a word that has none.
        left_context, right_context: whether the text goes on beyond that edge.
    """

    first_word: int
    pieces: tuple[int, ...]
    left_context: bool
    right_context: bool

    @property
    def words(self) -> int:
        return len(self.pieces)

    @property
    def read(self) -> tuple[bool, ...]:
        """Whether each word has a piece: a tokenizer drops some characters."""
        return tuple(piece > 0 for piece in self.pieces)


@dataclass(frozen=True)
class WordInputs:
    """Tokenised texts whose features are their words.

    Attributes:
        tokens: the piece ids of each example, with the encoder's special ones at its ends.
        rows: the text that each example comes from.
        words: (start, end) of the words of each text.
        padding: the id that fills up a batch.
        varying: the texts, where their windows are perturbed anew in a batch that is drawn with a seed.
    """

    tokens: Sequence[Sequence[int]]
    rows: Sequence[int]
    windows: Sequence[Window]
    words: Sequence[Sequence[Place]]
    padding: int
    targets: Targets | None = None
    varying: Varying | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> list[int]:
        """The number of pieces in each example, by which batches are grouped."""
        return [len(tokens) for tokens in self.tokens]

    @property
    def varies(self) -> bool:
        """Whether there is augmentation."""
        return self.varying is not None

    def labelled(self, targets: Targets) -> "WordInputs":
        """The same texts with their targets."""
        return replace(self, targets=targets)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """The examples at `indices`.

        Returns:
            See `placed`: the places are those of the first piece of each word.
        """
        tokens, windows = [self.tokens[index] for index in indices], [self.windows[index] for index in indices]
        varied = self.varying is not None and seed is not None
        if self.varying is not None and seed is not None:
            self._perturb(self.varying, seed, indices, tokens, windows)
        batch = placed(tokens, [window.pieces for window in windows], self.padding)
        # A perturbed word takes more pieces, and the last words may find no room.
        changes = Changes(lost=batch["places"] == 0) if varied else NO_CHANGES
        return batch | targets_of(self, indices, changes)

    def _perturb(
        self, varying: Varying, seed: int, indices: Sequence[int], tokens: list[Sequence[int]], windows: list[Window]
    ) -> None:
        """Perturb the part of the text that each window shows; its words stay where they are.

        Args:
            tokens, windows: of the examples at `indices`; those of perturbed ones are replaced.
        """
        shown = [
            self.words[self.rows[index]][window.first_word :][: window.words]
            for index, window in zip(indices, windows, strict=True)
        ]
        texts = [
            varying.row(self.rows[index])[places[0][0] : places[-1][1]] if places else ""
            for index, places in zip(indices, shown, strict=True)
        ]
        for number, (was, text) in enumerate(zip(texts, varying.draw(texts, seed), strict=True)):
            if text != was:
                first = shown[number][0][0]
                places = [(start - first, end - first) for start, end in shown[number]]
                tokens[number], offsets = varying.tokenise(text)
                windows[number] = _window(places, offsets, left=False, right=False)


@dataclass(frozen=True)
class WordProcessor(TextProcessor):
    """Turns texts into `WordInputs` with the backbone's own tokenizer, which must be a fast one."""

    def __post_init__(self) -> None:
        if len(self.columns) > 1:
            raise ConfigError(
                f"source.columns.text names {len(self.columns)} columns, but words are tagged in one text; name one"
            )
        refuse_slow(self.tokenizer)

    def encode(self, values: Values, *, augment: Any = None, scratch: Path | None = None) -> Any:
        """Tokenise; a text of more than `max_tokens` becomes several windows."""
        padding = self.tokenizer.pad_token_id
        found = WordInputs([], [], [], [], 0 if padding is None else padding)
        tokens: list[Sequence[int]] = []
        rows: list[int] = []
        windows: list[Window] = []
        places: list[list[Place]] = []
        for texts in portions(values):
            pieces = self.tokenized(texts, return_offsets_mapping=True)
            before = len(places)
            places += [words(text) for text in texts]
            origin = pieces["overflow_to_sample_mapping"]
            for example, row in enumerate(origin):
                left = example > 0 and origin[example - 1] == row
                right = example + 1 < len(origin) and origin[example + 1] == row
                tokens.append(pieces["input_ids"][example])
                rows.append(before + row)
                windows.append(_window(places[before + row], pieces["offset_mapping"][example], left, right))
        found = replace(found, tokens=tokens, rows=rows, windows=windows, words=places)
        return replace(found, varying=Varying.of(values, augment, scratch, self.pieces))

    def pieces(self, text: str) -> tuple[Sequence[int], Sequence[Place]]:
        """The first pieces of a text, as many as the encoder reads, and their places in it."""
        found = self.tokenizer(text, truncation=True, max_length=self.max_tokens, return_offsets_mapping=True)
        return found["input_ids"], found["offset_mapping"]

    def tokenized(self, values: Sequence[Any], **asked: Any) -> Any:
        """What the tokenizer says of texts, window by window."""
        return self.tokenizer(
            list(values),
            truncation=True,
            max_length=self.max_tokens,
            stride=int(self.max_tokens * OVERLAP),
            return_overflowing_tokens=True,
            **asked,
        )


def _window(found: Sequence[Place], offsets: Sequence[Place], left: bool, right: bool) -> Window:
    """The words that a window shows. Args: found: of the text; offsets: of the pieces, (0, 0) for a special one."""
    pieces = [(start, end, place) for place, (start, end) in enumerate(offsets) if end > start]
    if not pieces:
        return Window(0, (), left, right)
    low, high = pieces[0][0] if left else 0, pieces[-1][1] if right else max(end for _, end in [*found, (0, 0)])
    shown = [number for number, (start, _) in enumerate(found) if low <= start < high]
    if not shown:
        return Window(0, (), left, right)
    at, firsts = 0, []
    for number in shown:
        start = found[number][0]
        while at < len(pieces) and pieces[at][1] <= start:
            at += 1
        firsts.append(pieces[at][2] if at < len(pieces) and pieces[at][0] < found[number][1] else 0)
    return Window(shown[0], tuple(firsts), left, right)
