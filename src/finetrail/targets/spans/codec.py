"""How the answers of a reader of contexts are written down: the likeliest spans of each row, and what is served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats, Ints
from finetrail.targets.spans.confidence import probabilities, top_probability
from finetrail.targets.spans.decoding import Candidates
from finetrail.targets.spans.settings import MOST

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.spans.judge import SpanJudge


@dataclass(frozen=True)
class SpanAnswers:
    """Answers to n rows.

    Attributes:
        found: the likeliest spans of each row.
        best: the text of the likeliest span; empty where there is none.
        none: (n,), whether the answer is that there is none.
        sure: (n,), how sure the model is of its answer, 0..1.
    """

    found: Sequence[Candidates]
    best: Sequence[str]
    none: NDArray[np.bool_]
    sure: Floats

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, mask: NDArray[np.bool_]) -> "SpanAnswers":
        rows = np.flatnonzero(mask).tolist()
        found, best = [self.found[row] for row in rows], [self.best[row] for row in rows]
        return SpanAnswers(found, best, self.none[mask], self.sure[mask])

    @property
    def texts(self) -> list[str]:
        """The text of each answer; empty for none."""
        return ["" if none else text for text, none in zip(self.best, self.none.tolist(), strict=True)]

    @property
    def places(self) -> list[tuple[int, int]]:
        """Start and end of each answer in its context; (0, 0) for none."""
        return [
            (0, 0) if none else (int(one.spans[0, 0]), int(one.spans[0, 1]))
            for one, none in zip(self.found, self.none.tolist(), strict=True)
        ]


@dataclass(frozen=True)
class SpanCodec:
    """See `finetrail.targets.codec.Codec`.

    Attributes:
        unanswerable: whether training showed questions without an answer; else none is never the answer.
        longest_answer: the most pieces of a span.
        threshold: by how much the score of no answer has to exceed that of the best span.
        temperature: what scores are divided by before they become probabilities.
    """

    unanswerable: bool
    longest_answer: int = 30
    threshold: float = 0.0
    temperature: float = 1.0

    @property
    def outputs(self) -> list[str]:
        return ["start", "end"]

    @property
    def judge(self) -> "SpanJudge":
        from finetrail.targets.spans.judge import SpanJudge

        return SpanJudge(self)

    @property
    def kinds(self) -> Mapping[str, str]:
        return {"answer": "string", "start": "long", "end": "long", "score": "double"}

    @property
    def scales(self) -> tuple[Floats, Floats]:
        return np.full(2, 1 / self.temperature), np.zeros(2)

    def described(self) -> dict[str, Any]:
        return {
            "unanswerable": self.unanswerable,
            "longest_answer": self.longest_answer,
            "threshold": self.threshold,
            "temperature": self.temperature,
        }

    def answered(self, found: Sequence[Candidates], best: Sequence[str]) -> SpanAnswers:
        """The answers that the likeliest spans of each row mean."""
        none = np.array([self._is_none(one) for one in found], dtype=np.bool_)
        sure = np.array([top_probability(self.logits(one), self.temperature) for one in found])
        return SpanAnswers(found, best, none, sure)

    def n_best(self, one: Candidates, context: str) -> list[dict[str, Any]]:
        """The answers that a row may have, likeliest first, as they are served; the first is the one that is given.

        As in SQuAD's n-best lists (Devlin et al. 2019), answers may overlap, no two have the same text, and none is one
        of them where the model may say so.
        """
        shares = probabilities(self.logits(one), self.temperature)
        places = [*one.spans.tolist(), [0, 0]] if self.unanswerable else one.spans.tolist()
        found: dict[str, dict[str, Any]] = {}
        for row in np.argsort(-shares, kind="stable").tolist():
            start, end = places[row]
            text = context[start:end]
            found.setdefault(text, {"answer": text, "start": start, "end": end, "score": float(shares[row])})
        return list(found.values())

    def logits(self, one: Candidates) -> Floats:
        """The scores of the spans of a row and, where that can be the answer, of none; their softmax is how likely."""
        none = [one.no_answer - self.threshold] if self.unanswerable else []
        return np.concatenate([one.scores.astype(np.float64), none])

    def _is_none(self, one: Candidates) -> bool:
        return not len(one.scores) or (self.unanswerable and one.no_answer - self.threshold > float(one.scores[0]))

    def unknown(self, labels: Sequence[Any]) -> str:
        return ""

    def broken(self, answers: SpanAnswers) -> NDArray[np.bool_]:
        return np.array([not np.isfinite(one.no_answer) for one in answers.found], dtype=np.bool_)

    def columns(self, answers: SpanAnswers) -> dict[str, Any]:
        return {
            **self.say(answers),
            "best": list(answers.best),
            "starts": [one.spans[:, 0] for one in answers.found],
            "ends": [one.spans[:, 1] for one in answers.found],
            "scores": [one.scores for one in answers.found],
            "no_answer": [one.no_answer for one in answers.found],
            "windows": [one.windows for one in answers.found],
        }

    def read(self, frame: "pd.DataFrame") -> SpanAnswers:
        needed = ("best", "starts", "ends", "scores", "no_answer", "windows")
        missing = [name for name in needed if name not in frame]
        if missing:
            raise ValueError(f"it has no column {missing[0]!r}")
        columns = [frame[name].tolist() for name in needed]
        found, best = [], []
        for text, starts, ends, scores, no_answer, windows in zip(*columns, strict=True):
            spans = np.stack([np.asarray(starts, dtype=np.int64), np.asarray(ends, dtype=np.int64)], axis=1)
            found.append(Candidates(spans, np.asarray(scores, dtype=np.float32), no_answer, windows))
            best.append(text)
        return self.answered(found, best)

    def say(self, answers: SpanAnswers) -> dict[str, Any]:
        starts, ends = zip(*answers.places, strict=True) if len(answers) else ((), ())
        return {
            "answer": answers.texts,
            "start": list(starts),
            "end": list(ends),
            "score": answers.sure.tolist(),
        }

    def heard(self, said: Mapping[str, Sequence[Any]], known: SpanAnswers) -> SpanAnswers:
        found, best = list(known.found), list(known.best)
        own = zip(known.texts, known.places, strict=True)
        for row, (text, start, end, was) in enumerate(
            zip(said["answer"], said["start"], said["end"], own, strict=True)
        ):
            if (text, (start, end)) != was:
                found[row], best[row] = self._surely(found[row], text, (start, end)), text
        return self.answered(found, best)

    def _surely(self, known: Candidates, text: str, place: tuple[int, int]) -> Candidates:
        """Candidates that mean an answer beyond doubt."""
        if not text and not self.unanswerable and len(known.scores):
            raise ValueError("it says that a context has no answer, which this model never does")
        far = 1 + 2 * self.scale_of(known) + abs(self.threshold)
        if not text:
            return replace(known, no_answer=known.no_answer + 2 * far)
        spans = np.array([place], dtype=np.int64)
        return replace(known, spans=spans, scores=np.array([2 * far], dtype=np.float32))

    def confidence(self, answers: SpanAnswers) -> Floats:
        return answers.sure

    def apart(self, one: SpanAnswers, other: SpanAnswers) -> Floats:
        """The largest difference between two scores of a span, or of none; see `_apart`."""
        return np.array([_apart(a, b) for a, b in zip(one.found, other.found, strict=True)])

    @property
    def differing(self) -> str:
        return "another answer"

    def differ(self, one: SpanAnswers, other: SpanAnswers, theirs: "SpanCodec") -> NDArray[np.bool_]:
        pairs = zip(one.places, other.places, strict=True)
        return np.array([mine != yours for mine, yours in pairs], dtype=np.bool_)

    def scale(self, answers: SpanAnswers) -> float:
        return max((self.scale_of(one) for one in answers.found), default=0.0)

    def scale_of(self, one: Candidates) -> float:
        """The size of the largest score of a row."""
        return max(abs(one.no_answer), float(np.abs(one.scores).max(initial=0.0)))

    def shown(self, answers: SpanAnswers, row: int) -> str:
        (start, end), text = answers.places[row], answers.texts[row]
        return f"({text[:40]!r} at {start}-{end})" if text else "(no answer)"

    def refuse_others(self, champion: "SpanCodec") -> None:
        """Nothing to refuse: every context can be answered by both."""

    def aligned(self, answers: SpanAnswers, own: "SpanCodec") -> SpanAnswers:
        """Nothing to do: answers hold what their own codec decided."""
        return answers

    def snippet(self, names: str) -> str:
        return "print(logits.argmax(1).tolist())"

    def about(self) -> list[str]:
        never = "It knows that a context may hold no answer." if self.unanswerable else "It always gives an answer."
        return [f"It answers a question with a part of a context, of at most {self.longest_answer} pieces. {never}"]


def _apart(one: Candidates, other: Candidates) -> float:
    """The largest difference between two scores of a span or of none.

    A span that only one list has was below the lowest score of the other, if that is full; else nothing explains it.
    """
    pairs = [
        dict(zip(map(tuple, each.spans.tolist()), each.scores.astype(np.float64).tolist(), strict=True))
        for each in (one, other)
    ]
    most = abs(one.no_answer - other.no_answer)
    for mine, yours in (pairs, pairs[::-1]):
        least = min(yours.values(), default=-np.inf) if len(yours) >= MOST else -np.inf
        for span, score in mine.items():
            most = max(most, abs(score - yours[span]) if span in yours else max(0.0, score - least))
    return float(most)


def windows_of(answers: SpanAnswers) -> Ints:
    """How many windows each row was read in (n,)."""
    return np.array([one.windows for one in answers.found], dtype=np.int64)
