"""Section `gate:` of params.yaml. Imports no numpy, because `config.py` needs it in every process."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from finetrail.evaluation.slices import Slice, SliceName
from finetrail.settings import Settings

Share = Annotated[float, Field(ge=0, le=1)]


class Gate(Settings):
    """Section `gate:` of params.yaml. The defaults of `metric` and `resamples` are those of section `selection`.

    `slices` are those that the gate alone looks at, beside those of section `selection`.
    """

    metric: str
    margin: Share = 0.02
    class_margin: Share = 0.1
    class_rows: int = Field(default=100, ge=1)
    slices: Mapping[SliceName, Slice] = Field(default_factory=dict)
    slice_margin: Share = 0.05
    slice_rows: int = Field(default=100, ge=1)
    ece_margin: Share | None = 0.1
    max_ece: Share | None = None
    max_drop: float | None = Field(default=None, ge=0)
    perturbed_margin: Share | None = None
    latency_ratio: float | None = Field(default=2.0, gt=0)
    max_latency_ms: float | None = Field(default=None, gt=0)
    latency_rows: int = Field(default=30, ge=5, le=1000)
    size_ratio: float | None = Field(default=2.0, gt=0)
    max_size_mb: float | None = Field(default=None, gt=0)
    models_per_test_split: int = Field(default=20, ge=1)
    confidence: float = Field(default=0.95, ge=0.5, le=0.999)
    resamples: int = Field(default=10_000, ge=100, le=100_000)
    seed: int = Field(default=0, ge=0, lt=2**32)

    @property
    def asks_robustness(self) -> bool:
        """Whether a rule judges answers to perturbed rows."""
        return self.max_drop is not None or self.perturbed_margin is not None
