"""Inputs that add something to the batches of other inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from finetrail.models.inputs import Inputs, Targets
from finetrail.models.network import Batch


@dataclass(frozen=True)
class Around:
    """The same examples as `inputs`. See `finetrail.models.inputs.Inputs`."""

    inputs: Inputs

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def lengths(self) -> list[int]:
        """The size of each example."""
        return self.inputs.lengths

    @property
    def rows(self) -> Sequence[int]:
        """The row of each."""
        return self.inputs.rows

    @property
    def varies(self) -> bool:
        """Whether there is augmentation."""
        return self.inputs.varies

    @property
    def targets(self) -> Targets | None:
        """Those of the inputs."""
        return self.inputs.targets

    def labelled(self, targets: Targets) -> Self:
        """The same with other targets."""
        return replace(self, inputs=self.inputs.labelled(targets))

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """See `Inputs.batch`."""
        return self.inputs.batch(indices, seed)
