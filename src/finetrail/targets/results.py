"""A candidate's answers to the validation rows as `train` left them, and whether two can be compared. Numpy alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetrail.errors import WorkspaceError
from finetrail.evaluation.scores.bootstrap import Draws, Resampled, bootstrap
from finetrail.evaluation.selection import Selection
from finetrail.run_paths import RunPaths
from finetrail.targets.codec import Codec, refuse_broken
from finetrail.targets.target import Target

if TYPE_CHECKING:
    import pandas as pd

REMEDY = "lower its learning rate, train it in fp32, or remove it"
"""For answers that are NaN or infinite."""


@dataclass(frozen=True)
class Run:
    """The answers of one training. Attributes: codec: its own, with what its validation answers decided."""

    codec: Codec
    answers: Any


@dataclass(frozen=True)
class Result:
    """The results of `train` for one candidate.

    Attributes:
        rows: id, label, and group if there are groups.
        further: its trainings with further seeds.
    """

    candidate: str
    codec: Codec
    rows: "pd.DataFrame"
    answers: Any
    trainable: int
    total: int
    further: tuple[Run, ...] = ()

    @property
    def runs(self) -> tuple[Run, ...]:
        """All its trainings, the one of its model first."""
        return (Run(self.codec, self.answers), *self.further)

    @property
    def cost(self) -> tuple[int, int, str]:
        """Sorts the cheapest first; the name makes the order total."""
        return (self.trainable, self.total, self.candidate)


def result_of(paths: RunPaths, target: Target, metrics: Mapping[str, Any], frame: "pd.DataFrame") -> Result:
    """Put the files of one run together.

    Args:
        paths: of the run; its folder has the name of the candidate.
        metrics: the content of its details.json.
        frame: its predictions.parquet.

    Raises:
        ModelError: a prediction is NaN or infinite.
        WorkspaceError: there are no rows, or they do not belong to this task or to these metrics.
    """
    candidate = paths.root.name
    if not len(frame):
        raise WorkspaceError(f"{paths.predictions} has no rows, but a candidate is chosen by them: run `dvc repro`")
    try:
        codec = target.codec(metrics["target"])
        answers = codec.read(frame)
    except (KeyError, ValueError) as error:
        raise WorkspaceError(
            f"{paths.predictions} does not belong to this task, or to the run of details.json ({error}): "
            "run `dvc repro`"
        ) from error
    refuse_broken(codec, answers, f"candidate {candidate!r}", REMEDY)
    if unknown := codec.unknown(frame["label"].tolist()):
        raise WorkspaceError(f"{paths.predictions} holds {unknown} in {paths.details}: run `dvc repro`")
    return Result(
        candidate=candidate,
        codec=codec,
        rows=frame[[name for name in ("id", "label", "group") if name in frame]],
        answers=answers,
        trainable=int(metrics["parameters"]["trainable"]),
        total=int(metrics["parameters"]["total"]),
    )


def further_of(paths: RunPaths, target: Target, metrics: Mapping[str, Any], frame: "pd.DataFrame") -> tuple[Run, ...]:
    """The trainings with further seeds, which details.json lists.

    Args:
        frame: seeds.parquet.

    Raises:
        ModelError: a prediction is NaN or infinite.
    """
    found = []
    for one in metrics["seeds"]:
        codec = target.codec(one["target"])
        answers = codec.read(frame[frame["seed"] == one["seed"]].reset_index(drop=True))
        refuse_broken(codec, answers, f"candidate {paths.root.name!r} with seed {one['seed']}", REMEDY)
        found.append(Run(codec, answers))
    return tuple(found)


def refuse_other_rows(results: Sequence[Result]) -> None:
    """Refuse to compare candidates that did not answer the same questions: a paired difference would mean nothing.

    Raises:
        WorkspaceError: one has other labels or validation rows than the first.
    """
    for other in results[1:]:
        _same_rows(results[0], other)


def cheapest_first(results: Iterable[Result]) -> list[Result]:
    """The order in which candidates are scored: among equal values, the first is the cheapest."""
    return sorted(results, key=lambda one: one.cost)


def resampled(results: Sequence[Result], settings: Selection) -> Resampled:
    """All metrics of all candidates, on the same resamples of their rows.

    Args:
        results: in the order of `cheapest_first`: the draws depend on it, and equal candidates get equal intervals.
    """
    return resampled_runs(results[0].rows, [one.runs[0] for one in results], settings)


def resampled_runs(rows: "pd.DataFrame", runs: Sequence[Run], settings: Selection) -> Resampled:
    """The same of any trainings. Args: rows: that all of them answered."""
    first = runs[0].codec
    groups = rows["group"].tolist() if first.judge.by_group and "group" in rows else None
    draws = Draws(settings.resamples, settings.seed, settings.confidence)
    # Each has decided for itself, such as on thresholds: one judge for all must be told so.
    answers = [run.answers if run.codec is first else run.codec.aligned(run.answers, first) for run in runs]
    return bootstrap(first.judge, rows["label"].tolist(), answers, draws, groups=groups)


def _same_rows(one: Result, other: Result) -> None:
    names = f"candidates {one.candidate!r} and {other.candidate!r}"
    rule = "they are compared row by row: run `dvc repro`, so that both are trained on the same split"
    own, others = one.codec.outputs, other.codec.outputs
    if own != others:
        raise WorkspaceError(f"{names} have different labels ({len(own)} and {len(others)}), but {rule}")
    if len(one.rows) != len(other.rows):
        raise WorkspaceError(f"{names} have {len(one.rows)} and {len(other.rows)} validation rows, but {rule}")
    pairs = zip(_known(one), _known(other), strict=True)
    for row, (left, right) in enumerate(pairs, start=1):
        if left != right:
            rows = f"{left[0]!r} ({left[1]!r}) and {right[0]!r} ({right[1]!r})"
            raise WorkspaceError(f"validation row {row} of {names} is {rows}, but {rule}")


def _known(result: Result) -> list[tuple[str, Any]]:
    return list(zip(result.rows["id"].tolist(), result.rows["label"].tolist(), strict=True))
