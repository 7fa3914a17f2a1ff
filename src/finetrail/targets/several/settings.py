"""What params.yaml may say of several targets, beside their rules. Light: the command line reads this before any work.

Each section has a key `targets`, and below it, by name, what the section has for a target of that kind. These models
are made for the targets that section `task` names.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, create_model, model_validator

from finetrail.data.sources.columns import ColumnName, Columns
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.several.parts import per_target
from finetrail.targets.target import Training

if TYPE_CHECKING:
    from finetrail.targets.target import Target

MEAN = Metric("mean", "mean over the targets")


class SeveralColumns(Columns):
    """Which columns of the source hold the labels.

    Attributes:
        targets: the columns of each; `label` is the name of the target by default.
    """

    targets: Any

    @property
    def labels(self) -> tuple[str, ...]:
        parts = [getattr(self.targets, name) for name in type(self.targets).model_fields]
        return tuple(dict.fromkeys(column for part in parts for column in part.labels))


class SeveralTraining(Training):
    """What section `train` of params.yaml says of several targets.

    Attributes:
        loss: `sum` of the losses of all targets; `uncertainty`: each is weighed by how uncertain the model is of that
            target, which it learns (Kendall, Gal & Cipolla 2018); `gradnorm`: so that their gradients become alike, but
            for `asymmetry` (Chen et al. 2018).
        asymmetry: how much more a target pulls that learns more slowly than others; 0: all pull alike.
        metric: the validation metric that picks the best evaluation: `mean`, or one of a target.
        only: learn this target alone, with the same network, rows and steps: what the others take from it, or give.
        targets: what the kind of each has in this section.
    """

    loss: Literal["sum", "uncertainty", "gradnorm"] = "sum"
    asymmetry: float = Field(1.5, ge=0, le=5)
    metric: str = MEAN.name
    only: str | None = None
    targets: Any

    @model_validator(mode="after")
    def _judges_what_it_learns(self) -> Self:
        if self.only is not None and not self.metric.startswith(f"{self.only}."):
            raise ValueError(
                f"only is {self.only!r}, but metric is {self.metric!r}, which counts targets that are not learnt; set "
                f"metric to one of that target, such as {self._of(self.only)}"
            )
        return self

    @model_validator(mode="after")
    def _reads_asymmetry(self) -> Self:
        if self.asymmetry != type(self).model_fields["asymmetry"].default and self.loss != "gradnorm":
            raise ValueError(f"asymmetry is of loss gradnorm, but loss is {self.loss!r}; leave asymmetry out")
        return self

    def _of(self, target: str) -> str:
        known = type(self).model_fields["metric"].annotation.__args__  # type: ignore[union-attr]
        return str([name for name in known if name.startswith(f"{target}.")][-1])


def columns_of(targets: "Mapping[str, Target]") -> type[SeveralColumns]:
    """Section `source.columns`."""
    parts, default = per_target(
        "Columns",
        targets,
        ("group", "split", "metadata"),
        lambda target: target.Columns,
        # A column with the name of the target: few files have one that is called `label` beside others.
        lambda name: {"label": (targets[name].Columns.model_fields["label"].annotation or ColumnName, name)},
    )
    return create_model("SeveralColumns", __base__=SeveralColumns, targets=(parts, default))


def training_of(targets: "Mapping[str, Target]", metrics: tuple[Metric, ...]) -> type[SeveralTraining]:
    """Section `train`. Args: metrics: of all targets, and the mean."""
    parts, default = per_target("Training", targets, ("metric",), lambda target: target.Training)
    names: Any = Literal[tuple(targets)]
    known: Any = Literal[tuple(metric.name for metric in metrics)]
    return create_model(
        "SeveralTraining",
        __base__=SeveralTraining,
        metric=(known, MEAN.name),
        only=(names | None, None),
        targets=(parts, default),
    )
