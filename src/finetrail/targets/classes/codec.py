"""How the answers of a classifier are written down: logits (n, K), one of the K classes a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.errors import RefusedError
from finetrail.evaluation.scores.bootstrap import Floats, Ints
from finetrail.targets.classes.metrics import log_softmax

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.classes.judge import ClassJudge

Logits = NDArray[np.floating[Any]]
MOST_SHOWN = 30
"""Classes whose names a model card lists."""


@dataclass(frozen=True)
class ClassCodec:
    """See `finetrail.targets.target.Codec`. Attributes: labels: the classes, in the order of the outputs."""

    labels: tuple[str, ...]

    @property
    def outputs(self) -> list[str]:
        return list(self.labels)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {label: number for number, label in enumerate(self.labels)}

    @property
    def judge(self) -> "ClassJudge":
        from finetrail.targets.classes.judge import ClassJudge

        return ClassJudge(self)

    def described(self) -> dict[str, Any]:
        return {"labels": self.outputs}

    def numbers(self, labels: Sequence[str]) -> Ints:
        """Class numbers (n,) of known labels."""
        return np.array([self._number[label] for label in labels], dtype=np.int64)

    def unknown(self, labels: Sequence[str]) -> str:
        strange = sorted(set(labels) - set(self.labels))
        return f"the label {strange[0]!r}, which is none of the {len(self.labels)}" if strange else ""

    def broken(self, answers: Logits) -> NDArray[np.bool_]:
        return np.asarray((~np.isfinite(answers)).any(axis=1), dtype=np.bool_)

    def columns(self, answers: Logits) -> dict[str, Any]:
        return {"logits": list(answers)}

    def read(self, frame: "pd.DataFrame") -> Logits:
        if "logits" not in frame:
            raise ValueError("it has no column 'logits'")
        sizes = {len(one) for one in frame["logits"]}
        if sizes - {len(self.labels)}:
            raise ValueError(f"it has {min(sizes)} logits a row for {len(self.labels)} labels")
        return np.stack(frame["logits"].tolist()) if len(frame) else np.zeros((0, len(self.labels)), dtype=np.float32)

    def say(self, answers: Logits) -> dict[str, Any]:
        probabilities = np.exp(log_softmax(answers))
        best = probabilities.argmax(axis=1)
        return {"label": [self.labels[number] for number in best], "score": probabilities.max(axis=1)}

    def apart(self, one: Logits, other: Logits) -> Floats:
        apart: Floats = np.abs(one.astype(np.float64) - other.astype(np.float64)).max(axis=1)
        return apart

    def scale(self, answers: Logits) -> float:
        return float(np.abs(answers).max(initial=0.0))

    def shown(self, answers: Logits, row: int) -> str:
        values = answers[row]
        return f"({', '.join(f'{value:.4g}' for value in values[:4])}{', ...' if len(values) > 4 else ''})"

    def refuse_others(self, champion: "ClassCodec") -> None:
        refuse_other_labels(champion.labels, self.labels)

    def aligned(self, answers: Logits, own: "ClassCodec") -> Logits:
        return answers[:, [self.labels.index(label) for label in own.labels]]

    def snippet(self, names: str) -> str:
        return f"print([{names}[number] for number in logits.argmax(1).tolist()])"

    def about(self) -> list[str]:
        return [listed(self.labels)]


def refuse_other_labels(champion: Sequence[str], challenger: Sequence[str]) -> None:
    """Raise RefusedError where two models do not know the same labels."""
    more, less = sorted(set(challenger) - set(champion)), sorted(set(champion) - set(challenger))
    parts = [
        f"{what} {names[0]!r}{f' and {len(names) - 1} more' if len(names) > 1 else ''}"
        for what, names in (("the challenger alone knows", more), ("the champion alone knows", less))
        if names
    ]
    if parts:
        raise RefusedError(f"their labels are not the same: {'; '.join(parts)}")


def listed(labels: Sequence[str]) -> str:
    """The names of labels, for a model card."""
    shown = ", ".join(f"`{label}`" for label in labels[:MOST_SHOWN])
    return f"Labels ({len(labels)}): {shown}{' and more' if len(labels) > MOST_SHOWN else ''}."


def table_per_class(classes: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Precision, recall and F1 of each class, as a table of a model card; nothing where there are too many."""
    if not 0 < len(classes) <= MOST_SHOWN:
        return []
    lines = [
        f"| {_cell(label)} | {one['precision']:.3f} | {one['recall']:.3f} | {one['f1']:.3f} | {one['support']:,} |"
        for label, one in classes.items()
    ]
    return ["\n".join(["| label | precision | recall | F1 | rows |", "|---|---|---|---|---|", *lines])]


def _cell(label: str) -> str:
    return label.replace("|", "\\|").replace("\n", " ")
