"""Put suggestions into params.yaml: every other line, comment and order of keys stays as it was."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap

from finetrail.commands.recipes import is_edited, write_params
from finetrail.commands.suggest.proposing import Suggestion
from finetrail.config import check_params
from finetrail.errors import ConfigError
from finetrail.starting.document import explain, flow, read, written
from finetrail.workspace import Workspace

SEARCH = "search"


def with_candidates(text: str, suggestions: Sequence[Suggestion]) -> str:
    """The text of params.yaml with the suggested candidates, new ones at the end.

    One that had a search is written anew: what it had opened would have to be closed.
    """
    yaml, document = read(text)
    candidates = document["candidates"]
    for one in suggestions:
        if one.name not in candidates or SEARCH in candidates[one.name]:
            candidates[one.name] = CommentedMap()
        candidate = candidates[one.name]
        for section, values in (("adaptation", one.adaptation), ("train", one.train), (SEARCH, one.search)):
            if values and candidate.get(section):
                candidate[section].update(flow(values))
            elif values:
                candidate[section] = flow(values)
        explain(candidate, "train" if "train" in candidate else "adaptation", one.why)
    return written(yaml, document)


def with_source(text: str, project: str, source: Mapping[str, Any]) -> str:
    """The text of a recipe for another file. Args: source: what differs in section `source`."""
    yaml, document = read(text)
    document["project"] = project
    for key, value in source.items():
        document["source"][key] = flow(value)
    return written(yaml, document)


def diff(before: str, after: str) -> str:
    """A unified diff of params.yaml; empty where nothing changes."""
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(*lines, "params.yaml", "params.yaml as suggested"))


def refuse_edits(workspace: Workspace) -> None:
    """Nothing that a person wrote may be lost. Raises: ConfigError: neither git nor a recipe has this params.yaml."""
    if is_edited(workspace):
        raise ConfigError(
            "params.yaml has edits that `suggest` would overwrite; commit them with `git commit params.yaml`, or see "
            "what would change with `finetrail suggest --diff`"
        )


def write(workspace: Workspace, text: str) -> None:
    """Replace params.yaml, if the new one is valid. Raises: ConfigError: it is not."""
    check_params(workspace.params, text)
    write_params(workspace, text)
