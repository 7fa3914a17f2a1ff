"""docker/compose.yaml as data: as it is written, and with its variables filled in as Docker fills them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[1]
COMPOSE = REPOSITORY / "docker" / "compose.yaml"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<how>:[-?])(?P<text>[^}]*))?\}")


def as_written() -> dict[str, Any]:
    """The file, with merge keys resolved."""
    read: dict[str, Any] = YAML(typ="safe").load(COMPOSE.read_text(encoding="utf-8"))
    return read


def services(values: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The services with `${...}` filled in.

    Raises:
        KeyError: one that the file requires has no value, as Docker refuses to start.
    """
    return {name: _fill(service, values) for name, service in as_written()["services"].items()}


def variables() -> dict[str, str]:
    """The name of each `${...}` and how it is given: `:?` is required, `:-` has a default."""
    return {found["name"]: found["how"] for found in _VARIABLE.finditer(COMPOSE.read_text(encoding="utf-8"))}


def waits_for_its_end(name: str, others: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a service is one that runs once: others wait until it has ended, or it is not started again."""
    conditions = [other.get("depends_on", {}).get(name, {}).get("condition") for other in others.values()]
    return "service_completed_successfully" in conditions or others[name].get("restart") == "no"


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _value(found, values), value).replace("$$", "$")
    if isinstance(value, dict):
        return {key: _fill(one, values) for key, one in value.items()}
    return [_fill(one, values) for one in value] if isinstance(value, list) else value


def _value(found: re.Match[str], values: Mapping[str, str]) -> str:
    given = values.get(found["name"], "")
    if not given and found["how"] == ":?":
        raise KeyError(found["name"])
    return given or (found["text"] if found["how"] == ":-" else "")
