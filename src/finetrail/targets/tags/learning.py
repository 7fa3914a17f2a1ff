"""What a tagger learns: the IOB2 tag of each word, which the first piece of the word stands for."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.evaluation.scores.metric import Point
from finetrail.models.inputs import Changes
from finetrail.models.network import Batch, Network
from finetrail.targets.learning import Explained, Loss
from finetrail.targets.per_token import NO_TARGET, token_loss
from finetrail.targets.ragged import each_kept
from finetrail.targets.scaling import fit_temperature
from finetrail.targets.tags.alignment import Words, encode
from finetrail.targets.tags.codec import TagAnswers, TagCodec, log_softmax
from finetrail.targets.tags.judge import Labels
from finetrail.targets.tags.reading import spans_of
from finetrail.targets.tags.settings import TagTraining
from finetrail.targets.tags.windows import Window, merge

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept

_SURELY_OUTSIDE = 20.0
"""The logit of O for a word that no window reads: one that the tokenizer drops."""


class Seen(Protocol):
    """The part of a text in one example: a window of its words."""

    first_word: int
    words: int
    read: Sequence[bool]
    left_context: bool
    right_context: bool


class WordInputs(Protocol):
    """What this target asks of inputs whose features are words. Attributes: words: of each row; windows: by example."""

    rows: Sequence[int]
    words: Sequence[Words]
    windows: Sequence[Seen]


@dataclass(frozen=True)
class TagTargets:
    """Tag numbers of the words of each example; `NO_TARGET` for a word that another window shows better, or is lost.

    Attributes:
        scale: 1 over the mean number of words, so that every word counts the same however a batch is divided.
    """

    values: Sequence[Tensor]
    scale: float

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, indices: Sequence[int], changes: Changes) -> Batch:
        """`targets` (B, W), W the most words; `targets_scale` (B,)."""
        found = nn.utils.rnn.pad_sequence([self.values[index] for index in indices], True, NO_TARGET)
        if changes.lost is not None:
            found = found.masked_fill(changes.lost, NO_TARGET)
        return {"targets": found, "targets_scale": torch.full((len(indices),), self.scale)}


@dataclass(frozen=True)
class TagLearning:
    """See `finetrail.targets.learning.Learning`."""

    codec: TagCodec

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, len(self.codec.outputs))

    def encode(self, labels: Labels, inputs: Any) -> TagTargets:
        numbers = self._numbers(labels, inputs)
        best = _merged(inputs, lambda example, window: np.full((window.words, 1), float(example)), outputs=1)
        values = []
        for example, window in enumerate(inputs.windows):
            row = inputs.rows[example]
            span = slice(window.first_word, window.first_word + window.words)
            own = (best[row][span, 0] == example) & np.array(window.read, dtype=np.bool_)
            values.append(torch.from_numpy(np.where(own, numbers[row][span], NO_TARGET)))
        words = sum(int((value != NO_TARGET).sum()) for value in values)
        return TagTargets(values, len(values) / max(1, words))

    def loss(self, settings: TagTraining, labels: Labels, *, finished: bool = False) -> Loss:
        return token_loss(settings.label_smoothing)

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        """The logits (W, K) of the words of each example."""
        return each_kept(outputs, batch)

    def answers(self, kept: Any, inputs: Any) -> TagAnswers:
        outputs = len(self.codec.outputs)
        merged = _merged(inputs, lambda example, window: kept[example], outputs)
        read = _merged(inputs, lambda example, window: np.array(window.read, dtype=np.float64)[:, None], outputs=1)
        outside = np.array([_SURELY_OUTSIDE, *[0.0] * (outputs - 1)])
        found = [np.where(seen == 1, logits, outside) for logits, seen in zip(merged, read, strict=True)]
        return self.codec.answered(inputs.words, [one.astype(np.float32) for one in found])

    def explained(self, label: Sequence[Mapping[str, Any]], answers: TagAnswers, inputs: Any) -> Explained | None:
        """The logit, at its first word, of the type of the wrong span that it was surest of, else of a missed one."""
        gold, predicted = spans_of(label), answers.spans[0]
        scored = zip(answers.scores[0], predicted, strict=True)
        wrong = [span for _, span in sorted(scored, key=lambda one: -one[0]) if span not in gold]
        missed = [span for span in gold if span not in predicted]
        span, what = (wrong[0], "given") if wrong else ((missed or gold or predicted)[0], "missed")
        words = answers.words[0]
        word = next(number for number, (start, _) in enumerate(words) if start == span.start)
        tag = f"B-{span.type}"
        shown = [(_context(window, word), -example) for example, window in enumerate(inputs.windows)]
        context, number = max(shown, default=(-1.0, 0))
        if context < 0:
            return None
        window = inputs.windows[-number]
        place = (word - window.first_word, self.codec.number_of[tag])
        return Explained(-number, place, f"the span {span}, {what}")

    def score(self, kept: Any, inputs: Any, labels: Labels, *, finished: bool = False) -> Point:
        answers = self.answers(kept, inputs)
        losses = [
            -log_softmax(logits)[np.arange(len(logits)), numbers]
            for logits, numbers in zip(answers.logits, self._numbers(labels, inputs), strict=True)
        ]
        loss = float(np.concatenate([np.zeros(0), *losses]).mean()) if any(map(len, losses)) else 0.0
        return {"loss": loss, **point_scores(self.codec.judge, labels, answers)}

    def finish(self, model: Network) -> None:
        """Nothing to do: logits are the answer."""

    def fitted(self, kept: Any, inputs: Any, labels: Labels) -> "TagLearning":
        """The validation rows show whether every word is tagged, and how sure the model may be."""
        tagged = np.concatenate([np.zeros(0, dtype=np.int64), *self._numbers(labels, inputs)])
        nothing = np.zeros((0, len(self.codec.outputs)), dtype=np.float32)
        logits = np.concatenate([nothing, *self.answers(kept, inputs).logits])
        plain = bool(len(tagged)) and bool(tagged.all())
        return TagLearning(replace(self.codec, plain=plain, temperature=fit_temperature(logits, tagged)))

    def _numbers(self, labels: Labels, inputs: Any) -> list[np.ndarray]:
        """The tag number of each word of each row."""
        number_of = self.codec.number_of
        return [
            np.array([number_of[tag] for tag in encode(spans_of(label), words)], dtype=np.int64)
            for label, words in zip(labels, inputs.words, strict=True)
        ]


def _context(window: Seen, word: int) -> float:
    """How many words a window shows on the shorter side of a word, as in `merge`; -1 where it lacks the word."""
    before = word - window.first_word
    after = window.words - 1 - before
    if min(before, after) < 0:
        return -1.0
    return min(before if window.left_context else np.inf, after if window.right_context else np.inf)


def _merged(inputs: WordInputs, of_window: Callable[[int, Seen], np.ndarray], outputs: int) -> list[np.ndarray]:
    """The values of each row's words (W, K), each word taken from the window that shows most of its context."""
    windows: defaultdict[int, list[Window]] = defaultdict(list)
    for example, window in enumerate(inputs.windows):
        said = of_window(example, window)
        windows[inputs.rows[example]].append(Window(window.first_word, said, window.left_context, window.right_context))
    return [merge(windows[row], len(words), outputs).logits for row, words in enumerate(inputs.words)]
