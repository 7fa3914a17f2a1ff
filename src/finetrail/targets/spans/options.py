"""What a caller of a reader of contexts may ask for."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from finetrail.targets.options import Options
from finetrail.targets.spans.settings import MOST


class SpanOptions(Options):
    """See `finetrail.targets.options.Options`.

    Attributes:
        n_best: answers of each row; 1: the best alone, without a column of its own.
    """

    columns = {"n_best": "list[{answer: string, start: long, end: long, score: double}]"}  # noqa: RUF012 - read only
    n_best: int = Field(1, ge=1, le=MOST)

    @property
    def added(self) -> Mapping[str, str]:
        return self.columns if self.n_best > 1 else {}

    def more(self, codec: Any, answers: Any, inputs: Any) -> dict[str, Any]:
        contexts = [context for _, context in inputs.asked]
        return {"n_best": [codec.n_best(*row)[: self.n_best] for row in zip(answers.found, contexts, strict=True)]}
