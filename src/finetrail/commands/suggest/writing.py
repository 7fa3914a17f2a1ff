"""Put suggestions into params.yaml: every other line, comment and order of keys stays as it was."""

import difflib
import io
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter

from finetrail.commands.recipes import recipes
from finetrail.commands.suggest.proposing import Suggestion
from finetrail.config import load_params
from finetrail.errors import ConfigError
from finetrail.programs.git import Repository
from finetrail.workspace import Workspace

SEARCH = "search"


def with_candidates(text: str, suggestions: Sequence[Suggestion]) -> str:
    """The text of params.yaml with the suggested candidates, new ones at the end.

    One that had a search is written anew: what it had opened would have to be closed.
    """
    yaml, document = _read(text)
    candidates = document["candidates"]
    for one in suggestions:
        if one.name not in candidates or SEARCH in candidates[one.name]:
            candidates[one.name] = CommentedMap()
        candidate = candidates[one.name]
        for section, values in (("adaptation", one.adaptation), ("train", one.train), (SEARCH, one.search)):
            if values and candidate.get(section):
                candidate[section].update(_flow(values))
            elif values:
                candidate[section] = _flow(values)
        _explain(candidate, "train" if "train" in candidate else "adaptation", one.why)
    return _written(yaml, document)


def with_source(text: str, project: str, path: str, columns: Mapping[str, str]) -> str:
    """The text of a recipe for another file. Args: columns: the file's, by those that the recipe names."""
    yaml, document = _read(text)
    document["project"] = project
    source = document["source"]
    source["path"] = path
    for role, named in source["columns"].items():
        source["columns"][role] = columns.get(named, named)
    return _written(yaml, document)


def diff(before: str, after: str) -> str:
    """A unified diff of params.yaml; empty where nothing changes."""
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(*lines, "params.yaml", "params.yaml as suggested"))


def refuse_edits(workspace: Workspace) -> None:
    """Nothing that a person wrote may be lost. Raises: ConfigError: neither git nor a recipe has this params.yaml."""
    if not workspace.params.exists():
        return
    current = workspace.params.read_bytes()
    git = Repository(workspace.root)
    committed = git.show("HEAD", workspace.params.name) == current
    if not committed and all(path.read_bytes() != current for path in recipes(workspace).values()):
        raise ConfigError(
            "params.yaml has edits that `suggest` would overwrite; commit them with `git commit params.yaml`, or see "
            "what would change with `finetrail suggest --diff`"
        )


def write(workspace: Workspace, text: str) -> None:
    """Replace params.yaml, if the new one is valid. Raises: ConfigError: it is not."""
    partial = workspace.params.with_name("params.yaml.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        load_params(partial)
        partial.replace(workspace.params)
    finally:
        partial.unlink(missing_ok=True)


def _explain(candidate: CommentedMap, section: str, why: str) -> None:
    """Put a comment behind a section, or behind its first line where it has several; it replaces an older one."""
    written = candidate[section]
    holder, key = (candidate, section) if written.fa.flow_style() else (written, next(iter(written)))
    older = (holder.ca.items.get(key) or [None] * 3)[2]
    below = older.value.partition("\n")[2] if older else ""  # blank lines and comments that follow
    holder.yaml_add_eol_comment(why, key)
    if below:
        holder.ca.items[key][2].value += "\n" + below


class _Explicit(RoundTripRepresenter):
    """Writes `null` where ruamel would leave nothing."""

    def represent_none(self, data: None) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Explicit.add_representer(type(None), _Explicit.represent_none)


def _read(text: str) -> tuple[YAML, Any]:
    yaml = YAML()
    yaml.Representer = _Explicit
    yaml.preserve_quotes = True
    yaml.width = 4096  # lines stay as long as they are
    return yaml, yaml.load(text)


def _written(yaml: YAML, document: Any) -> str:
    file = io.StringIO()
    yaml.dump(document, file)
    return file.getvalue()


def _flow(value: Any) -> Any:
    """A value in one line: {learning_rate: {log: [1e-4, 1e-2]}}."""
    if isinstance(value, Mapping):
        found = CommentedMap({key: _flow(one) for key, one in value.items()})
        found.fa.set_flow_style()
        return found
    if isinstance(value, list | tuple):
        listed = CommentedSeq(map(_flow, value))
        listed.fa.set_flow_style()
        return listed
    return value
