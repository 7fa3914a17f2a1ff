"""How the answers of a model that writes texts are written down: a text a row, and how sure the model was of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.sequences.judge import SequenceJudge

COLUMNS = ("text", "score", "margin", "tokens", "cut")
MOST_SHOWN = 60
"""Characters of an answer that a message shows."""


@dataclass(frozen=True)
class SequenceAnswers:
    """Answers to n rows.

    Attributes:
        texts: as they were generated, decoded.
        scores: (n,) mean log-probability of an answer's tokens, its end included.
        margins: (n,) nats by which the model preferred each token to the next best, the least of an answer's tokens:
            where it is 0, another answer is as good.
        tokens: (n,) how many were generated, the end included.
        cut: (n,) whether the limit of length ended the answer.
    """

    texts: Sequence[str]
    scores: Floats
    margins: Floats
    tokens: Ints
    cut: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, mask: NDArray[np.bool_]) -> "SequenceAnswers":
        texts = [self.texts[row] for row in np.flatnonzero(mask).tolist()]
        return SequenceAnswers(texts, self.scores[mask], self.margins[mask], self.tokens[mask], self.cut[mask])


@dataclass(frozen=True)
class SequenceCodec:
    """See `finetrail.targets.codec.Codec`.

    Attributes:
        tokenizer: sacreBLEU's, which divides references and answers into the words that BLEU counts.
        metric: what single answers are judged by: `chrf` or `rougeL`.
        pattern, refusal: see `answer_pattern` and `refusal_pattern` in `finetrail.targets.sequences.settings`.
    """

    tokenizer: str = "13a"
    metric: str = "chrf"
    pattern: str | None = None
    refusal: str | None = None

    @property
    def outputs(self) -> list[str]:
        """None: an answer is made of any tokens."""
        return []

    @property
    def judge(self) -> "SequenceJudge":
        from finetrail.targets.sequences.judge import SequenceJudge

        return SequenceJudge(self)

    @property
    def kinds(self) -> Mapping[str, str]:
        return {"text": "string", "score": "double", "tokens": "long", "cut": "boolean"}

    @property
    def scales(self) -> None:
        """An answer is generated: its outputs are not read as probabilities of anything else."""

    def described(self) -> dict[str, Any]:
        patterns = {"answer_pattern": self.pattern, "refusal_pattern": self.refusal}
        return {"tokenizer": self.tokenizer} | {name: one for name, one in patterns.items() if one is not None}

    def unknown(self, labels: Sequence[str]) -> str:
        return ""  # any text can be asked for

    def broken(self, answers: SequenceAnswers) -> NDArray[np.bool_]:
        return ~np.isfinite(answers.scores)

    def columns(self, answers: SequenceAnswers) -> dict[str, Any]:
        values = (list(answers.texts), answers.scores, answers.margins, answers.tokens, answers.cut)
        return dict(zip(COLUMNS, values, strict=True))

    def read(self, frame: "pd.DataFrame") -> SequenceAnswers:
        missing = [name for name in COLUMNS if name not in frame]
        if missing:
            raise ValueError(f"it has no column {missing[0]!r}")
        return SequenceAnswers(
            frame["text"].tolist(),
            frame["score"].to_numpy(dtype=np.float64),
            frame["margin"].to_numpy(dtype=np.float64),
            frame["tokens"].to_numpy(dtype=np.int64),
            frame["cut"].to_numpy(dtype=np.bool_),
        )

    def say(self, answers: SequenceAnswers) -> dict[str, Any]:
        return {name: values for name, values in self.columns(answers).items() if name in self.kinds}

    def heard(self, said: Mapping[str, Sequence[Any]], known: SequenceAnswers) -> SequenceAnswers:
        return SequenceAnswers(
            [str(text) for text in said["text"]],
            np.array(said["score"], dtype=np.float64),
            known.margins,
            np.array(said["tokens"], dtype=np.int64),
            np.array(said["cut"], dtype=np.bool_),
        )

    def confidence(self, answers: SequenceAnswers) -> Floats:
        """The geometric mean of the probabilities of an answer's tokens."""
        return np.exp(answers.scores)

    def apart(self, one: SequenceAnswers, other: SequenceAnswers) -> Floats:
        """The difference of the scores; of other texts, how far either model was from a tie, where both are right."""
        same = np.array([a == b for a, b in zip(one.texts, other.texts, strict=True)], dtype=np.bool_)
        return np.where(same, np.abs(one.scores - other.scores), np.minimum(one.margins, other.margins))

    @property
    def differing(self) -> str:
        return "another text"

    def differ(self, one: SequenceAnswers, other: SequenceAnswers, theirs: "SequenceCodec") -> NDArray[np.bool_]:
        return np.array([a != b for a, b in zip(one.texts, other.texts, strict=True)], dtype=np.bool_)

    def scale(self, answers: SequenceAnswers) -> float:
        """1, a nat, or the size of the largest score."""
        return float(np.abs(answers.scores).max(initial=1.0))

    def shown(self, answers: SequenceAnswers, row: int) -> str:
        text = answers.texts[row]
        return f"({text[:MOST_SHOWN]!r}{'...' if len(text) > MOST_SHOWN else ''}, score {answers.scores[row]:.4g})"

    def refuse_others(self, champion: "SequenceCodec") -> None:
        """All texts are of one kind."""

    def aligned(self, answers: SequenceAnswers, own: "SequenceCodec") -> SequenceAnswers:
        return answers

    def snippet(self, names: str) -> str:
        return "print(texts)"

    def about(self) -> list[str]:
        return [f"It writes a text. BLEU counts words by sacreBLEU's tokenizer `{self.tokenizer}`."]
