"""How good the answers to several targets are: each as its own kind is judged, and the mean of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.several.codec import Outputs, SeveralCodec
from finetrail.targets.several.parts import Label, known, leading
from finetrail.targets.several.settings import MEAN
from finetrail.targets.suspicion import Suspicion

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.evaluation.report.section import Section
    from finetrail.targets.judge import Judge
    from finetrail.targets.several.evaluation import SeveralEvaluation

Labels = Sequence[Label]


@dataclass(frozen=True)
class OfTarget:
    """The rows that have a label of one target. Attributes: places: of all rows; answers: to these rows."""

    name: str
    judge: "Judge"
    places: list[int]
    labels: list[Any]
    answers: Outputs


@dataclass(frozen=True)
class SeveralJudge:
    """See `finetrail.targets.judge.Judge`. A row counts for the targets that it has a label of."""

    codec: SeveralCodec
    row_error: ClassVar[Metric] = Metric("relative_error", "error, where the best constant answer has 1", lower=True)

    @property
    def by_group(self) -> bool:
        return any(part.judge.by_group for part in self.codec.parts.values())

    def of_targets(self, labels: Labels, answers: Outputs) -> list[OfTarget]:
        """The rows of each target."""
        found = []
        for name, part in self.codec.parts.items():
            places, of_target = known(labels, name)
            found.append(OfTarget(name, part.judge, places, of_target, self.codec.of(answers, name)[places]))
        return found

    def facts(self, labels: Labels, answers: Outputs) -> Floats:
        """For each target whether a row has a label of it, then the facts of its kind, 0 without one (n, S)."""
        found = []
        for one in self.of_targets(labels, answers):
            facts = one.judge.facts(one.labels, one.answers)
            of_rows = np.zeros((len(labels), 1 + facts.shape[1]))
            of_rows[one.places, 0] = 1
            of_rows[one.places, 1:] = facts
            found.append(of_rows)
        return np.concatenate(found, axis=1)

    def scores(self, facts: Floats, drawn: Ints) -> dict[str, Floats]:
        """Metrics by target and name, and their mean; NaN for a target that no row has a label of."""
        found: dict[str, Floats] = {}
        leads: list[Floats] = []
        start = 0
        for name, part in self.codec.parts.items():
            like = part.judge.facts([], np.zeros((0, len(part.outputs))))
            own, start = facts[:, start : start + 1 + like.shape[1]], start + 1 + like.shape[1]
            scores = self._scores(name, own, drawn, like.dtype)
            found |= {f"{name}.{metric}": values for metric, values in scores.items()}
            leads.append(scores[leading(self.codec.targets[name]).name])
        lead = np.stack(leads)
        counted = np.isfinite(lead)
        total = np.where(counted, lead, 0).sum(axis=0)
        # A target without rows has no say; without any, there is no mean.
        found[MEAN.name] = np.where(counted.any(axis=0), total / counted.sum(axis=0).clip(1), np.nan)
        return found

    def _scores(self, name: str, own: Floats, drawn: Ints, dtype: np.dtype[Any]) -> dict[str, Floats]:
        has = own[:, 0] > 0
        target, judge = self.codec.targets[name], self.codec.parts[name].judge
        if not has.any():
            return {metric.name: np.full(len(drawn), np.nan) for metric in target.metrics}
        of_target = drawn[:, has]
        # Rows with a label may be so few that a resample has none: it then counts each once, as the sample does.
        return judge.scores(own[has, 1:].astype(dtype), np.where(of_target.any(axis=1, keepdims=True), of_target, 1))

    def right(self, labels: Labels, answers: Outputs) -> NDArray[np.bool_] | None:
        """Where every label of a row is right; None where the answers to a target are neither right nor wrong."""
        found = np.ones(len(labels), dtype=np.bool_)
        for one in self.of_targets(labels, answers):
            right = one.judge.right(one.labels, one.answers)
            if right is None:
                return None
            found[one.places] &= right
        return found

    def row_errors(self, labels: Labels, answers: Outputs) -> Floats:
        """The mean over the targets of a row, each as a share of what the best constant answer is off by."""
        total, counted = np.zeros(len(labels)), np.zeros(len(labels))
        for one in self.of_targets(labels, answers):
            if one.labels:
                unit = one.judge.row_errors(one.labels, one.judge.constant(one.labels)).mean()
                total[one.places] += one.judge.row_errors(one.labels, one.answers) / (unit or 1.0)
                counted[one.places] += 1
        found: Floats = total / counted.clip(1)
        return found

    def alike(self, label: Label, other: Label) -> bool | None:
        """Whether they say the same of every target that both have a label of; None where there is none."""
        found = [
            part.judge.alike(label[name], other[name])
            for name, part in self.codec.parts.items()
            if label.get(name) is not None and other.get(name) is not None
        ]
        if not found or None in found:
            return None
        return all(found)

    def constant(self, labels: Labels) -> Outputs:
        """The best constant of each target, by the rows that have its label."""
        found = np.zeros((len(labels), len(self.codec.outputs)))
        for one in self.of_targets(labels, found):
            if one.labels:
                found[:, self.codec.places[one.name]] = one.judge.constant(one.labels)[:1]
        return found

    def rivals(self, asked: SplitRows, known: Callable[[], SplitRows]) -> Mapping[str, Any]:
        """None: the first gate compares with the best constant."""
        return {}

    def by_content(self, asked: SplitRows, answers: Outputs, draws: Draws) -> "list[Section]":
        return []

    def groups(self, labels: Labels, answers: Outputs) -> Mapping[str, tuple[NDArray[np.bool_], NDArray[Any]]]:
        return {
            f"{group} ({one.name})": (
                _spread(counts, one.places, len(labels)),
                _spread(right, one.places, len(labels)),
            )
            for one in self.of_targets(labels, answers)
            for group, (counts, right) in one.judge.groups(one.labels, one.answers).items()
        }

    def errors(self, labels: Labels, answers: Outputs) -> Mapping[str, float]:
        return {
            f"{error} ({one.name})": value
            for one in self.of_targets(labels, answers)
            if one.labels
            for error, value in one.judge.errors(one.labels, one.answers).items()
        }

    def evaluate(
        self, rows: "pd.DataFrame", answers: Outputs, draws: Draws, trained: Mapping[str, Any]
    ) -> "SeveralEvaluation":
        from finetrail.targets.several.evaluation import evaluate

        return evaluate(self, rows, answers, draws, trained)

    def suspicion(self, labels: Labels, answers: Outputs) -> Suspicion:
        """As suspicious as its most suspicious label; a suggestion replaces those that are probably wrong."""
        quality, flagged = np.ones(len(labels)), np.zeros(len(labels), dtype=np.bool_)
        suggested: list[dict[str, Any] | None] = [None] * len(labels)
        for one in self.of_targets(labels, answers):
            if not one.labels:
                continue
            found = one.judge.suspicion(one.labels, one.answers)
            quality[one.places] = np.minimum(quality[one.places], found.quality)
            flagged[one.places] |= found.flagged
            for place, other in zip(one.places, found.suggestions, strict=True):
                if other is not None:
                    suggested[place] = {**(suggested[place] or labels[place]), one.name: other}
        return Suspicion(quality, flagged, suggested)

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        found = []
        for name, part in self.codec.parts.items():
            paragraphs = part.judge.told(_own(tested, name))
            found += [f"Target {name}:", *paragraphs] if paragraphs else []
        return found

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        return [
            f"Of {name}: {sentence}"
            for name, part in self.codec.parts.items()
            for sentence in part.judge.limits(_own(tested, name))
        ]


def _own(tested: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a details.json says of one target."""
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in tested.items() if key.startswith(start)}


def _spread(values: NDArray[Any], places: list[int], rows: int) -> NDArray[Any]:
    """Values of some rows among all; 0 for the others."""
    found = np.zeros(rows, dtype=values.dtype)
    found[places] = values
    return found
