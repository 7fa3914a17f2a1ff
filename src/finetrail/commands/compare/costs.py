"""What a candidate costs: names, units and number formats. No heavy imports."""

from dataclasses import dataclass

from finetrail.evaluation.selection import rounded


@dataclass(frozen=True)
class Cost:
    """One kind of cost; lower is better.

    Attributes:
        name: of its value in compare.json.
        title: in a sentence.
        column: at the head of a column.
        unit: empty for a count.
    """

    name: str
    title: str
    column: str
    unit: str = ""

    def say(self, value: float) -> str:
        """A value for a reader, without its unit."""
        if not self.unit:
            return rounded(int(value))
        return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"

    @property
    def axis(self) -> str:
        """The title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


COSTS = (
    Cost("trainable_parameters", "trainable parameters", "trainable"),
    Cost("seconds", "training time", "train s", "s"),
    Cost("peak_memory_mb", "peak memory of training", "peak MB", "MB"),
    Cost("disk_mb", "size of the saved model", "disk MB", "MB"),
)
LATENCY = Cost("latency_p50_ms", "median time per row", "p50 ms", "ms")
"""Only where it was measured."""
SLOWEST = Cost("latency_p95_ms", "95th percentile of the time per row", "p95 ms", "ms")
"""Beside the median; it has no figure of its own."""
