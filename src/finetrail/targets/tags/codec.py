"""How the answers of a tagger are written down: logits (W, K) for the words of each row, and the spans they mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.data.shown import for_markdown
from finetrail.errors import RefusedError
from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.targets.tags.alignment import Words, decode, encode, inventory
from finetrail.targets.tags.decoding import best_path, span_scores
from finetrail.targets.tags.reading import spans_of
from finetrail.targets.tags.spans import Span

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.tags.judge import TagJudge

MOST_SHOWN = 60
"""Types that a model card lists."""


@dataclass(frozen=True)
class TagAnswers:
    """Answers to n rows.

    Attributes:
        words: (start, end) of the words of each row.
        logits: of the tags of these words, (W, K) a row.
        spans: those of the likeliest legal tags; scores: how sure the model is of each, 0..1.
    """

    words: Sequence[Words]
    logits: Sequence[NDArray[np.float32]]
    spans: Sequence[list[Span]]
    scores: Sequence[list[float]]

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, mask: NDArray[np.bool_]) -> "TagAnswers":
        rows = np.flatnonzero(mask).tolist()
        parts: list[Sequence[Any]] = [self.words, self.logits, self.spans, self.scores]
        return TagAnswers(*([part[row] for row in rows] for part in parts))


@dataclass(frozen=True)
class TagCodec:
    """See `finetrail.targets.codec.Codec`.

    Attributes:
        types: of spans, in the order of the outputs.
        plain: whether every word is a span of its own, as in parts of speech; then accuracy is that of these.
        temperature: what logits are divided by before they become probabilities; see `finetrail.targets.scaling`.
    """

    types: tuple[str, ...]
    plain: bool = False
    temperature: float = 1.0

    @property
    def outputs(self) -> list[str]:
        return inventory(self.types)

    @cached_property
    def number_of(self) -> dict[str, int]:
        """The number of each tag."""
        return {tag: number for number, tag in enumerate(self.outputs)}

    @property
    def judge(self) -> "TagJudge":
        from finetrail.targets.tags.judge import TagJudge

        return TagJudge(self)

    @property
    def kinds(self) -> Mapping[str, str]:
        return {"spans": "list[{start: long, end: long, type: string, score: double}]"}

    @property
    def scales(self) -> tuple[Floats, Floats]:
        outputs = len(self.outputs)
        return np.full(outputs, 1 / self.temperature), np.zeros(outputs)

    def described(self) -> dict[str, Any]:
        return {"types": list(self.types), "plain": self.plain, "temperature": self.temperature}

    def answered(self, words: Sequence[Words], logits: Sequence[NDArray[np.float32]]) -> TagAnswers:
        """The answers that logits (W, K) of each row's words mean."""
        tags, spans, scores = self.outputs, [], []
        for of_row, found in zip(words, logits, strict=True):
            path = best_path(log_softmax(found), tags)  # the same at every temperature
            spans.append(decode([tags[number] for number in path], of_row))
            scores.append(span_scores(log_softmax(found / self.temperature), path, tags))
        return TagAnswers(words, logits, spans, scores)

    def unknown(self, labels: Sequence[Sequence[Mapping[str, Any]]]) -> str:
        strange = sorted({span["type"] for label in labels for span in label} - set(self.types))
        return f"the type {strange[0]!r}, which is none of the {len(self.types)}" if strange else ""

    def broken(self, answers: TagAnswers) -> NDArray[np.bool_]:
        return np.array([not np.isfinite(one).all() for one in answers.logits], dtype=np.bool_)

    def columns(self, answers: TagAnswers) -> dict[str, Any]:
        return {
            **self.say(answers),
            "words": [[place for word in one for place in word] for one in answers.words],
            "logits": [one.reshape(-1) for one in answers.logits],
        }

    def read(self, frame: "pd.DataFrame") -> TagAnswers:
        if not {"words", "logits"} <= set(frame):
            raise ValueError("it has no columns 'words' and 'logits'")
        words = [list(zip(one[::2], one[1::2], strict=True)) for one in frame["words"]]
        kept = [np.asarray(one, dtype=np.float32) for one in frame["logits"]]
        outputs = len(self.outputs)
        odd = next((row for row, one in enumerate(kept) if one.size != len(words[row]) * outputs), None)
        if odd is not None:
            raise ValueError(
                f"row {odd + 1} has {kept[odd].size} logits for {len(words[odd])} words, {outputs} tags each"
            )
        return self.answered(words, [one.reshape(-1, outputs) for one in kept])

    def say(self, answers: TagAnswers) -> dict[str, Any]:
        return {
            "spans": [
                [
                    {"start": span.start, "end": span.end, "type": span.type, "score": score}
                    for span, score in zip(spans, scores, strict=True)
                ]
                for spans, scores in zip(answers.spans, answers.scores, strict=True)
            ]
        }

    def heard(self, said: Mapping[str, Sequence[Any]], known: TagAnswers) -> TagAnswers:
        if strange := self.unknown(said["spans"]):
            raise ValueError(f"it says {strange}")
        sure, logits = 1 + 2 * self.scale(known), list(known.logits)
        for row, (spans, own) in enumerate(zip(map(spans_of, said["spans"]), known.spans, strict=True)):
            if spans != own:
                numbers = [self.number_of[tag] for tag in encode(spans, known.words[row])]
                logits[row] = sure * np.eye(len(self.outputs), dtype=np.float32)[numbers]
        return self.answered(known.words, logits)

    def confidence(self, answers: TagAnswers) -> Floats:
        """The mean probability of the likeliest tag of each word; 1 for a row without words."""
        tops = [np.exp(log_softmax(one / self.temperature)).max(axis=1, initial=0.0) for one in answers.logits]
        return np.array([float(one.mean()) if len(one) else 1.0 for one in tops])

    def apart(self, one: TagAnswers, other: TagAnswers) -> Floats:
        """The largest difference between two logits; infinite if the words differ."""
        return np.array(
            [
                np.abs(a.astype(np.float64) - b).max(initial=0.0) if list(u) == list(v) else np.inf
                for u, v, a, b in zip(one.words, other.words, one.logits, other.logits, strict=True)
            ]
        )

    @property
    def differing(self) -> str:
        return "other spans"

    def differ(self, one: TagAnswers, other: TagAnswers, theirs: "TagCodec") -> NDArray[np.bool_]:
        return np.array([a != b for a, b in zip(one.spans, other.spans, strict=True)], dtype=np.bool_)

    def scale(self, answers: TagAnswers) -> float:
        return max((float(np.abs(one).max(initial=0.0)) for one in answers.logits), default=0.0)

    def shown(self, answers: TagAnswers, row: int) -> str:
        spans = ", ".join(map(str, answers.spans[row][:4]))
        return f"({spans}{', ...' if len(answers.spans[row]) > 4 else ''})"

    def refuse_others(self, champion: "TagCodec") -> None:
        """Raise RefusedError if the champion knows other types than this challenger."""
        more, less = sorted({*self.types} - {*champion.types}), sorted({*champion.types} - {*self.types})
        if more or less:
            who, kind = ("challenger", more[0]) if more else ("champion", less[0])
            raise RefusedError(f"their types differ: only the {who} knows {kind!r}")

    def aligned(self, answers: TagAnswers, own: "TagCodec") -> TagAnswers:
        order = [self.number_of[tag] for tag in own.outputs]
        scale = np.float32(own.temperature / self.temperature)
        return replace(answers, logits=[one[:, order] * scale for one in answers.logits])

    def snippet(self, names: str) -> str:
        return f"print([[{names}[number] for number in row] for row in logits.argmax(-1).tolist()])"

    def about(self) -> list[str]:
        shown = ", ".join(map(for_markdown, self.types[:MOST_SHOWN]))
        more = " and more" if len(self.types) > MOST_SHOWN else ""
        tags = "Tags are IOB2, one a word, which the first piece of the word has."
        return [f"Types of spans ({len(self.types)}): {shown}{more}. {tags}"]


def log_softmax(logits: NDArray[np.floating[Any]]) -> Floats:
    """Log-probabilities (W, K)."""
    values = logits.astype(np.float64)
    values = values - values.max(axis=-1, keepdims=True, initial=-np.inf)
    found: Floats = values - np.log(np.exp(values).sum(axis=-1, keepdims=True))
    return found
