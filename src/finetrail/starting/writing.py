"""A recipe with the choices for a user's data, as the text of params.yaml."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml.comments import CommentedMap

from finetrail.data.shown import for_terminal
from finetrail.starting.document import explain, flow, read, written
from finetrail.starting.shape import NOTHING, Choice, Shape

_SECTION = re.compile(r"\n+(?=(source|validation|split|backbone|train|candidates|selection|gate):)")
_ABOVE = re.compile(r"\A(#.*\n)*")


def params_of(recipe: str, shape: Shape, given: str, project: str, choices: Iterable[Choice]) -> str:
    """The text of params.yaml.

    Args:
        recipe: the text of the shape's.
        given: the name of what a person gave, for the comment above.
        project: what the file's name makes of it.
    """
    yaml, document = read(_ABOVE.sub("", recipe))
    document["project"] = project
    name, problem = shape.task
    document["task"] = flow({"name": name, "problem_type": problem}) if problem else name
    document["source"] = CommentedMap()
    for choice in choices:
        _set(document, choice)
    above = (
        f"# From {_line(given)}: {shape.looks}.\n"
        f"# Written by `finetrail init` over the recipe {shape.recipe}; every line is yours.\n"
    )
    return above + _SECTION.sub("\n\n", written(yaml, document))


def project_of(name: str) -> str:
    """A name for MLflow and the registry from that of a file."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name.partition(".")[0] or name).strip("-")[:64]
    return plain or "mine"


def _set(document: Any, choice: Choice) -> None:
    holder = document
    *above, last = choice.keys
    for key in above:
        if not isinstance(holder.get(key), Mapping):
            holder[key] = CommentedMap()
        elif not holder[key] and holder[key].fa.flow_style():
            holder[key].fa.set_block_style()
        holder = holder[key]
    if choice.value is NOTHING:
        holder.pop(last, None)
        return
    holder[last] = flow(choice.value)
    if choice.why:
        explain(holder, last, _line(choice.why))


def _line(text: str) -> str:
    """A comment's text in one line, whatever a column is called."""
    return " ".join(for_terminal(text).split())
