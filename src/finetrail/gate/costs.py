"""What a model costs: its time per row, the size of its files, and the rules for both."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.evaluation.scores.metric import amount
from finetrail.gate.evidence import Evidence
from finetrail.gate.settings import Gate
from finetrail.gate.verdict import Ruling, outcome
from finetrail.serving.latency import row_times_ms

if TYPE_CHECKING:
    from finetrail.tasks.task import Built


def size_mb(folder: Path) -> float:
    """The size of all files of a model."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def latencies_ms(models: Sequence["Built"], contents: Sequence[Any]) -> list[float]:
    """Each model's median milliseconds from a raw value to an answer, one row at a time."""
    return [statistics.median(times) for times in row_times_ms(models, contents)]


def latency_rules(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """The time per row stays within a multiple of the champion's, and within the budget."""
    value = evidence.challenger_cost.latency_ms
    other = evidence.champion_cost.latency_ms if evidence.champion_cost else None
    return _cost_rules(_Measured("latency", "ms", value, other), settings.latency_ratio, settings.max_latency_ms)


def size_rules(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """The size of the files stays within a multiple of the champion's, and within the budget."""
    other = evidence.champion_cost.size_mb if evidence.champion_cost else None
    measured = _Measured("size", "MB", evidence.challenger_cost.size_mb, other)
    return _cost_rules(measured, settings.size_ratio, settings.max_size_mb)


@dataclass(frozen=True)
class _Measured:
    """A cost of the challenger and of the champion; None where it was not measured."""

    rule: str
    unit: str
    value: float | None
    champion: float | None

    def say(self, value: float) -> str:
        return f"{amount(value)} {self.unit}"


def _cost_rules(cost: _Measured, ratio: float | None, most: float | None) -> list[Ruling]:
    found: list[Ruling] = []
    rule, value, other = cost.rule, cost.value, cost.champion
    if value is None:
        return found
    if ratio is not None and other is not None:
        times = value / other
        sentence = f"{rule} {cost.say(value)} against {cost.say(other)} for the champion"
        numbers = {"value": value, "champion": other, "ratio": times, "bound": ratio}
        found.append(Ruling(rule, outcome(times <= ratio), sentence, f"{times:.2f} x", f"<= {ratio:g} x", numbers))
    if most is not None:
        sentence = f"{rule} {cost.say(value)}, where {cost.say(most)} is allowed"
        numbers = {"value": value, "bound": most}
        bound = f"<= {cost.say(most)}"
        found.append(Ruling(f"{rule} budget", outcome(value <= most), sentence, cost.say(value), bound, numbers))
    return found
