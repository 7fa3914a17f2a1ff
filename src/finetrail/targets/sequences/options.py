"""What a caller of a model that writes may ask for."""

from typing import Any

from pydantic import Field

from finetrail.errors import DataError
from finetrail.targets.options import Options


class WritingOptions(Options):
    """See `finetrail.targets.options.Options`.

    Attributes:
        max_tokens: of an answer, its end included; None: as many as the model may write.
        temperature: what logits are divided by before tokens are drawn; 0: nothing is drawn, as in training.
        seed: of what is drawn.
    """

    max_tokens: int | None = Field(None, ge=1)
    temperature: float = Field(0.0, ge=0, le=100)
    seed: int = Field(0, ge=0, lt=2**63)

    def asked(self, inputs: Any) -> Any:
        from finetrail.models.inputs import Sampling

        most = inputs.writing.most
        if self.max_tokens is not None and self.max_tokens > most:
            raise DataError(
                f"max_tokens is {self.max_tokens}, but this model writes at most {most} tokens; send {most} or fewer"
            )
        if self.max_tokens is None and not self.temperature:
            return inputs
        return inputs.drawn(Sampling(self.max_tokens or most, self.temperature, self.seed))
