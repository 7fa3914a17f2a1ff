"""params.yaml, read once into frozen models. Only the command line sees the whole; a stage gets its own section."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError as Invalid
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from finetrail.data.shown import for_terminal
from finetrail.errors import ConfigError
from finetrail.sections import Params, TaskChoice, sections
from finetrail.settings import Settings
from finetrail.tasks.registry import get_task


def check_params(path: Path, text: str) -> None:
    """Check a text that is to become params.yaml, before it does. Raises: ConfigError: see `load_params`."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        load_params(partial)
    except ConfigError as error:
        raise ConfigError(str(error).replace(partial.name, path.name, 1)) from error
    finally:
        partial.unlink(missing_ok=True)


class _Chosen(Settings):
    """The section that must be read first: the rest depends on it."""

    task: TaskChoice


def load_params(path: Path) -> Params:
    """Read and check params.yaml.

    Raises:
        ConfigError: the file is missing, is not YAML, or holds a key or value that is not allowed.
    """
    if not path.exists():
        raise ConfigError(
            f"{path} does not exist; copy a recipe with `finetrail use NAME`, or change to the workspace's folder"
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
            f"{path.name} holds {type(raw).__name__}, not sections; copy a recipe with `finetrail use NAME`"
        )
    try:
        chosen = _Chosen.model_validate({"task": _task_of(raw)}).task
        raw = raw | {"task": chosen.model_dump()}
        return sections(chosen.task).model_validate(_with_common(_with_defaults(raw, chosen)))
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error
    except Invalid as error:
        raise ConfigError(f"{path.name}: {_describe(error)}") from error


def _task_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Section `task` as a mapping; a name alone is short for one."""
    if "task" not in raw:
        raise ConfigError("task is missing; it has no default")
    given = raw["task"]
    return given if isinstance(given, dict) else {"name": get_task(given).name}


def _with_defaults(raw: dict[str, Any], chosen: TaskChoice) -> dict[str, Any]:
    """Lay the file over the defaults that depend on the task."""
    target = chosen.task.target
    judged = {"metric": chosen.metric or target.metrics[-1].name, "resamples": target.resamples}
    defaults = {"selection": judged, "gate": judged, "train": {"metric": chosen.metric} if chosen.metric else {}}
    raw = {"gate": {}} | raw
    return raw | {name: of | raw[name] for name, of in defaults.items() if isinstance(raw.get(name), dict)}


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
                sections[section] = _over(common, own)
            laid[name] = candidate | sections
    return raw | {"candidates": laid}


def _over(common: Any, own: Any) -> Any:
    """A candidate's section over the common one; of a choice among sections, each option."""
    if not isinstance(common, dict) or not isinstance(own, dict):
        return own
    if isinstance(own.get("choice"), list):
        return own | {"choice": [_over(common, option) for option in own["choice"]]}
    return common | own


def _describe(error: Invalid) -> str:
    """The first fault in one line: the place, the value, what is allowed."""
    faults = error.errors()
    # A fault in a common section shows up again in each candidate: report it once, where it was written.
    common = [fault["loc"] for fault in faults if fault["loc"][:1] != ("candidates",)]
    faults = [
        fault for fault in faults if not any(place and fault["loc"][2:][: len(place)] == place for place in common)
    ]
    first = min(faults, key=lambda fault: fault["loc"][:1] == ("candidates",))
    place = first["loc"]
    if place[2:3] == ("adaptation",):
        place = place[:3] + place[4:]  # the method's name is not a key of the file
    where = ".".join(for_terminal(str(part)) for part in place)
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
