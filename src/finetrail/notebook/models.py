"""A trained model that answers, by its name or its folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from finetrail.commands.scorer import Scorer, open_scorer
from finetrail.commands.scoring import options_of
from finetrail.config import load_params
from finetrail.notebook.places import own_environment, workspace_at
from finetrail.quiet import quiet_libraries
from finetrail.registry.meant import model_meant
from finetrail.serving.rows import rows_of

Rows = Sequence[Any] | pd.DataFrame | pd.Series


@dataclass(frozen=True)
class Model:
    """A trained model that answers. Attributes: name: which it is, for people."""

    name: str
    _scorer: Scorer

    def __repr__(self) -> str:
        return f"<finetrail.Model {self.name}: {self._scorer.task.name}>"

    @property
    def task(self) -> str:
        """The name of its task, as in params.yaml."""
        return self._scorer.task.name

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what it reads."""
        return self._scorer.columns

    def predict(self, rows: Rows, **options: Any) -> pd.DataFrame:
        """The answers, one row for each that is given, with its index where it has one.

        Args:
            rows: texts, or images as bytes, paths, arrays (H, W), (H, W, 3) of uint8 or PIL's; dicts or a frame where
                the model reads several columns, of which it takes its own, or the only one.
            options: those of the task, such as `probabilities=True` or `top=3` for classes.

        Returns:
            The columns that the registered model answers with.

        Raises:
            ConfigError: the task has no such option.
            DataError: a row cannot be read; the message names it.
        """
        scorer = self._scorer
        asked = options_of(scorer.task, options)
        index = rows.index if isinstance(rows, pd.DataFrame | pd.Series) else None
        sent = rows_of(scorer.task.content, scorer.columns, frame_of(rows, scorer.columns))
        found = scorer.answer(scorer.task.content.receive(sent, True), asked)
        return found if index is None else found.set_index(index)


def load(model: str | None = None, *, folder: str | Path = ".") -> Model:
    """Load a model of a workspace; a registered one, after all its files were checked against its seal.

    Args:
        model: a number, an alias, models:/NAME@ALIAS, a candidate, or a folder; by default the champion, else the
            version of the workspace.
        folder: the workspace.

    Raises:
        ConfigError: it is no address, or the workspace has no params.yaml.
        RefusedError: there is no such version.
        TrackingError: the registry does not answer, or the files are not what was registered.
    """
    quiet_libraries()
    workspace = workspace_at(folder)
    if model is not None and not workspace.params.exists() and Path(model).is_dir():  # a saved one, outside of any
        return read_model(Path(model))
    with own_environment():
        uri, said = model_meant(workspace, load_params(workspace.params).project, model)
        with open_scorer(workspace, uri) as scorer:
            return Model(said, scorer)


def read_model(folder: Path) -> Model:
    """Load a folder that holds a model. Raises: ModelError: it holds none."""
    with open_scorer(workspace_at(), str(folder)) as scorer:
        return Model(str(folder), scorer)


def frame_of(rows: Rows, columns: Sequence[str]) -> pd.DataFrame:
    """Rows as a frame. Args: columns: the first one names values that are given without a name."""
    if isinstance(rows, pd.DataFrame):
        return rows
    values = list(rows)
    if values and all(isinstance(one, dict) for one in values):
        return pd.DataFrame(values)
    return pd.DataFrame({columns[0]: pd.Series(values, dtype=object)})
