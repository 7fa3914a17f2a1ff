"""A candidate as params.yaml has it. No heavy imports: the command line reads it before any work."""

from typing import Any, Self

from pydantic import model_validator

from finetrail.adaptation.methods import Adaptation
from finetrail.auxiliary.distillation import Distillation
from finetrail.auxiliary.methods import AnyAuxiliary
from finetrail.contents.content import Backbone
from finetrail.settings import Settings
from finetrail.training.settings import Training


class Candidate(Settings):
    """One way to solve the problem: a backbone, a method of adaptation, and how to train.

    In params.yaml a candidate names only what differs: its `backbone` and `train` are laid over the common ones.

    Attributes:
        auxiliary: what it learns from rows without labels; null: nothing.
        distillation: what it learns from a teacher; null: nothing.
    """

    adaptation: Adaptation
    auxiliary: AnyAuxiliary | None = None
    distillation: Distillation | None = None
    backbone: Backbone
    train: Training

    @model_validator(mode="after")
    def _shards_what_can_be(self) -> Self:
        if self.train.fsdp and not self.adaptation.shards:
            raise ValueError(
                f"adaptation.method {self.adaptation.method!r} cannot be sharded; set train.fsdp to false, or use lora"
            )
        return self

    @model_validator(mode="after")
    def _joins_whole_networks(self) -> Self:
        if self.train.fsdp and self.auxiliary is not None:
            raise ValueError(
                f"auxiliary.method {self.auxiliary.method!r} cannot be sharded; set train.fsdp to false, or remove it"
            )
        if self.train.compile and self.auxiliary is not None and self.auxiliary.batch_norm != "both":
            raise ValueError(
                f"auxiliary.batch_norm {self.auxiliary.batch_norm!r} cannot be compiled; set train.compile to false, "
                "or batch_norm to both"
            )
        return self

    @model_validator(mode="after")
    def _reads_outputs_alone(self) -> Self:
        # Its head returns features too while it trains; another loss would take them for outputs.
        other = f"auxiliary.method {self.auxiliary.method!r}" if self.auxiliary is not None else "distillation"
        if (self.auxiliary is not None or self.distillation is not None) and self.adaptation.replaces_loss:
            raise ValueError(
                f"adaptation.method {self.adaptation.method!r} has a loss of its own, which leaves no place for "
                f"{other}; remove it, or use method full"
            )
        return self

    @model_validator(mode="after")
    def _learns_one_thing_more(self) -> Self:
        if self.distillation is None:
            return self
        if self.auxiliary is not None:
            raise ValueError("auxiliary and distillation both add to the loss of the labels; remove one of them")
        if self.train.fsdp and self.distillation.rows is not None:
            raise ValueError("rows of distillation cannot be sharded; set train.fsdp to false, or remove them")
        return self

    @property
    def unlabelled(self) -> str | None:
        """The set of rows without labels that it learns from, by its name; None for none."""
        asked = self.auxiliary or self.distillation
        return asked.rows if asked is not None else None

    @property
    def depends_on_length(self) -> bool:
        """Whether its steps so far would differ if the training were set to be longer, whatever its schedule."""
        ramps = self.auxiliary is not None and self.auxiliary.ramp
        return ramps or self.adaptation.depends_on_length

    def trained_with(self, **settings: Any) -> Self:
        """The candidate with other settings of its section `train`."""
        return self.model_copy(update={"train": self.train.model_copy(update=settings)})
