"""What the table of mistakes says: how complete the explanations are, and what their neighbours say."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from finetrail.assessment.explanations.gradients import Attributed
from finetrail.assessment.explanations.neighbours import Verdict, percentile, verdict
from finetrail.targets.judge import Judge


@dataclass(frozen=True)
class Mistake:
    """A wrong answer with its explanation.

    Attributes:
        explained: the output that is.
        attributed: what each of `parts` adds to it.
        neighbours: ids of the nearest training rows; similarities: cosines of their features, the nearest first.
        percentile: see `finetrail.assessment.explanations.neighbours.percentile`.
    """

    id: str
    place: int
    explained: str
    compared: str
    parts: tuple[str, ...]
    attributed: Attributed
    neighbours: tuple[str, ...]
    similarities: tuple[float, ...]
    percentile: float
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """One entry of explanations.json: the heaviest parts, and the neighbours."""
        values = self.attributed.values
        heaviest = np.argsort(-np.abs(values), kind="stable")[:HEAVIEST]
        return {
            "id": self.id,
            "explained": self.explained,
            "output": self.attributed.output,
            "baseline": self.attributed.baseline,
            "completeness_error": self.attributed.error,
            "heaviest": [{"part": self.parts[place], "adds": float(values[place])} for place in heaviest],
            "neighbours": list(self.neighbours),
            "similarities": list(self.similarities),
            "percentile": self.percentile,
            "verdict": self.verdict,
        }


HEAVIEST = 10
"""Parts of a row that explanations.json lists."""


@dataclass(frozen=True)
class Measured:
    """All numbers of the report.

    Attributes:
        rows: of the validation split; wrong: answers that are; None where an answer is neither right nor wrong.
        mistakes: the worst first.
    """

    rows: int
    wrong: int | None
    mistakes: tuple[Mistake, ...]

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """How many mistakes have each."""
        return dict(Counter(one.verdict for one in self.mistakes))

    @property
    def completeness(self) -> tuple[float, float]:
        """The median and the largest error of completeness; 0 where nothing is explained."""
        errors = [one.attributed.error for one in self.mistakes] or [0.0]
        return float(np.median(errors)), max(errors)

    def as_json(self) -> dict[str, Any]:
        """The content of explanations.json."""
        median, largest = self.completeness
        return {
            "rows": self.rows,
            "wrong": self.wrong,
            "explained": len(self.mistakes),
            "labels_in_doubt": self.verdicts.get("label in doubt", 0),
            "never_seen": self.verdicts.get("never seen", 0),
            "median_completeness_error": median,
            "largest_completeness_error": largest,
            # A list: `dvc metrics show` would make a column of every number in a mapping.
            "mistakes": [one.as_json() for one in self.mistakes],
        }


def measured(judge: Judge, answers: Any, table: pd.DataFrame, known: pd.DataFrame) -> Measured:
    """All numbers, from the columns of predictions.parquet and the labels of the training rows.

    Args:
        answers: those of the table.
        known: id and label of the training rows.
    """
    right = judge.right(table["label"].tolist(), answers)
    label_of = dict(zip(known["id"], known["label"], strict=True))
    near = table["nearest"].to_numpy()
    mistakes = []
    for place in np.flatnonzero((table["rank"] >= 0).to_numpy()).tolist():
        row = table.iloc[place]
        percent = percentile(float(near[place]), near)
        others = [label_of[one] for one in row["neighbours"]]
        values = np.asarray(row["attributions"], dtype=np.float64)
        found = Attributed(values, float(row["output"]), float(row["baseline"]))
        said = verdict(judge, row["label"], others, percent)
        parts, ids = tuple(row["parts"]), tuple(row["neighbours"])
        near_by = tuple(float(one) for one in row["similarities"])
        mistakes.append(
            Mistake(row["id"], place, row["explained"], row["compared"], parts, found, ids, near_by, percent, said)
        )
    mistakes.sort(key=lambda one: int(table["rank"].iloc[one.place]))
    return Measured(len(table), None if right is None else int((~right).sum()), tuple(mistakes))


def said(written: Mapping[str, Any]) -> str:
    """The finding in a line. Args: written: the content of explanations.json."""
    if not written["explained"]:
        return f"no wrong answer on {written['rows']} validation rows"
    of = "" if written["wrong"] is None else f" of {written['wrong']}"
    return (
        f"the {written['explained']} worst{of} mistakes on {written['rows']} validation rows: "
        f"{written['labels_in_doubt']} with a label in doubt, {written['never_seen']} like nothing in training; "
        f"attributions add up to within {100 * written['largest_completeness_error']:.1f}%"
    )
