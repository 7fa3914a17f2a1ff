"""What a reader of contexts learns: the piece where the answer begins, and the piece where it ends.

Where a window lacks the answer, both are the first token, which stands for none (Devlin et al. 2019).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from finetrail.evaluation.scores.bootstrap import Ints, point_scores
from finetrail.evaluation.scores.metric import Point
from finetrail.models.network import Batch, Network
from finetrail.targets.learning import Explained, Loss
from finetrail.targets.per_row import RowTargets
from finetrail.targets.ragged import each_kept
from finetrail.targets.spans.codec import SpanAnswers, SpanCodec
from finetrail.targets.spans.confidence import fit_temperature
from finetrail.targets.spans.decoding import candidates
from finetrail.targets.spans.judge import Labels
from finetrail.targets.spans.reading import Answer, answers_of
from finetrail.targets.spans.settings import SpanTraining
from finetrail.targets.spans.threshold import fit_threshold

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept


class Seen(Protocol):
    """A part of a context in one example. Attributes: offsets: of its pieces (W, 2); the first stands for no answer."""

    offsets: NDArray[np.int32]


class ContextInputs(Protocol):
    """What this target asks of inputs. Attributes: asked: question and context of each row; windows: by example."""

    rows: Sequence[int]
    windows: Sequence[Seen]
    asked: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class SpanLearning:
    """See `finetrail.targets.learning.Learning`."""

    codec: SpanCodec

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, len(self.codec.outputs))

    def encode(self, labels: Labels, inputs: Any) -> RowTargets:
        return RowTargets(torch.from_numpy(_places(labels, inputs)))

    def loss(self, settings: SpanTraining, labels: Labels, *, finished: bool = False) -> Loss:
        def loss(outputs: Tensor, batch: Batch) -> Tensor:
            readable = outputs.masked_fill(~batch["features_mask"].unsqueeze(-1), -torch.inf)
            return functional.cross_entropy(readable, batch["targets"])  # (B, W, 2) and (B, 2)

        return loss

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        """The logits (W, 2) of the pieces of each example."""
        return each_kept(outputs, batch)

    def answers(self, kept: Any, inputs: Any) -> SpanAnswers:
        windows: list[list[Any]] = [[] for _ in inputs.asked]
        for row, logits, window in zip(inputs.rows, kept, inputs.windows, strict=True):
            windows[row].append((np.asarray(logits, dtype=np.float32), window.offsets))
        found = [candidates(of_row, self.codec.longest_answer) for of_row in windows]
        best = [
            context[slice(*one.spans[0].tolist())] if len(one.spans) else ""
            for one, (_, context) in zip(found, inputs.asked, strict=True)
        ]
        return self.codec.answered(found, best)

    def explained(self, label: Sequence[Mapping[str, Any]], answers: SpanAnswers, inputs: Any) -> Explained | None:
        """The logit of where the answer begins, in the window that shows it best; of none, that of the first token."""
        start, _ = answers.places[0]
        said = "no answer" if answers.none[0] else f"the start of {answers.texts[0][:40]!r}"
        places = [_covering(window.offsets, start, start + 1) for window in inputs.windows]
        edges = [
            min(first, len(window.offsets) - first) for (first, _), window in zip(places, inputs.windows, strict=True)
        ]
        example = int(np.argmax(edges)) if not answers.none[0] else 0
        place = 0 if answers.none[0] else places[example][0]
        return Explained(example, (place, 0), said)

    def score(self, kept: Any, inputs: Any, labels: Labels, *, finished: bool = False) -> Point:
        losses = [
            _cross_entropy(np.asarray(logits, dtype=np.float64), place)
            for logits, place in zip(kept, _places(labels, inputs), strict=True)
        ]
        return {
            "loss": float(np.mean(losses)),
            **point_scores(self.codec.judge, labels, self.answers(kept, inputs)),
        }

    def finish(self, model: Network) -> None:
        """Nothing to do: logits are the answer."""

    def fitted(self, kept: Any, inputs: Any, labels: Labels) -> "SpanLearning":
        """The validation rows show when no answer is better than one, and how sure the model may be."""
        codec, found = self.codec, self.answers(kept, inputs)
        if codec.unanswerable:
            codec = replace(codec, threshold=fit_threshold(labels, found))
        found = codec.answered(found.found, found.best)
        right = codec.judge.right(labels, found)
        temperature = fit_temperature([codec.logits(one) for one in found.found], right)
        return SpanLearning(replace(codec, temperature=temperature))


def _places(labels: Labels, inputs: ContextInputs) -> Ints:
    """The features where the first answer of the label begins and ends, by example (N, 2); (0, 0) where it is not."""
    found = np.zeros((len(inputs.windows), 2), dtype=np.int64)
    for example, window in enumerate(inputs.windows):
        for answer in answers_of(labels[inputs.rows[example]])[:1]:
            found[example] = _covering(window.offsets, *_seen(answer))
    return found


def _seen(answer: Answer) -> tuple[int, int]:
    """Start and end of an answer without white space around it, which belongs to no piece."""
    text = answer.text.rstrip()
    return answer.end - len(answer.text.lstrip()), answer.start + len(text)


def _covering(offsets: NDArray[np.int32], start: int, end: int) -> tuple[int, int]:
    """First and last feature of the characters `start` to `end`; (0, 0) where a window lacks some of them."""
    starts, ends = offsets[1:, 0], offsets[1:, 1]
    first, last = int(np.searchsorted(ends, start, side="right")), int(np.searchsorted(starts, end, side="left")) - 1
    if not first <= last or starts[first] > start or ends[last] < end:
        return 0, 0
    return first + 1, last + 1


def _cross_entropy(logits: NDArray[np.float64], place: Ints) -> float:
    top = logits.max(axis=0)
    return float((top + np.log(np.exp(logits - top).sum(axis=0)) - logits[place, [0, 1]]).mean())
