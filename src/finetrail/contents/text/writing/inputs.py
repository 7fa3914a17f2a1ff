"""Texts made ready for an encoder-decoder, and the texts that it writes."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

from finetrail.contents.text.processor import TextInputs, TextProcessor
from finetrail.errors import ModelError
from finetrail.models.inputs import Targets, Values

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Writing:
    """How texts that a model writes become tokens, and back.

    Attributes:
        end: the id that ends an answer.
        most: tokens of an answer, its end included.
        start: the id that a decoder begins with; None where there is none.
    """

    tokenizer: Any
    end: int
    most: int
    start: int | None = None

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of answers, each with its end.

        Raises:
            ModelError: the tokenizer ends answers with something else.
        """
        found = self.tokenizer(text_target=list(texts), verbose=False)["input_ids"]
        other = next((row for row in found if row[-1:] != [self.end]), None)
        if other is not None:
            raise ModelError(
                f"the tokenizer ends an answer with token {other[-1:]}, but the model's own end is {self.end}; set "
                "eos_token_id in generation_config.json, or name another backbone"
            )
        # BERT's tokenizer puts the first token of a decoder in front of every text.
        return self.cut([row[1:] if row[0] == self.start else row for row in found])

    def cut(self, rows: list[list[int]]) -> list[list[int]]:
        """Answers without what is too long. A cut one has no end: a model must not learn to end in mid-sentence."""
        long = sum(len(row) > self.most for row in rows)
        if long:
            log.warning(
                "%d of %d answers have more than %d tokens, and are cut; raise backbone.max_answer_tokens to learn "
                "them whole",
                long,
                len(rows),
                self.most,
            )
        return [row[: self.most] for row in rows]

    def texts(self, answers: Sequence[Sequence[int]]) -> list[str]:
        """The texts of answers."""
        found = self.tokenizer.batch_decode([list(map(int, one)) for one in answers], skip_special_tokens=True)
        return [text.strip() for text in found]


@dataclass(frozen=True)
class WrittenInputs(TextInputs):
    """Tokenised texts whose answers are texts.

    Attributes:
        writing: how the answers are tokenised.
    """

    writing: Writing | None = None

    @property
    def earlier(self) -> Sequence[Sequence[int]]:
        """The tokens of each row that are learnt though they stand in front of the answer: none."""
        return [()] * len(self.tokens)

    @property
    def lengths(self) -> list[int]:
        """The tokens that a row costs: its own and, where they are known, those of its answer."""
        own = [len(tokens) for tokens in self.tokens]
        written = getattr(self.targets, "lengths", [0] * len(own))
        return [one + other for one, other in zip(own, written, strict=True)]

    def labelled(self, targets: Targets) -> Self:
        """The same texts with their targets."""
        return replace(self, targets=targets)

    def pieces(self, index: int) -> list[tuple[str, bool]]:
        """What a model reads, and the answer that it learns behind; see `finetrail.models.inputs.Pieced`."""
        answers = getattr(self.targets, "values", None)
        answer = [] if answers is None else answers[index].tolist()
        tokens, marks = [*self.tokens[index], *answer], [*self.marks(index), *(1 for _ in answer)]
        writing: Any = self.writing  # only inputs without a model have none
        return [
            (writing.tokenizer.decode([token for token, _ in run]), bool(mark))
            for mark, run in groupby(zip(tokens, marks, strict=True), key=itemgetter(1))
        ]

    def marks(self, index: int) -> Sequence[int]:
        """For each token in front of an answer, 1 where it is learnt too."""
        return [0] * len(self.tokens[index])


@dataclass(frozen=True)
class WrittenProcessor(TextProcessor):
    """Turns texts into `WrittenInputs`.

    Attributes:
        prefix: stands in front of every text.
    """

    writing: Writing | None = None
    prefix: str = ""

    def written(self, content: Any) -> str | tuple[str, ...]:
        """A row as the tokenizer takes it."""
        found = super().written(content)
        return self.prefix + found if isinstance(found, str) else (self.prefix + found[0], *found[1:])

    def encode(self, values: Values, *, augment: Any = None, scratch: Path | None = None) -> WrittenInputs:
        """Tokenise; a longer row loses its end: see `TextProcessor`."""
        found = super().encode(values, augment=augment, scratch=scratch)
        return WrittenInputs(found.tokens, found.padding, found.segments, None, found.varying, self.writing)
