"""Section `assess.explanations` of params.yaml. Imports no numpy, because `config.py` needs it in every process."""

from typing import ClassVar, Self

from pydantic import Field, create_model, model_validator

from finetrail.settings import Settings
from finetrail.tasks.task import Task


class Explanations(Settings):
    """Section `assess.explanations`.

    Attributes:
        max_rows: mistakes to explain, the worst first.
        steps: points between the baseline and the row at which gradients are taken.
        explains: whether the task's answers have outputs that can be explained.
    """

    max_rows: int = Field(default=24, ge=1, le=50)
    steps: int = Field(default=32, ge=8, le=1000)
    explains: ClassVar[bool] = True

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if not self.explains:
            raise ValueError(
                "an answer of this task has many outputs, and no one of them explains a mistake; remove it, and look "
                "at the worst rows of the test report"
            )
        return self


def explanations_of(task: Task) -> type[Explanations]:
    """The section as a task has it."""
    made = create_model("Explanations", __base__=Explanations)
    made.explains = task.target.explains
    return made
