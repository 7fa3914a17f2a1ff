"""Rows of a file with the answers of a model beside them: what `finetrail predict` does with a chunk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from finetrail.commands.scorer import Scorer
from finetrail.data.sources.kept import as_stored_text
from finetrail.data.sources.unlabelled import Unlabelled
from finetrail.errors import ConfigError, DataError
from finetrail.targets.options import Options
from finetrail.tasks.task import Task

EXCERPT = 200
"""Characters of a text that the rejects file shows."""
ROW = "row"
"""The column with the number of a row in the source, by which the rejects are named too."""
_TRUTH = ("label", "labels")
"""Columns that hold the truth in most tables: an answer is never called so."""


@dataclass(frozen=True)
class Answering:
    """A model, with what a caller asks of it and has beside the answers.

    Attributes:
        columns: of the source, those that are scored.
        shown: those that the scored file has, in its order.
    """

    scorer: Scorer
    options: Options
    columns: Sequence[str]
    shown: Sequence[str]

    @property
    def kinds(self) -> dict[str, str]:
        """The columns of an answer as they are called here, and their types; see `finetrail.serving.answer_types`."""
        found = {ROW: "long", **self.scorer.kinds, **self.options.added}
        return {self._called(name): kind for name, kind in found.items()}

    def scored(self, chunk: list[Unlabelled]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows with their answers, and the rows without, with row number and reason."""
        frame, bad = self._answers(chunk)
        good = [one for place, one in enumerate(chunk) if place not in bad]
        refused = [chunk[place] for place in sorted(bad)]
        given = {name: self._column(good, name) for name in self.shown}
        answers = {self._called(name): values for name, values in frame.items()}
        found = pd.DataFrame({**given, self._called(ROW): _numbers(good), **answers})
        excerpts = {name: pd.Series([*map(_excerpt, self._column(refused, name))], dtype=str) for name in self.shown}
        renamed = {f"given_{name}" if name in (ROW, "reason") else name: texts for name, texts in excerpts.items()}
        reasons = pd.Series([bad[place] for place in sorted(bad)], dtype=str)
        return found, pd.DataFrame({ROW: _numbers(refused), **renamed, "reason": reasons})

    def _called(self, answer: Any) -> str:
        """The name of a column of answers beside those of the caller."""
        name = f"predicted_{answer}" if answer in _TRUTH else str(answer)
        while name in self.shown:
            name = f"predicted_{name}"
        return name

    def _column(self, rows: list[Unlabelled], name: str) -> "pd.Series[Any]":
        if name in self.columns:
            return pd.Series([one.given[name] for one in rows], dtype=str)
        return pd.Series([one.kept.get(name) for one in rows], dtype=object)

    def _answers(self, chunk: list[Unlabelled]) -> tuple[pd.DataFrame, dict[int, str]]:
        """The answers to what can be scored, and why the others cannot, by their place in the chunk."""
        bad = {place: one.problem for place, one in enumerate(chunk) if one.problem}
        places = [place for place in range(len(chunk)) if place not in bad]
        contents = [_renamed(chunk[place].content, self.scorer.columns) for place in places]
        try:
            return self.scorer.answer(contents, self.options), bad
        except DataError:
            # Search for faults only now: checking first would decode all images twice.
            found = self.scorer.task.content.faults(contents)
            if not found:
                raise
            bad |= {places[at]: reason for at, reason in found.items()}
            left = [content for at, content in enumerate(contents) if at not in found]
            return self.scorer.answer(left, self.options), bad


def options_of(task: Task, asked: Mapping[str, Any]) -> Options:
    """The options of a task, as somebody asks for them; see `finetrail.targets.options`.

    Raises:
        ConfigError: the task has no such option, or a value is out of its bounds.
    """
    kind = task.target.Options
    for name in asked:
        if name not in kind.model_fields:
            known = ", ".join(kind.model_fields) or "none"
            raise ConfigError(f"{task.name} has no option {name!r}; leave it out (its options: {known})")
    try:
        return kind.of(asked)
    except DataError as error:
        raise ConfigError(str(error)) from error


def _numbers(rows: list[Unlabelled]) -> "pd.Series[int]":
    return pd.Series([one.row for one in rows], dtype="int64")


def _excerpt(value: Any) -> str:
    return (as_stored_text(value) or "")[:EXCERPT]


def _renamed(content: Any, columns: Sequence[str]) -> Any:
    """A content of several columns, under the names that the model uses."""
    return dict(zip(columns, content.values(), strict=True)) if isinstance(content, dict) else content
