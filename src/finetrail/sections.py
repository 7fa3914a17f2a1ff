"""The sections of params.yaml. What they may hold depends on the task: its content and target add keys."""

import re
from functools import cache
from pathlib import PurePosixPath
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, create_model, model_validator

from finetrail.assessment.kinds import Assess, assess_of
from finetrail.assessment.shift.settings import Shift
from finetrail.contents.content import Backbone
from finetrail.data.sources.place import Source
from finetrail.data.sources.without_labels import WithoutLabels
from finetrail.data.splitting.settings import Split
from finetrail.data.validation.rules import CommonRules
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Selection
from finetrail.evaluation.slices import SliceName, refuse_unkept
from finetrail.gate.settings import Gate
from finetrail.search.candidate import Searched
from finetrail.settings import Settings, joined
from finetrail.targets.choice import TargetChoice, TargetName
from finetrail.targets.target import metric_named
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import POOLED, Task
from finetrail.training.settings import Training

# These names become folders, DVC stage names and MLflow run names.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]


class TaskChoice(Settings):
    """Section `task` of params.yaml; a name alone means the first kind of problem of that task.

    Attributes:
        name: the Hugging Face name of the task.
        problem_type: Hugging Face's word for the kind of problem, for a task that may have several.
        targets: what a model learns at once, by name, for a task that has several targets.
        metric: what selection, gate and training go by, unless their own sections say otherwise.
    """

    name: str
    problem_type: str | None = None
    targets: dict[TargetName, TargetChoice] = Field(default_factory=dict)
    metric: str | None = None

    @property
    def task(self) -> Task:
        """The task. Raises: ConfigError: there is none."""
        return get_task(self.name, self.problem_type).of({name: one.problem_type for name, one in self.targets.items()})

    @model_validator(mode="after")
    def _is_judged_by_its_own(self) -> Self:
        _refuse_foreign("metric", self.metric, self.task)
        return self


class Params(Settings):
    """The whole of params.yaml. No section may be left out, because DVC stops at a missing one; `{}` is all defaults.

    Attributes:
        project: the name of the MLflow experiment and of the registered model.
        seed: for training; splits and selection have their own.
        backbone, train: the settings that all candidates share.
        candidates: by name, in the order in which they are trained.
        unlabelled: sets of rows without labels that candidates may learn from; none by default.
        assess: what else to learn about the chosen model; nothing by default.
        gate: for `finetrail promote`; no stage reads it, so it may be left out.
    """

    project: Name
    task: TaskChoice
    seed: int = Field(ge=0)
    source: Source
    validation: CommonRules
    split: Split
    unlabelled: dict[Name, WithoutLabels] = Field(default_factory=dict)
    backbone: Backbone
    train: Training
    candidates: dict[Name, Searched] = Field(min_length=1)
    selection: Selection
    assess: Assess = Field(default_factory=Assess)
    gate: Gate

    def metric(self, name: str) -> Metric:
        """A metric of the task."""
        return metric_named(self.task.task.target.metrics, name)

    @property
    def judged_by(self) -> Gate:
        """Section `gate`, with the slices of section `selection` beside its own."""
        return self.gate.model_copy(update={"slices": {**self.selection.slices, **self.gate.slices}})

    @model_validator(mode="after")
    def _tracked(self) -> Self:
        """Local files must lie where a stage depends on them: elsewhere they could change without DVC noticing."""
        _refuse_untracked("source", self.source.addresses, "data/input")
        for name, one in self.unlabelled.items():
            _refuse_untracked(f"unlabelled.{name}.path", [one.path], "data/input")
        points = [point for one in self.candidates.values() for point in one.points]
        for place, candidate in self.candidates.items():
            for point in candidate.points:
                if point.distillation is not None:
                    point.distillation.refuse_elsewhere(f"candidates.{place}.distillation")
        weights = [one.backbone.weights_address for one in points]
        _refuse_untracked("backbone.weights", [address for address in weights if address is not None], "data/weights")
        return self

    @model_validator(mode="after")
    def _is_judged_by_its_own(self) -> Self:
        _refuse_foreign("selection.metric", self.selection.metric, self.task.task)
        _refuse_foreign("gate.metric", self.gate.metric, self.task.task)
        refuse_unkept(self.source.columns.metadata, selection=self.selection.slices, gate=self.gate.slices)
        return self

    @model_validator(mode="after")
    def _has_the_seeds_to_choose_by(self) -> Self:
        if self.selection.criterion.factor is None:
            return self
        for name, one in self.candidates.items():
            if one.train.seeds < 2:
                raise ValueError(
                    f"selection.by is {self.selection.by!r}, but candidates.{name} trains with one seed, which has no "
                    "standard deviation; set train.seeds to 2 or more, or selection.by to value"
                )
        return self

    @model_validator(mode="after")
    def _assesses_what_there_is(self) -> Self:
        for section, settings in self.assess.asked().items():
            baseline, named = getattr(settings, "baseline", None), getattr(settings, "candidates", None)
            if baseline is not None and baseline not in self.candidates:
                raise ValueError(
                    f"assess.{section}.baseline is {baseline!r}, which is no candidate; use one of "
                    f"{', '.join(self.candidates)}"
                )
            for name in named if isinstance(named, list) else ():
                if name not in self.candidates:
                    raise ValueError(
                        f"assess.{section}.candidates names {name!r}, which is no candidate; name some of "
                        f"{', '.join(self.candidates)}"
                    )
        return self

    @model_validator(mode="after")
    def _has_the_rows_without_labels(self) -> Self:
        task = self.task.task
        for section, settings in self.assess.asked().items():
            if isinstance(settings, Shift):
                self._refuse_unknown_rows(f"assess.{section}.rows", settings.rows)
        if (validator := self.selection.validator) is not None:
            self._refuse_unknown_rows("selection.validator.rows", validator.rows)
            validator.refuse_unfit(task.name, task.target.offers, self.assess.asked())
        for name, one in self.candidates.items():
            if one.auxiliary is not None and task.features != POOLED:
                raise ValueError(
                    f"candidates.{name}.auxiliary compares rows by one vector each, and {task.name} has none; remove it"
                )
            section = "auxiliary" if one.auxiliary is not None else "distillation"
            for point in one.points:
                if point.unlabelled is not None:
                    self._refuse_unknown_rows(f"candidates.{name}.{section}.rows", point.unlabelled)
        return self

    def _refuse_unknown_rows(self, where: str, rows: str) -> None:
        if rows not in self.unlabelled:
            known = f"use one of {', '.join(self.unlabelled)}" if self.unlabelled else "add it there"
            raise ValueError(f"{where} is {rows!r}, which section unlabelled does not have; {known}")

    @model_validator(mode="after")
    def _adapts_what_it_can(self) -> Self:
        task = self.task.task
        points = [(name, point) for name, one in self.candidates.items() for point in one.points]
        for name, one in points:
            for section in ("adaptation", "auxiliary", "distillation"):
                asked = getattr(one, section)
                lacking = sorted(asked.needs - task.content.offers - task.target.offers) if asked else ()
                if lacking:
                    method = getattr(asked, "method", None)
                    what, remedy = (f".method {method!r}", "use another") if method else ("", "remove it")
                    raise ValueError(
                        f"candidates.{name}.{section}{what} needs {lacking[0]}, but {task.name} has none; {remedy}"
                    )
        return self


@cache
def sections(task: Task) -> type[Params]:
    """The model of a task's params.yaml: each section joins the keys of the task's content and target."""
    content, target = task.content, task.target
    columns = _columns(task)
    source = _made("Source", content.Source, columns=(columns, columns()))
    source.labels = target
    split = _made("Split", content.Split)
    split.strata = target.strata
    train = joined("Training", content.training(target.in_place, target.objects), target.Training, Training)
    backbone: Any = content.backbone(task.features)
    candidate: Any = _made("Candidate", Searched, backbone=(backbone, ...), train=(train, ...))
    slice_of: Any = task.slice
    declared: Any = (dict[SliceName, slice_of], Field(default_factory=dict))
    made: type[Params] = _made(
        "Params",
        Params,
        source=(source, ...),
        # The target's part first: of an entry that both have from their base, its own stands.
        validation=(joined("Validation", target.Rules, content.Rules), ...),
        split=(split, ...),
        backbone=(backbone, ...),
        train=(train, ...),
        candidates=(dict[Name, candidate], Field(min_length=1)),
        selection=(_made("Selection", Selection, slices=declared), ...),
        assess=(assess_of(task), Field(default_factory=assess_of(task))),
        gate=(_made("Gate", Gate, slices=declared), ...),
    )
    return made


def _columns(task: Task) -> Any:
    """The section of columns, with the defaults that the task has of its own."""
    found = joined("Columns", task.content.Columns, task.target.Columns)
    own = {name: (found.model_fields[name].annotation, default) for name, default in task.columns.items()}
    return _made("Columns", found, **own) if own else found


def _made(name: str, base: type[Settings], **fields: Any) -> Any:
    """A section with more keys than its base. `Any`, because a type checker cannot know a type made at run time."""
    return create_model(name, __base__=base, **fields)


def _of_the_hub(address: str) -> str:
    """The address of the hub that may have been meant: OWNER/NAME, or the NAME of its oldest models."""
    return f"; of the hub, it is hf://{address}" if re.fullmatch(r"[\w-]+(/[\w.-]+)?", address) else ""


def _refuse_foreign(key: str, metric: str | None, task: Task) -> None:
    known = [one.name for one in task.target.metrics]
    if metric not in (None, *known):
        raise ValueError(f"{key} is {metric!r}, but {task.name} is judged by {' or '.join(known)}; use one of these")


def _refuse_untracked(section: str, addresses: list[str], folder: str) -> None:
    for address in addresses:
        path = PurePosixPath(address)
        if "://" not in address and (path.parts[:2] != PurePosixPath(folder).parts or ".." in path.parts):
            raise ValueError(
                f"{section} {address!r} is not in {folder}/, where DVC would notice a change; "
                f"move it there and `dvc add {folder}/{path.name}`{_of_the_hub(address)}"
            )
