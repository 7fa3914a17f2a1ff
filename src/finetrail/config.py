"""params.yaml, read once into frozen models. Only the command line sees the whole; a stage gets its own section."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import Field, StringConstraints, model_validator
from pydantic import ValidationError as Invalid
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from finetrail.adaptation.methods import Adaptation
from finetrail.contents.image.rules import ImageNumberValidation, ImageValidation
from finetrail.contents.text.rules import TextNumberValidation, TextValidation
from finetrail.data.sources.place import ImageSource, TextSource
from finetrail.data.splitting.settings import ImageNumberSplit, ImageSplit, TextNumberSplit, TextSplit
from finetrail.errors import ConfigError
from finetrail.evaluation.selection import Selection
from finetrail.gate.settings import Gate
from finetrail.models.backbone_settings import ImageBackbone, TextBackbone
from finetrail.settings import Settings
from finetrail.targets.problem import CLASSIFICATION, PROBLEMS, REGRESSION, ProblemType, problem_of
from finetrail.tasks.registry import TASKS
from finetrail.training.settings import Training

# These names become folders, DVC stage names and MLflow run names.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]


# The sections whose keys depend on what the rows hold, and on what their labels are.
SourceT = TypeVar("SourceT", TextSource, ImageSource)
ValidationT = TypeVar("ValidationT", TextValidation, ImageValidation, TextNumberValidation, ImageNumberValidation)
SplitT = TypeVar("SplitT", TextSplit, ImageSplit, TextNumberSplit, ImageNumberSplit)
BackboneT = TypeVar("BackboneT", TextBackbone, ImageBackbone)


class Candidate(Settings, Generic[BackboneT]):
    """One way to solve the problem: a backbone, a method of adaptation, and how to train.

    In params.yaml a candidate names only what differs: its `backbone` and `train` are laid over the common ones.
    """

    adaptation: Adaptation
    backbone: BackboneT
    train: Training


class Sections(Settings, Generic[SourceT, ValidationT, SplitT, BackboneT]):
    """The whole of params.yaml. No section may be left out, because DVC stops at a missing one; `{}` is all defaults.

    Attributes:
        project: the name of the MLflow experiment and of the registered model.
        task: the Hugging Face name of the task.
        seed: of training; splits and selection have their own.
        backbone, train: what all candidates have in common.
        candidates: by name, in the order in which they are trained.
        gate: of `finetrail promote`; no stage reads it, so that it may be left out.
    """

    project: Name
    task: str
    seed: int = Field(ge=0)
    source: SourceT
    validation: ValidationT
    split: SplitT
    backbone: BackboneT
    train: Training
    candidates: dict[Name, Candidate[BackboneT]] = Field(min_length=1)
    selection: Selection
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _tracked(self) -> Self:
        """Files that DVC does not see could change behind its back: local ones lie where a stage depends on them."""
        addresses = [self.source.path, *(self.source.splits or {}).values()]
        _refuse_untracked("source", [address for address in addresses if address is not None], "data/input")
        weights = [one.backbone.weights_address for one in self.candidates.values()]
        _refuse_untracked("backbone.weights", [address for address in weights if address is not None], "data/weights")
        return self

    @model_validator(mode="after")
    def _augments_what_it_can(self) -> Self:
        column = TASKS[self.task].column
        if column != "image" and any(one.train.augment.active for one in self.candidates.values()):
            raise ValueError(f"train.augment varies pictures, and {self.task} has {column}; remove it")
        return self

    @model_validator(mode="after")
    def _is_judged_by_its_own(self) -> Self:
        """Metrics, losses and what belongs to losses are those of the task's kind of problem."""
        problem = TASKS[self.task].problem
        metrics = [metric.name for metric in problem.metrics]
        for section, metric in (("selection", self.selection.metric), ("gate", self.gate.metric)):
            _of_the_task(metric, f"{section}.metric", self.task, metrics, problem_of(metric).noun)
        self.gate.refuse_slices(TASKS[self.task].column, problem)
        for name, one in self.candidates.items():
            place, train = f"candidates.{name}.train", one.train
            _of_the_task(train.metric, f"{place}.metric", self.task, metrics, problem_of(train.metric).noun)
            for other in PROBLEMS.values():
                if other is problem:
                    continue
                _of_the_task(train.loss, f"{place}.loss", self.task, problem.losses, other.noun)
                # A key that says what it does anyway may stand there: run.json holds them all.
                for key in other.own_keys:
                    if getattr(train, key) != Training.model_fields[key].default:
                        raise ValueError(f"{place}.{key} is for {other.noun}, and {self.task} is none; remove it")
        return self

    @model_validator(mode="after")
    def _adapts_what_it_can(self) -> Self:
        column = TASKS[self.task].column
        for name, one in self.candidates.items():
            if one.adaptation.texts_only and column != "text":
                method = one.adaptation.method
                raise ValueError(
                    f"candidates.{name}.adaptation.method {method!r} is for texts, and {self.task} has {column}; "
                    "use another"
                )
        return self


def _of_the_task(value: str, key: str, task: str, allowed: Sequence[str], owner: str) -> None:
    """Refuse what another kind of problem has."""
    if value not in allowed:
        raise ValueError(f"{key} {value!r} is for {owner}, and {task} has {' or '.join(allowed)}; use one of these")


TextParams = Sections[TextSource, TextValidation, TextSplit, TextBackbone]
ImageParams = Sections[ImageSource, ImageValidation, ImageSplit, ImageBackbone]
TextNumberParams = Sections[TextSource, TextNumberValidation, TextNumberSplit, TextBackbone]
ImageNumberParams = Sections[ImageSource, ImageNumberValidation, ImageNumberSplit, ImageBackbone]
Params = TextParams | ImageParams | TextNumberParams | ImageNumberParams
# By the column of the task's raw values, and the kind of problem that it is.
SECTIONS: dict[tuple[str, ProblemType], type[Params]] = {
    ("text", CLASSIFICATION.name): TextParams,
    ("image", CLASSIFICATION.name): ImageParams,
    ("text", REGRESSION.name): TextNumberParams,
    ("image", REGRESSION.name): ImageNumberParams,
}


def _refuse_untracked(section: str, addresses: list[str], folder: str) -> None:
    for address in addresses:
        path = PurePosixPath(address)
        if "://" not in address and (path.parts[:2] != PurePosixPath(folder).parts or ".." in path.parts):
            raise ValueError(
                f"{section} {address!r} is not in {folder}/, where DVC would notice a change; "
                f"move it there and `dvc add {folder}/{path.name}`"
            )


def load_params(path: Path) -> Params:
    """Read and check params.yaml.

    Raises:
        ConfigError: the file is missing, is no YAML, or holds a key or value that is not allowed.
    """
    if not path.exists():
        raise ConfigError(
            f"{path} does not exist; copy one of recipes/ with `finetrail use NAME`, or go to the workspace's folder"
        )
    try:
        # YAML 1.2, as DVC reads it: 1e-3 is a number, and `no` is a word.
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path.name}{line}: {error.problem or error.context}; correct the YAML there") from error
    except YAMLError as error:
        cause = " ".join(str(error).split())
        raise ConfigError(f"{path.name}: {cause}; correct the YAML there") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{path.name} holds {type(raw).__name__}, not sections; copy one of recipes/ with `finetrail use NAME`"
        )
    try:
        return _sections(raw).model_validate(_with_common(_with_defaults(raw)))
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error
    except Invalid as error:
        raise ConfigError(f"{path.name}: {_describe(error)}") from error


def _sections(raw: dict[str, Any]) -> type[Params]:
    """The sections that the file has to have: its task decides."""
    if "task" not in raw:
        raise ConfigError("task is missing; it has no default")
    if raw["task"] not in list(TASKS):
        raise ConfigError(f"task is {raw['task']!r}: unknown task; use one of {', '.join(TASKS)}")
    entry = TASKS[raw["task"]]
    return SECTIONS[entry.column, entry.problem.name]


def _with_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    """Lay the file over those defaults that depend on the kind of problem."""
    problem = TASKS[raw["task"]].problem
    defaults = {
        "train": {"loss": problem.losses[0], "metric": problem.metric.name},
        "selection": {"metric": problem.metric.name},
        "gate": {"metric": problem.metric.name},
    }
    raw = {"gate": {}} | raw
    laid = {name: default | raw[name] for name, default in defaults.items() if isinstance(raw.get(name), dict)}
    return raw | laid


def _with_common(raw: dict[str, Any]) -> dict[str, Any]:
    """Lay each candidate's own `backbone` and `train` over the common ones."""
    candidates = raw.get("candidates")
    if not isinstance(candidates, dict):
        return raw
    laid = {}
    for name, candidate in candidates.items():
        laid[name] = candidate
        if isinstance(candidate, dict):
            sections = {}
            for section in ("backbone", "train"):
                common, own = raw.get(section) or {}, candidate.get(section) or {}
                sections[section] = common | own if isinstance(common, dict) and isinstance(own, dict) else own
            laid[name] = candidate | sections
    return raw | {"candidates": laid}


def _describe(error: Invalid) -> str:
    """The first fault in one line: where, what stands there, what is allowed."""
    faults = error.errors()
    # A fault in a common section shows once more in each candidate: it counts once, where it was written.
    common = [fault["loc"] for fault in faults if fault["loc"][:1] != ("candidates",)]
    faults = [
        fault for fault in faults if not any(place and fault["loc"][2:][: len(place)] == place for place in common)
    ]
    first = min(faults, key=lambda fault: fault["loc"][:1] == ("candidates",))
    place = first["loc"]
    if place[2:3] == ("adaptation",):
        place = place[:3] + place[4:]  # without the name of the method, which is no key of the file
    where = ".".join(map(str, place))
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    if first["type"] == "missing":
        return f"{where} is missing; it has no default{more}"
    if first["type"] == "union_tag_not_found":
        return f"{where}.method is missing; it has no default{more}"
    if first["type"] == "union_tag_invalid":
        return f"{where}.method is {first['ctx']['tag']!r}: must be one of {first['ctx']['expected_tags']}{more}"
    value = "" if isinstance(first["input"], dict) else f" is {first['input']!r}"
    return f"{where}{value}: {message}{more}" if where else f"{message}{more}"
