"""What an alignment compares."""

from typing import Protocol

from torch import Tensor


class Domain(Protocol):
    """What a network makes of examples of one domain. Attributes: features: (B, D). outputs: (B, K)."""

    @property
    def features(self) -> Tensor: ...

    @property
    def outputs(self) -> Tensor: ...
