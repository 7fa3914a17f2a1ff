"""One searched setting, as study.json has it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from finetrail.evaluation.scores.metric import setting

Value = bool | int | float | str | None
"""Of a parameter in a trial. A choice among mappings or lists is told by its label."""


@dataclass(frozen=True)
class Dimension:
    """One searched setting.

    Attributes:
        name: dotted, as in params.yaml: `train.learning_rate`; below a branch with that branch: `adaptation.lora.r`.
        kind: `log` (a float on a log scale), `float`, `int` or `choice`.
        log: of an `int`: whether it is searched on a log scale.
        when: the branch that it belongs to, as the name and value of another dimension; None where it is always active.
    """

    name: str
    kind: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool | None = None
    choices: tuple[Value, ...] | None = None
    when: Mapping[str, Value] | None = None

    @property
    def on_log_scale(self) -> bool:
        """Whether equal factors, not equal differences, are equally likely."""
        return self.kind == "log" or bool(self.log)

    @property
    def described(self) -> str:
        """What was searched, in a few words: `1e-5 to 0.01, log`, `4 to 64, step 4`, `lora, full`."""
        if self.low is None or self.high is None:
            return ", ".join(map(setting, self.choices or ()))
        spacing = ", log" if self.on_log_scale else f", step {setting(self.step)}" if self.step else ""
        return f"{setting(self.low)} to {setting(self.high)}{spacing}"

    def as_json(self) -> dict[str, Any]:
        """One entry of `space`: only what its kind has."""
        found = {key: value for key, value in asdict(self).items() if value is not None}
        return found | ({"choices": list(self.choices)} if self.choices is not None else {})

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Dimension":
        """Read back what `as_json` returned."""
        choices = value.get("choices")
        return Dimension(**{**value, "choices": None if choices is None else tuple(choices)})
