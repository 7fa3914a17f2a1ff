"""Section `assess.robustness` of params.yaml. Imports no numpy, because `config.py` needs it in every process."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, create_model, model_validator

from finetrail.contents.perturbation import SEVERITIES, check_names, check_once
from finetrail.settings import Settings
from finetrail.tasks.task import Task

Severity = Annotated[int, Field(ge=1, le=5)]


class Robustness(Settings):
    """Section `assess.robustness`.

    Attributes:
        perturbations: their names, or `all` that the task allows.
        severities: 1 is hardly noticed, 5 severe.
        max_rows: validation rows to perturb; of more, those with the smallest hashes of their ids.
        baseline: a candidate whose errors on the same rows are what the model's are compared with.
        offered, refused: the task's, and why it has not the others of its content.
    """

    perturbations: Literal["all"] | list[str] = "all"
    severities: list[Severity] = Field(default=list(SEVERITIES), min_length=1)
    max_rows: int = Field(default=500, ge=10)
    baseline: str | None = None
    offered: ClassVar[tuple[str, ...]] = ()
    refused: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _offered(self) -> Self:
        wanted = [] if self.perturbations == "all" else self.perturbations
        if not wanted and self.perturbations != "all":
            raise ValueError(f"perturbations is empty; name some of {', '.join(self.offered)}, or write `all`")
        check_names("perturbations", wanted, self.offered, self.refused)
        check_once("severities", self.severities)
        return self

    @property
    def names(self) -> list[str]:
        """The perturbations, in the order in which they are offered."""
        return [name for name in self.offered if self.perturbations == "all" or name in self.perturbations]


def robustness_of(task: Task) -> type[Robustness]:
    """The section as a task has it."""
    all_of_content = task.content.perturbations
    fits = {name: one.in_place or one.mirrored or not task.target.in_place for name, one in all_of_content.items()}
    made = create_model("Robustness", __base__=Robustness)
    made.offered = tuple(name for name in all_of_content if fits[name])
    made.refused = tuple(name for name in all_of_content if not fits[name])
    return made
