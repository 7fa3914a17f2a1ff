"""A candidate as params.yaml has it. No heavy imports: the command line reads it before any work."""

from typing import Any, Self

from pydantic import model_validator

from finetrail.adaptation.methods import Adaptation
from finetrail.contents.content import Backbone
from finetrail.settings import Settings
from finetrail.training.settings import Training


class Candidate(Settings):
    """One way to solve the problem: a backbone, a method of adaptation, and how to train.

    In params.yaml a candidate names only what differs: its `backbone` and `train` are laid over the common ones.
    """

    adaptation: Adaptation
    backbone: Backbone
    train: Training

    @model_validator(mode="after")
    def _shards_what_can_be(self) -> Self:
        if self.train.fsdp and not self.adaptation.shards:
            raise ValueError(
                f"adaptation.method {self.adaptation.method!r} cannot be sharded; set train.fsdp to false, or use lora"
            )
        return self

    def trained_with(self, **settings: Any) -> Self:
        """The candidate with other settings of its section `train`."""
        return self.model_copy(update={"train": self.train.model_copy(update=settings)})
