"""The assessments: the sections that `assess` in params.yaml may have. A new one is a folder and a row here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from pydantic import create_model

from finetrail.assessment.attacks.settings import attacks_of
from finetrail.assessment.explanations.settings import explanations_of
from finetrail.assessment.labels.settings import labels_of
from finetrail.assessment.robustness.settings import robustness_of
from finetrail.assessment.shift.settings import Shift
from finetrail.assessment.slices.settings import Slices
from finetrail.assessment.stability.settings import Stability
from finetrail.evaluation.scores.metric import Metric
from finetrail.settings import Settings
from finetrail.tasks.task import Task

if TYPE_CHECKING:
    from pathlib import Path

    from finetrail.assessment.assessed import Given


class Assessing(Protocol):
    """The module of an assessment."""

    def assess(self, given: "Given", settings: Any, folder: "Path") -> str:
        """Write report.html, <name>.json and whatever these are computed from to a folder; returns a line for people.

        Raises:
            ModelError: an answer is NaN or infinite.
        """
        ...

    def said(self, written: Mapping[str, Any]) -> str:
        """The finding in a line, from the content of its JSON file."""
        ...


class Preparing(Assessing, Protocol):
    """The module of an assessment that has something to do before it writes."""

    def prepare(self, given: "Given", settings: Any) -> None:
        """Do what takes long and can be shared: several processes may be here at once, but only one writes.

        Raises:
            TrainingError: a training failed.
        """
        ...


class Comparing(Assessing, Protocol):
    """The module of an assessment that may look at several candidates."""

    def of_each(self, written: Mapping[str, Any], chosen: str, metric: Metric) -> Mapping[str, str]:
        """What it found of each candidate, in a few words.

        Args:
            written: the content of its JSON file.
            chosen: the candidate that it is about.
        """
        ...


@dataclass(frozen=True)
class Kind:
    """A kind of assessment.

    Attributes:
        settings: makes its section for a task.
        module: an `Assessing`, by name.
        prepares: whether the module is a `Preparing`.
        column: what `finetrail compare` calls its finding; with it, the module is a `Comparing`.
    """

    settings: Callable[[Task], type[Settings]]
    module: str
    prepares: bool = False
    column: str = ""

    def load(self) -> Assessing:
        """The module, which may import much."""
        return cast("Assessing", import_module(self.module))

    def prepare(self, given: "Given", settings: Settings) -> None:
        """What the module does before it writes, if anything."""
        if self.prepares:
            cast("Preparing", self.load()).prepare(given, settings)

    def of_each(self, written: Mapping[str, Any], chosen: str, metric: Metric) -> Mapping[str, str]:
        """What the module found of each candidate, if it has a column."""
        return cast("Comparing", self.load()).of_each(written, chosen, metric) if self.column else {}


KINDS: Mapping[str, Kind] = {
    "labels": Kind(labels_of, "finetrail.assessment.labels.assessing"),
    "robustness": Kind(robustness_of, "finetrail.assessment.robustness.assessing", column="mean drop when perturbed"),
    "attacks": Kind(attacks_of, "finetrail.assessment.attacks.attacking"),
    "explanations": Kind(explanations_of, "finetrail.assessment.explanations.assessing"),
    "shift": Kind(lambda _: Shift, "finetrail.assessment.shift.assessing"),
    "slices": Kind(lambda _: Slices, "finetrail.assessment.slices.assessing"),
    "stability": Kind(lambda _: Stability, "finetrail.assessment.stability.assessing", True, "mean and std over seeds"),
}


class Assess(Settings):
    """Section `assess` of params.yaml: one key for each assessment that is wanted; by default none is.

    Each costs more than the pipeline needs, so that nothing is assessed unasked.
    """

    def asked(self) -> dict[str, Settings]:
        """The settings of the assessments that are asked for, by name."""
        return {name: settings for name in KINDS if (settings := getattr(self, name, None)) is not None}


@cache
def assess_of(task: Task) -> type[Assess]:
    """The section as a task has it."""
    fields: dict[str, Any] = {name: (kind.settings(task) | None, None) for name, kind in KINDS.items()}
    made: type[Assess] = create_model("Assess", __base__=Assess, **fields)
    return made
