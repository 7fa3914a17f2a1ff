"""`finetrail suggest`: what it reads, what it writes, and what it prints."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from finetrail.commands.columns import aligned
from finetrail.commands.recipes import recipes
from finetrail.commands.suggest.budget import said_seconds
from finetrail.commands.suggest.guesses import guess_of
from finetrail.commands.suggest.proposing import Suggested
from finetrail.commands.suggest.rows import INPUT, need_splits, place_of, rows_of
from finetrail.commands.suggest.suggesting import suggest
from finetrail.commands.suggest.writing import diff, refuse_edits, with_candidates, with_source, write
from finetrail.config import load_params
from finetrail.errors import ConfigError
from finetrail.programs.run import Say
from finetrail.progress import Track
from finetrail.starting.writing import project_of
from finetrail.workspace import Workspace

RECIPE = "own-table"
"""What a bare file starts from."""


@dataclass(frozen=True)
class Asked:
    """Attributes: content, label: columns of the file, where a person named them. only_show: write nothing."""

    minutes: float
    file: Path | None = None
    content: str | None = None
    label: str | None = None
    only_show: bool = False


@dataclass(frozen=True)
class Done:
    """Attributes: changed: a unified diff of params.yaml. moved: where the file was put; empty if it was there."""

    suggested: Suggested
    changed: str
    moved: str = ""


def run(workspace: Workspace, asked: Asked, say: Say, track: Track) -> Done:
    """Measure, and write params.yaml and the file's copy in data/input, unless they are only to be shown.

    Raises:
        ConfigError: params.yaml has edits that would be lost, or is not valid.
        SourceError: the file's columns cannot be told.
        WorkspaceError: there are no rows to measure on.
    """
    if not asked.only_show:
        refuse_edits(workspace)
    before = workspace.params.read_text(encoding="utf-8") if workspace.params.exists() else ""
    with _start(workspace, asked, before, say) as (place, text, rows):
        suggested = suggest(rows, load_params(rows.params), asked.minutes, say, track)
    after = with_candidates(text, suggested.candidates)
    moved = ""
    if not asked.only_show:
        if asked.file is not None and not (workspace.root / place).exists():
            (workspace.root / INPUT).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(asked.file, workspace.root / place)
            moved = place
        write(workspace, after)
    return Done(suggested, diff(before, after), moved)


@contextmanager
def _start(workspace: Workspace, asked: Asked, before: str, say: Say) -> Iterator[tuple[str, str, Workspace]]:
    """Where the file is to lie, the params.yaml to begin with, and a workspace with its rows."""
    file = asked.file
    if file is None:
        if asked.content or asked.label:
            raise ConfigError("--text and --label are for a file; of this workspace, source.columns names them")
        load_params(workspace.params)  # before a missing split is told of
        yield "", before, need_splits(workspace)
        return
    recipe = recipes(workspace).get(RECIPE)
    if recipe is None:
        raise ConfigError(f"recipes/{RECIPE}.yaml, which a bare file starts from, does not exist; restore it with git")
    guessed = guess_of(file, asked.content, asked.label)
    say(f"{file.name}: {guessed.said}")
    named = load_params(recipe).source.columns
    place = place_of(workspace, file)
    source = {"path": place, "columns": {named.contents[0]: guessed.content, named.labels[0]: guessed.label}}
    source |= {"csv": guessed.csv} if guessed.csv else {}
    text = with_source(recipe.read_text(encoding="utf-8"), project_of(file.name), source)
    with rows_of(workspace, file, text) as rows:
        yield place, text, rows


def table(done: Done) -> Iterator[Text]:
    """A line for each candidate, and why others are left out."""
    titles = ["candidate", "rate", "batch", "trainings", "each", "memory", "why"]
    rows = [
        [
            one.name,
            _said(one.train.get("learning_rate")),
            str(one.batch),
            str(one.trainings),
            said_seconds(one.seconds),
            f"{one.memory / 2**30:.1f} GiB",
            one.why,
        ]
        for one in done.suggested.candidates
    ]
    yield from aligned(titles, rows)
    for name, why in done.suggested.left_out.items():
        yield Text(f"{name} is left out: {why}")
    yield Text(f"all trainings together: about {said_seconds(done.suggested.seconds)}")


def _said(rate: object) -> str:
    """A rate, or the range that is searched."""
    if isinstance(rate, dict):
        low, high = rate["log"]
        return f"{low:g} to {high:g}"
    return "as it was" if rate is None else f"{rate:g}"
