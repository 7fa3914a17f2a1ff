"""The record of a search: study.json, with every trial, the confirmation over seeds, and the choice.

Light: the report, the choice among candidates and MLflow read it, and none of them needs Optuna.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal

from finetrail.evaluation.scores.metric import Point
from finetrail.runs.dimension import Dimension, Value
from finetrail.workspace import read_json, write_json

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One training of a study.

    Attributes:
        parameters: value of each dimension that was active, by its name.
        value: the metric of the kept epoch, in its own unit; None unless the trial is complete.
        cost: what it costs, in the unit of the study's `cost`; None where the study has none.
        curve: of the validation rows, one point an epoch; of a pruned or failed trial as far as it came.
        reason: why it failed, in a few words.
        kept: taken over from an earlier study with another space.
    """

    number: int
    state: State
    parameters: Mapping[str, Value]
    value: float | None = None
    cost: float | None = None
    curve: tuple[Point, ...] = ()
    seconds: float = 0.0
    seed: int = 0
    epochs: int = 0
    trainable_parameters: int | None = None
    total_parameters: int | None = None
    peak_memory_mb: float | None = None
    reason: str | None = None
    kept: bool = False

    def as_json(self) -> dict[str, Any]:
        """One entry of `trials`."""
        return asdict(self) | {"curve": list(self.curve)}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Trial":
        """Read back what `as_json` returned."""
        return Trial(**{**value, "curve": tuple(value["curve"])})


@dataclass(frozen=True)
class Confirmed:
    """A trial's settings, trained again over seeds. Attributes: number: the trial's; values: one for each seed."""

    number: int
    seeds: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean of its values."""
        return fmean(self.values)

    @property
    def std(self) -> float | None:
        """The standard deviation of its values (n - 1); None of a single one."""
        return stdev(self.values) if len(self.values) > 1 else None

    def as_json(self) -> dict[str, Any]:
        """One entry of `confirmed`."""
        return {
            "number": self.number,
            "seeds": list(self.seeds),
            "values": list(self.values),
            "mean": self.mean,
            "std": self.std,
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Confirmed":
        """Read back what `as_json` returned."""
        return Confirmed(value["number"], tuple(value["seeds"]), tuple(value["values"]))


@dataclass(frozen=True)
class Fold:
    """A search that did without a fold of the training rows.

    Attributes:
        value: the metric of its choice on the validation rows, by which it was chosen.
        held_out: the metric of its choice on the fold, which nothing saw.
    """

    fold: int
    value: float
    held_out: float

    def as_json(self) -> dict[str, Any]:
        """One entry of `nested`."""
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Fold":
        """Read back what `as_json` returned."""
        return Fold(**value)


@dataclass(frozen=True)
class Study:
    """A search that has at least one trial.

    Attributes:
        key: tells the study from others of its candidate; the same while it goes on, so that MLflow's runs are found.
        metric: the name of the task's metric.
        cost: what is searched for besides, lower is better; None where there is one objective.
        tolerance: how much worse in the metric a cheaper trial may be to be chosen; None where there is no cost.
        best: the number of the trial with the best single value; None where none is complete.
        chosen: the number of the trial that is trained to the end, after the confirmation.
        pareto: numbers of the trials that no other beats in both objectives.
        nested: the same search without each fold of the training rows; empty where that was not asked for.
        said: why the chosen one was chosen, in a line.
    """

    key: str
    sampler: str
    pruner: str
    seed: int
    metric: str
    higher_is_better: bool
    space: tuple[Dimension, ...]
    trials: tuple[Trial, ...]
    best: int | None = None
    chosen: int | None = None
    cost: str | None = None
    tolerance: float | None = None
    pareto: tuple[int, ...] = ()
    confirmed: tuple[Confirmed, ...] = ()
    nested: tuple[Fold, ...] = ()
    said: str = ""

    def trial(self, number: int) -> Trial:
        """The trial of that number."""
        return next(one for one in self.trials if one.number == number)

    def last_value(self, one: Trial) -> float | None:
        """The value of a trial, or of one that was stopped early the last of its curve; None where it has none."""
        value = one.value if one.value is not None else one.curve[-1].get(self.metric) if one.curve else None
        return value if value is not None and one.state != "failed" and isfinite(value) else None

    def of(self, state: State) -> list[Trial]:
        """The trials in a state, by number."""
        return sorted((one for one in self.trials if one.state == state), key=lambda one: one.number)

    @property
    def chosen_trial(self) -> Trial:
        """The one that is trained to the end. Raises: ValueError: none is."""
        if self.chosen is None:
            raise ValueError("no trial of this study was chosen")
        return self.trial(self.chosen)

    @property
    def short_names(self) -> dict[str, str]:
        """The name of each dimension without its section, where that tells it from all others."""
        short = {one.name: one.name.partition(".")[2] or one.name for one in self.space}
        return {name: end if list(short.values()).count(end) == 1 else name for name, end in short.items()}

    @property
    def confirmation(self) -> Confirmed | None:
        """The confirmation of the chosen trial, if it was trained again."""
        return next((one for one in self.confirmed if one.number == self.chosen), None)

    @property
    def optimism(self) -> float | None:
        """By how much the best single value looks better than the chosen trial's mean over seeds.

        The best of many values on the same rows is so by luck too (Cawley and Talbot, 2010, JMLR 11). Above 0 means
        that it was too good, whether higher or lower metrics are better; None where nothing was trained again.
        """
        best = None if self.best is None else self.trial(self.best).value
        if self.confirmation is None or best is None:
            return None
        gap = best - self.confirmation.mean
        return gap if self.higher_is_better else -gap

    def as_json(self) -> dict[str, Any]:
        """The content of study.json."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        parts = {name: [one.as_json() for one in plain[name]] for name in _PARTS}
        return plain | parts | {"pareto": list(self.pareto), "optimism": self.optimism}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Study":
        """Read back what `as_json` returned."""
        plain = {one.name: value[one.name] for one in fields(Study)}
        parts = {name: tuple(map(part.from_json, value[name])) for name, part in _PARTS.items()}
        return Study(**plain | parts | {"pareto": tuple(value["pareto"])})


_PARTS: Mapping[str, Any] = {"space": Dimension, "trials": Trial, "confirmed": Confirmed, "nested": Fold}


def read_study(path: Path) -> Study | None:
    """Read study.json; None where nothing was searched.

    That is a study without trials, or no file: earlier versions of finetrail searched nothing and wrote none.
    """
    value = read_json(path) if path.exists() else {"trials": []}
    return Study.from_json(value) if value["trials"] else None


def write_study(study: Study | None, path: Path) -> None:
    """Write study.json. Args: study: None where nothing was searched."""
    write_json(path, {"trials": []} if study is None else study.as_json())
