"""Section `assess.stability` of params.yaml. Imports no numpy, because `config.py` needs it in every process."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from finetrail.settings import Settings

Fraction = Annotated[float, Field(gt=0, lt=1)]


class Stability(Settings):
    """Section `assess.stability`.

    Attributes:
        seeds: trainings on all rows, each with its own seed; the candidate's own is the first of them.
        resamples: trainings on a part of the rows, each with its own seed and draw.
        fraction: the share of the training rows in each part.
        candidates: `chosen`, `all`, or their names.
        curve: further shares of the rows, each trained on as often as `resamples` says, for a learning curve.
    """

    seeds: int = Field(default=5, ge=1)
    resamples: int = Field(default=5, ge=0)
    fraction: Fraction = 0.8
    candidates: Literal["chosen", "all"] | list[str] = "chosen"
    curve: list[Fraction] = Field(default_factory=list)

    @model_validator(mode="after")
    def _has_something_to_compare(self) -> Self:
        if self.resamples == 1:
            raise ValueError("resamples is 1, and one training has no spread; use 0, or 2 or more")
        if self.seeds == 1 and not self.resamples:
            raise ValueError("seeds is 1 and resamples 0, so that nothing is trained; set one of them to 2 or more")
        if self.curve and not self.resamples:
            raise ValueError("curve needs trainings on parts of the rows, but resamples is 0; set it to 2 or more")
        if not self.candidates:
            raise ValueError("candidates is empty; name some, or write `chosen` or `all`")
        for what, given in (("candidates", self.candidates), ("curve", self.curve)):
            if isinstance(given, list) and len(set(given)) < len(given):
                raise ValueError(f"{what} names something twice; name each once")
        return self
