"""Texts made ready for an encoder-decoder, and the texts that it writes."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby, takewhile
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import torch

from finetrail.contents.text.processor import TextInputs, TextProcessor
from finetrail.errors import ModelError
from finetrail.models.inputs import Sampling, Targets, Values
from finetrail.models.network import Batch

log = logging.getLogger(__name__)
UNSURE = 3
"""Tokens at the end of an unfinished answer that the next one may decode otherwise: a character may have four."""


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
        """The texts of answers. One without an end may stop within a character, whose beginning is left away."""
        ids = [list(map(int, one)) for one in answers]
        found = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        whole = [one[-1:] == [self.end] for one in ids]
        # Half a character is decoded as a replacement character.
        return [(text if ends else text.rstrip("\ufffd")).strip() for text, ends in zip(found, whole, strict=True)]

    def told(self, tokens: Iterable[int]) -> Iterator[str]:
        """The text of an answer in pieces, while its tokens are written. Joined, they are the text of all tokens.

        A piece is told when no later token can change it: never half a character, and no white space at either end.
        """
        known: list[int] = []
        recent: deque[str] = deque(maxlen=UNSURE + 1)
        said = ""
        for token in tokens:
            known.append(token)
            recent += self.texts([known])
            if len(recent) > UNSURE:
                sure = _begin(recent).rstrip()
                if len(sure) > len(said):
                    yield sure[len(said) :]
                    said = sure
        (whole,) = self.texts([known])
        if len(whole) > len(said):
            yield whole[len(said) :]


@dataclass(frozen=True)
class WrittenInputs(TextInputs):
    """Tokenised texts whose answers are texts.

    Attributes:
        writing: how the answers are tokenised.
        sampling: how they are written, where a caller decides.
    """

    writing: Writing | None = None
    sampling: Sampling | None = None

    def drawn(self, sampling: Sampling) -> Self:
        """The same texts, answered otherwise than in training."""
        return replace(self, sampling=sampling)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """As `TextInputs.batch`; where a caller decides, also `most`, `temperature` and `seeds`, each (B,)."""
        found = super().batch(indices, seed)
        if self.sampling is None:
            return found
        seeds = [_seed(self.sampling.seed, self.tokens[index]) for index in indices]
        return found | {
            "most": torch.full((len(indices),), self.sampling.most),
            "temperature": torch.full((len(indices),), self.sampling.temperature, dtype=torch.float32),
            "seeds": torch.tensor(seeds),
        }

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
        """What a model reads, and the answer that it learns behind; see `finetrail.models.inputs.Pieced`.

        Of two answers, the one to move away from stands behind; two that are the same teach nothing.
        """
        answer, rejected = (
            [] if (answers := getattr(self.targets, name, None)) is None else answers[index].tolist()
            for name in ("values", "rejected")
        )
        tokens = [*self.tokens[index], *answer]
        marks = [*self.marks(index), *(int(answer != rejected) for _ in answer)]
        writing: Any = self.writing  # only inputs without a model have none
        found = [
            (writing.tokenizer.decode([token for token, _ in run]), bool(mark))
            for mark, run in groupby(zip(tokens, marks, strict=True), key=itemgetter(1))
        ]
        return [*found, ("\ninstead of: " + writing.tokenizer.decode(rejected), False)] if rejected else found

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


def _begin(texts: Iterable[str]) -> str:
    """What all texts begin with."""
    alike = takewhile(lambda characters: len(set(characters)) == 1, zip(*texts, strict=False))
    return "".join(characters[0] for characters in alike)


def _seed(seed: int, tokens: Sequence[int]) -> int:
    """The seed of a row, of 63 bits: what is drawn for it depends on its text, and not on the rows beside it."""
    written = " ".join(map(str, (seed, *tokens)))
    return int.from_bytes(sha256(written.encode()).digest()[:8], "big") >> 1
