"""What a caller of a model with named classes may ask for."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from finetrail.targets.options import Options


class NamedOptions(Options):
    """See `finetrail.targets.options.Options`.

    Attributes:
        probabilities: of all classes, the likeliest first, in a column of its own.
        top: the same of this many classes.
    """

    columns = {"probabilities": "list[{label: string, probability: double}]"}  # noqa: RUF012 - read only
    probabilities: bool = False
    top: int | None = Field(None, ge=1)

    @property
    def added(self) -> Mapping[str, str]:
        return self.columns if self.probabilities or self.top is not None else {}

    def more(self, codec: Any, answers: Any, inputs: Any) -> dict[str, Any]:
        from finetrail.targets.logits import likeliest  # numpy: the command line reads this module before any work

        return {"probabilities": likeliest(codec.labels, codec.chances(answers), self.top)}
