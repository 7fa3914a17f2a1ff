"""The numbers of the report: of the pretrained backbone, and of the chosen model."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.assessment.answered import REMEDY, answer_split, open_split
from finetrail.assessment.assessed import Given
from finetrail.assessment.curves.sample import Sample, sample_of
from finetrail.assessment.nearest import Features, features_of
from finetrail.assessment.shift.settings import Shift
from finetrail.errors import WorkspaceError
from finetrail.evaluation.scores.bootstrap import Draws, Interval
from finetrail.evaluation.shift.classifier import FOLDS, Separation, separation
from finetrail.evaluation.shift.discrepancy import Discrepancy, discrepancy
from finetrail.evaluation.shift.label_shares import label_shares
from finetrail.progress import duration
from finetrail.serving.answer import answers_to
from finetrail.targets.codec import Choosing, refuse_broken
from finetrail.workspace import need

if TYPE_CHECKING:
    from finetrail.tasks.task import Built

TIMED = 16
"""Rows whose features are timed beforehand."""
PRETRAINED, TRAINED = "pretrained", "trained"


@dataclass(frozen=True)
class Apart:
    """How far both sides are apart to a model. Attributes: backbone: `PRETRAINED` or `TRAINED`."""

    backbone: str
    classified: Separation
    kernel: Discrepancy

    def as_json(self) -> dict[str, Any]:
        """One entry of shift.json."""
        return {
            "backbone": self.backbone,
            "auc": self.classified.auc,
            "auc_by_chance": [self.classified.chance.low, self.classified.chance.high],
            "auc_p": self.classified.p,
            "mmd": self.kernel.value,
            "mmd_by_chance": [self.kernel.chance.low, self.kernel.chance.high],
            "mmd_p": self.kernel.p,
        }


@dataclass(frozen=True)
class Share:
    """A class. Attributes: known: its share of the validation rows; estimated: of the rows without labels."""

    label: str
    known: float
    estimated: Interval

    def as_json(self) -> dict[str, Any]:
        """One entry of shift.json."""
        return {"label": self.label, "known": self.known, "estimated": list(vars(self.estimated).values())}


@dataclass(frozen=True)
class Measured:
    """All numbers of the report.

    Attributes:
        own, others: the training rows and those without labels that are compared.
        apart: to each backbone.
        words: that set the others apart from the training rows; empty where contents have no words.
        shares: of classes, the most different first; empty where rows have no class.
    """

    own: Sample
    others: Sample
    apart: tuple[Apart, ...]
    words: tuple[str, ...]
    shares: tuple[Share, ...]

    def furthest(self, most: int) -> list[str]:
        """The ids of the rows without labels that are least like the training rows to the pretrained backbone."""
        ids = self.others.rows["id"].tolist()
        return [ids[place] for place in self.apart[0].classified.furthest(most)]

    def columns(self, name: str) -> dict[str, Any]:
        """The columns of predictions.parquet. Args: name: of the rows without labels."""
        scores = {f"score_{one.backbone}": np.concatenate(one.classified.scores) for one in self.apart}
        sides = ["train"] * len(self.own.rows) + [name] * len(self.others.rows)
        return {"id": [*self.own.rows["id"], *self.others.rows["id"]], "rows": sides, **scores}


def measured(given: Given, settings: Shift) -> Measured:
    """Compare training rows with rows without labels.

    Raises:
        ModelError: an answer is NaN or infinite.
        WorkspaceError: a side has too few rows.
    """
    content = given.built.task.content.name
    folders = (
        need(given.workspace.split("train"), "split"),
        need(given.workspace.unlabelled(settings.rows), "unlabelled"),
    )
    own, others = (sample_of(folder, content, settings.max_rows) for folder in folders)
    _refuse_few(settings.rows, own, others)
    models = {PRETRAINED: _pretrained(given), TRAINED: given.built}
    seconds = sum(_seconds_a_row(given, built, others.values) for built in models.values())
    rows = len(own.rows) + len(others.rows)
    given.tell(f"{rows} rows, by two backbones: about {duration(seconds * rows)}, and some seconds for the tests")
    draws = Draws(settings.permutations, given.pipeline.seed, given.draws.confidence)
    apart = []
    for name, built in models.items():
        one, other = (_features(given, built, side.values).astype(np.float64) for side in (own, others))
        apart.append(Apart(name, separation(one, other, draws), discrepancy(one, other, draws)))
    typical = given.built.task.content.typical(
        [*own.values, *others.values], [False] * len(own.rows) + [True] * len(others.rows)
    )
    return Measured(own, others, tuple(apart), tuple(typical), tuple(_shares(given, others.values)))


def _refuse_few(name: str, own: Sample, others: Sample) -> None:
    for side, sample in (("the training split", own), (f"unlabelled.{name}", others)):
        if len(sample.rows) < FOLDS:
            raise WorkspaceError(
                f"{side} has {len(sample.rows)} rows, but assess.shift needs {FOLDS} of either side; "
                "give it more rows, or remove assess.shift"
            )


def _pretrained(given: Given) -> "Built":
    """The candidate's backbone as it was before the training."""
    from finetrail.inference.device import build_accelerator, fix_seeds

    fix_seeds(given.pipeline.seed)
    built = given.built.task.build(
        given.settings.backbone, given.built.learning, given.workspace.root, given.built.columns
    )
    built.model.to(build_accelerator().device).eval()
    return built


def _features(given: Given, built: "Built", contents: Sequence[Any]) -> Features:
    return features_of(built, contents, scratch=given.workspace.scratch, track=given.track)


def _seconds_a_row(given: Given, built: "Built", contents: Sequence[Any]) -> float:
    first = contents[:TIMED]
    _features(given, built, first)  # the first pass is slower than the others
    started = time.perf_counter()
    _features(given, built, first)
    return (time.perf_counter() - started) / len(first)


def _shares(given: Given, contents: Sequence[Any]) -> list[Share]:
    """The shares of classes, by the answers of the chosen model; the most different first."""
    codec = given.built.codec
    if not isinstance(codec, Choosing):
        return []
    val = open_split(given, "val")
    labels = val.rows["label"].tolist()
    answers = answers_to(given.built, contents, scratch=given.workspace.scratch, track=given.track, what="answering")
    refuse_broken(given.built.codec, answers, "the model", REMEDY)
    of_val, of_others = codec.chances(answer_split(given, val)), codec.chances(answers)
    found = label_shares(codec.numbers(labels), of_val, of_others, given.draws)
    shares = [Share(*one) for one in zip(given.built.codec.outputs, found.source, found.target, strict=True)]
    return sorted(shares, key=lambda one: -abs(one.estimated.value - one.known))


def described(measured: Measured, settings: Shift) -> Mapping[str, Any]:
    """The content of shift.json."""
    return {
        "rows": settings.rows,
        "compared": [len(measured.own.rows), len(measured.others.rows)],
        # Lists: `dvc metrics show` would make a column of every number in a mapping.
        "backbones": [one.as_json() for one in measured.apart],
        "words": list(measured.words),
        "shares": [one.as_json() for one in measured.shares],
        "furthest": measured.furthest(settings.max_shown),
    }
