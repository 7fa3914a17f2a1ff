"""Section `gate:` of params.yaml. Imports no numpy, because `config.py` needs it in every process."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from finetrail.settings import Settings
from finetrail.targets.problem import REGRESSION, MetricName, Problem

Share = Annotated[float, Field(ge=0, le=1)]


class Slice(Settings):
    """Rows of the test split that are judged apart: those that meet all that is given.

    Attributes:
        group, label: the values that are meant.
        min_characters, max_characters: of texts.
    """

    group: list[str] | None = Field(default=None, min_length=1)
    label: list[str] | None = Field(default=None, min_length=1)
    min_characters: int | None = Field(default=None, ge=0)
    max_characters: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"a slice needs one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def by_length(self) -> bool:
        """Whether it asks for the length of texts."""
        return self.min_characters is not None or self.max_characters is not None


class Gate(Settings):
    """Section `gate:` of params.yaml. The default of `metric` depends on the task: see `finetrail.targets.problem`."""

    metric: MetricName = "macro_f1"
    margin: Share = 0.02
    class_margin: Share = 0.1
    class_rows: int = Field(default=100, ge=1)
    slices: dict[Annotated[str, StringConstraints(pattern=r"^[\w -]{1,64}$")], Slice] = Field(default_factory=dict)
    slice_margin: Share = 0.05
    slice_rows: int = Field(default=100, ge=1)
    ece_margin: Share | None = 0.1
    max_ece: Share | None = None
    latency_ratio: float | None = Field(default=2.0, gt=0)
    max_latency_ms: float | None = Field(default=None, gt=0)
    latency_rows: int = Field(default=30, ge=5, le=1000)
    size_ratio: float | None = Field(default=2.0, gt=0)
    max_size_mb: float | None = Field(default=None, gt=0)
    models_per_test_split: int = Field(default=20, ge=1)
    confidence: float = Field(default=0.95, ge=0.5, le=0.999)
    resamples: int = Field(default=1000, ge=100, le=100_000)
    seed: int = Field(default=0, ge=0, lt=2**32)

    def refuse_slices(self, column: str, problem: Problem) -> None:
        """Refuse slices that the rows of a task cannot have. Raises: ValueError: there is one."""
        for name, one in self.slices.items():
            if one.by_length and column != "text":
                raise ValueError(f"gate.slices.{name} goes by characters, and the rows hold {column}; use `group`")
            if one.label is not None and problem is REGRESSION:
                raise ValueError(f"gate.slices.{name} goes by label, and the labels are numbers; use `group`")
