"""The settings of a search: section `search` of a candidate."""

from typing import Literal

from pydantic import Field, model_validator

from finetrail.settings import Settings

DATABASE = "FINETRAIL_STUDIES"
"""The environment variable with the address of the database in which machines share studies, for SQLAlchemy.

It is no setting in params.yaml, because it holds a password.
"""
DATABASE_FORM = "postgresql+psycopg2://USER:PASSWORD@HOST/NAME"
LARGEST_GRID = 10_000
"""Points. A larger grid is a mistake: TPE with as many trials as anyone would wait for finds more."""


class Budget(Settings):
    """How much to try: one of the two.

    Attributes:
        trials: in all, those of earlier starts included.
        minutes: of training, summed over all trials and divided by `processes`.
    """

    trials: int | None = Field(None, ge=1)
    minutes: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _is_one(self) -> "Budget":
        if (self.trials is None) == (self.minutes is None):
            raise ValueError("a budget is a number of trials or of minutes; write {trials: 30} or {minutes: 20}")
        return self


class Confirm(Settings):
    """Train the best again, because the best of many on the same rows is so by luck too.

    Attributes:
        top: how many trials.
        seeds: how often each, with seeds that the search has not used.
    """

    top: int = Field(3, ge=1)
    seeds: int = Field(3, ge=2)


class Search(Settings):
    """Section `search` of a candidate.

    Attributes:
        sampler: `grid`; `random`; `tpe`, a tree-structured Parzen estimator (Bergstra et al. 2011; Falkner et al.
            2018); `gp`, a Gaussian process; `cmaes` (Hansen & Ostermeier 2001).
        pruner: `none`; `median` stops a trial below the median of the others at the same evaluation; `hyperband` (Li et
            al. 2018); `wilcoxon` compares the trainings of a trial with those of the best one, seed by seed.
        budget: null: 30 trials, or all points of a grid.
        stop_early: end where what more trials may gain is less than the noise of the metric (Makarova et al. 2022).
        confirm: train the best trials again with further seeds and choose by their mean; null: the best trial as it is.
        seeds: trainings a trial; its value is their mean.
        processes: how many work on trials at once on this machine.
        cost: also search for a low one, and choose the cheapest that gives up at most `tolerance` of the metric:
            `latency` of a row, total `parameters` or `seconds` of training; null: the metric alone counts.
        tolerance: in the unit of the metric.
        nested: search once more without each of so many folds of the training rows, and score each choice on the fold:
            what such a search is worth on rows that it did not see (Varma & Simon 2006); null: no.
    """

    sampler: Literal["grid", "random", "tpe", "gp", "cmaes"] = "tpe"
    pruner: Literal["none", "median", "hyperband", "wilcoxon"] = "none"
    budget: Budget | None = None
    stop_early: bool = False
    confirm: Confirm | None = Field(default_factory=Confirm)
    seeds: int = Field(1, ge=1)
    processes: int = Field(1, ge=1)
    cost: Literal["latency", "parameters", "seconds"] | None = None
    tolerance: float = Field(0.01, ge=0)
    nested: int | None = Field(None, ge=2)

    @property
    def trials(self) -> int | None:
        """The most trials; None: minutes, or the grid, decide."""
        if self.budget is not None:
            return self.budget.trials
        return None if self.sampler == "grid" else 30

    @property
    def minutes(self) -> float | None:
        """The most minutes of training; None: no limit."""
        return None if self.budget is None else self.budget.minutes

    @model_validator(mode="after")
    def _wilcoxon_has_pairs(self) -> "Search":
        if self.pruner == "wilcoxon" and self.seeds < 5:
            raise ValueError(
                f"wilcoxon compares trials seed by seed, and {self.seeds} tells nothing apart; set search.seeds to 5 "
                "or more, or search.pruner to median"
            )
        return self

    @model_validator(mode="after")
    def _one_metric_is_pruned_by(self) -> "Search":
        if self.cost is not None and self.pruner != "none":
            raise ValueError(
                f"{self.pruner} cannot judge a trial by metric and {self.cost} before it ends; set search.pruner to "
                "none"
            )
        if self.cost is not None and self.stop_early:
            raise ValueError("stop_early knows one metric, not a cost; set search.stop_early to false")
        return self
