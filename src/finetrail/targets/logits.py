"""Answers that are a logit (n, K) for each of K named outputs: how they are written down."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.data.shown import for_markdown
from finetrail.errors import RefusedError
from finetrail.evaluation.scores.bootstrap import Floats

if TYPE_CHECKING:
    import pandas as pd

Logits = NDArray[np.floating[Any]]
MOST_SHOWN = 30
"""Names that a model card lists."""


@dataclass(frozen=True)
class NamedLogits:
    """The part of a codec that all such answers have. Attributes: labels: the names, in the order of the outputs."""

    labels: tuple[str, ...]

    @property
    def outputs(self) -> list[str]:
        return list(self.labels)

    @cached_property
    def number_of(self) -> dict[str, int]:
        """The number of each name."""
        return {label: number for number, label in enumerate(self.labels)}

    def described(self) -> dict[str, Any]:
        return {"labels": self.outputs}

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

    def apart(self, one: Logits, other: Logits) -> Floats:
        apart: Floats = np.abs(one.astype(np.float64) - other.astype(np.float64)).max(axis=1)
        return apart

    def scale(self, answers: Logits) -> float:
        return float(np.abs(answers).max(initial=0.0))

    def shown(self, answers: Logits, row: int) -> str:
        values = answers[row]
        return f"({', '.join(f'{value:.4g}' for value in values[:4])}{', ...' if len(values) > 4 else ''})"

    def refuse_others(self, champion: "NamedLogits") -> None:
        """Raise RefusedError if the champion knows other labels than this challenger."""
        more, less = sorted({*self.labels} - {*champion.labels}), sorted({*champion.labels} - {*self.labels})
        parts = [
            f"{what} {names[0]!r}{f' and {len(names) - 1} more' if len(names) > 1 else ''}"
            for what, names in (("only the challenger knows", more), ("only the champion knows", less))
            if names
        ]
        if parts:
            raise RefusedError(f"their labels differ: {'; '.join(parts)}")

    def aligned(self, answers: Logits, own: "NamedLogits") -> Logits:
        return answers[:, [self.number_of[label] for label in own.labels]]

    def about(self) -> list[str]:
        shown = ", ".join(map(for_markdown, self.labels[:MOST_SHOWN]))
        return [f"Labels ({len(self.labels)}): {shown}{' and more' if len(self.labels) > MOST_SHOWN else ''}."]

    def strange(self, names: Iterable[str]) -> str:
        """Which of these names are not outputs, in a few words; empty where all are known."""
        found = sorted(set(names) - set(self.labels))
        return f"the label {found[0]!r}, which is none of the {len(self.labels)}" if found else ""


def likeliest(labels: Sequence[str], chances: Floats, top: int | None = None) -> list[list[dict[str, Any]]]:
    """The names of each row with their probabilities, the likeliest first.

    Args:
        labels: the names, in the order of the outputs.
        chances: the probability of each (n, K).
        top: how many; None: all.
    """
    orders = np.argsort(-chances, axis=1, kind="stable").tolist()
    return [
        [{"label": labels[k], "probability": float(of_row[k])} for k in order[:top]]
        for of_row, order in zip(chances, orders, strict=True)
    ]


def table_per_label(
    labels: Mapping[str, Mapping[str, float]], columns: Sequence[tuple[str, str]], counted: str = "rows"
) -> list[str]:
    """A table for a model card, one line per label; nothing where there are too many.

    Args:
        labels: the values of each.
        columns: titles, and the names of the values.
        counted: what `support` counts.
    """
    if not 0 < len(labels) <= MOST_SHOWN:
        return []
    head = ["label", *(title for title, _ in columns), counted]
    lines = [
        " | ".join([for_markdown(label), *(f"{one[name]:.3f}" for _, name in columns), f"{one['support']:,}"])
        for label, one in labels.items()
    ]
    return ["\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {line} |" for line in lines)])]
