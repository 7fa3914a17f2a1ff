"""Metrics: their names, directions and number formats. No heavy imports."""

import math
from dataclasses import dataclass

Point = dict[str, float]
"""Values by name, such as a loss and metrics at one step of a curve."""


@dataclass(frozen=True)
class Metric:
    """A metric of a kind of target.

    Attributes:
        title: its name in a sentence.
        lower: whether lower is better.
        in_unit: whether values are in the unit of the label, and so of any size.
    """

    name: str
    title: str
    lower: bool = False
    in_unit: bool = False

    @property
    def best(self) -> str:
        """The word for the best of several values."""
        return "lowest" if self.lower else "highest"

    @property
    def ideal(self) -> float:
        """What no model can be better than."""
        return 0.0 if self.lower else 1.0

    def goodness(self, value: float) -> float:
        """The value as a number where higher is better."""
        return -value if self.lower else value

    def say(self, value: float) -> str:
        """Format a value for a reader."""
        return amount(value) if self.in_unit else f"{round(value, 3) + 0.0:.3f}"

    @property
    def on_axis(self) -> str:
        """Its name at the axis of a figure, with its unit."""
        return f"{self.title} (unit of the label)" if self.in_unit else self.title

    def margin(self, share: float, value: float) -> float:
        """A tolerance: `share` itself, or, for a metric in the unit of the label, that share of `value`."""
        return share * abs(value) if self.in_unit else share


def amount(value: float) -> str:
    """Format a number of any size with four digits, or all its integer digits: 31,234, 7, 2.346, 0.001235."""
    if not math.isfinite(value) or value == 0:
        return f"{value + 0.0:g}"
    if value == round(value) and abs(value) < 1e12:
        return f"{value:,.0f}"
    places = 3 - math.floor(math.log10(abs(value)))
    if not -12 <= places <= 8:
        return f"{value:.3e}"
    return f"{value:,.{max(0, places)}f}"


def setting(value: float | str | None) -> str:
    """Format a setting with three digits, as one writes it in params.yaml: 0.05, 1e-3, 2.35e-4, 64, lora, true."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return value
    if value == round(value) and abs(value) < 1e6:
        return str(round(value))
    if 0.01 <= abs(value) < 1000:
        return f"{value:.3g}"
    digits, _, exponent = f"{value:.2e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"
