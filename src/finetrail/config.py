"""params.yaml, read once into frozen models. Only the command line sees the whole; a stage gets its own section."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator
from pydantic import ValidationError as Invalid
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from finetrail.adaptation.methods import Adaptation
from finetrail.data.rules import Validation
from finetrail.data.sources import Source
from finetrail.data.splits import Split
from finetrail.errors import ConfigError
from finetrail.evaluation.selection import Selection
from finetrail.models.backbone import TextBackbone
from finetrail.settings import Settings
from finetrail.tasks.registry import TASKS
from finetrail.training.settings import Training

# These names become folders, DVC stage names and MLflow run names.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]


class Candidate(Settings):
    """One way to solve the problem: a backbone, a method of adaptation, and how to train.

    In params.yaml a candidate names only what differs: its `backbone` and `train` are laid over the common ones.
    """

    adaptation: Adaptation
    backbone: TextBackbone
    train: Training


class Params(Settings):
    """The whole of params.yaml.

    Attributes:
        project: the name of the MLflow experiment and of the registered model.
        task: the Hugging Face name of the task.
        seed: of training; splits and selection have their own.
        backbone, train: what all candidates have in common.
        candidates: by name, in the order in which they are trained.
    """

    project: Name
    task: str
    seed: int = Field(0, ge=0)
    source: Source
    validation: Validation = Validation()
    split: Split = Split()
    backbone: TextBackbone
    train: Training = Training()
    candidates: dict[Name, Candidate] = Field(min_length=1)
    selection: Selection = Selection()

    @field_validator("task")
    @classmethod
    def _known_task(cls, task: str) -> str:
        if task not in TASKS:
            raise ValueError(f"unknown task; use one of {', '.join(TASKS)}")
        return task


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
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{path.name} holds {type(raw).__name__}, not sections; copy one of recipes/ with `finetrail use NAME`"
        )
    try:
        return Params.model_validate(_with_common(raw))
    except Invalid as error:
        raise ConfigError(f"{path.name}: {_describe(error)}") from error


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
    # A fault in a common section shows once more in each candidate: name it where it was written.
    faults = sorted(error.errors(), key=lambda fault: fault["loc"][:1] == ("candidates",))
    first = faults[0]
    others = [fault for fault in faults[1:] if fault["loc"][2:] != first["loc"]]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    more = f" (and {len(others)} more)" if others else ""
    if first["type"] == "unknown_key":
        return f"{where + ': ' if where else ''}{message}{more}"
    if first["type"] == "missing":
        return f"{where} is missing; it has no default{more}"
    value = "" if isinstance(first["input"], dict) else f" is {first['input']!r}:"
    return f"{where}{value} {message}{more}"
