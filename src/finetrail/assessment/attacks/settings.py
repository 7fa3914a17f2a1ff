"""Section `assess.attacks` of params.yaml. Imports no numpy, because `config.py` needs it in every process."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, create_model, model_validator

from finetrail.contents.perturbation import check_names, check_once
from finetrail.settings import Settings
from finetrail.tasks.task import Task


class Attacks(Settings):
    """Section `assess.attacks`.

    Attributes:
        attacks: their names, or `all` of the task's content.
        epsilons: how much an attack may change: 255ths of the range of every pixel, or tokens of a text.
        max_rows: validation rows to attack; of more, those with the smallest hashes of their ids.
        offered: the attacks of the task's content.
    """

    attacks: Literal["all"] | list[str] = "all"
    epsilons: list[Annotated[int, Field(ge=1, le=255)]] = Field(default=[1, 2, 4, 8], min_length=1)
    max_rows: int = Field(default=100, ge=10)
    offered: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _offered(self) -> Self:
        if self.attacks != "all":
            if not self.attacks:
                raise ValueError(f"attacks is empty; name some of {', '.join(self.offered)}, or write `all`")
            check_names("attacks", self.attacks, self.offered, ())
        check_once("epsilons", self.epsilons)
        return self

    @property
    def names(self) -> list[str]:
        """The attacks, in the order in which they are offered."""
        return [name for name in self.offered if self.attacks == "all" or name in self.attacks]


def attacks_of(task: Task) -> type[Attacks]:
    """The section as a task has it."""
    made = create_model("Attacks", __base__=Attacks)
    made.offered = tuple(task.content.attacks)
    return made
