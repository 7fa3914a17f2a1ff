"""The text of a params.yaml, changed key by key: every other line, comment and order of keys stays as it was."""

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter


class _Explicit(RoundTripRepresenter):
    """Writes `null` where ruamel would leave nothing."""

    def represent_none(self, data: None) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Explicit.add_representer(type(None), _Explicit.represent_none)


def read(text: str) -> tuple[YAML, Any]:
    """A document, and what writes it."""
    yaml = YAML()
    yaml.Representer = _Explicit
    yaml.preserve_quotes = True
    yaml.width = 4096  # lines stay as long as they are
    return yaml, yaml.load(text)


def written(yaml: YAML, document: Any) -> str:
    """The text of a document."""
    file = io.StringIO()
    yaml.dump(document, file)
    return file.getvalue()


def flow(value: Any) -> Any:
    """A value in one line: {learning_rate: {log: [1e-4, 1e-2]}}."""
    if isinstance(value, Mapping):
        found = CommentedMap({key: flow(one) for key, one in value.items()})
        found.fa.set_flow_style()
        return found
    if isinstance(value, list | tuple):
        listed = CommentedSeq(map(flow, value))
        listed.fa.set_flow_style()
        return listed
    return value


def explain(holder: Any, key: str, why: str) -> None:
    """Put a comment behind a value, or behind its first line where it has several; it replaces an older one."""
    inner = holder[key]
    if isinstance(inner, CommentedMap) and not inner.fa.flow_style() and inner:
        holder, key = inner, next(iter(inner))
    older = (holder.ca.items.get(key) or [None] * 3)[2]
    below = older.value.partition("\n")[2] if older else ""  # blank lines and comments that follow
    holder.yaml_add_eol_comment(why, key)
    if below:
        holder.ca.items[key][2].value += "\n" + below
