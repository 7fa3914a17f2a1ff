"""What may be open in a candidate: a range of numbers, or a choice; as params.yaml has it, and for Optuna."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from finetrail.runs import dimension as recorded
from finetrail.runs.dimension import Value

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

__all__ = ["Choice", "Dimension", "Range", "Value", "parse"]

KINDS = ("log", "float", "int", "choice")
_POINTS = "points"


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes:
        name: where it stands in the candidate, with dots, and with the option that it belongs to.
        setting: the same without options: the setting that it is the value of.
        whole: whether the numbers are integers.
        log: whether equal ratios, not equal distances, are equally likely.
        step: from one integer to the next.
        points: how many a grid takes; None: it cannot.
    """

    name: str
    setting: str
    low: float
    high: float
    whole: bool = False
    log: bool = False
    step: int = 1
    points: int | None = None

    @property
    def ends(self) -> list[Value]:
        """The values at which settings are checked before anything runs."""
        return [self.low, self.high]

    @property
    def grid(self) -> list[Value]:
        """The points of a grid, from low to high. Raises: ValueError: there are none."""
        if self.points is None and self.whole and not self.log:
            return list(range(int(self.low), int(self.high) + 1, self.step))
        if self.points is None:
            raise ValueError(
                f"{self.name} has no points for a grid; write {{{self.kind}: [{self.low:g}, {self.high:g}], points: 5}}"
                " or a choice"
            )
        return list(dict.fromkeys(self._point(place / max(1, self.points - 1)) for place in range(self.points)))

    @property
    def kind(self) -> str:
        """The key in params.yaml."""
        return "int" if self.whole else "log" if self.log else "float"

    def suggest(self, trial: "optuna.Trial") -> Value:
        """Ask a trial."""
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=self.step, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    @property
    def distribution(self) -> "BaseDistribution":
        """As Optuna stores it."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=self.step)
        return FloatDistribution(self.low, self.high, log=self.log)

    def holds(self, value: Value) -> bool:
        """Whether a value is legal here."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return not self.whole or (value == int(value) and (int(value) - int(self.low)) % self.step == 0)

    def value_in(self, settings: Mapping[str, str]) -> Value:
        """The value among the settings of a training, by dotted name; the low end where it is not legal here."""
        try:
            value: float = (int if self.whole else float)(settings.get(self.setting, ""))
        except ValueError:
            return self.low
        return value if self.holds(value) else self.low

    def recorded(self, when: Mapping[str, Value]) -> recorded.Dimension:
        """For study.json. Args: when: the choices under which it is in play."""
        step, log = (self.step, self.log) if self.whole else (None, None)
        return recorded.Dimension(self.name, self.kind, self.low, self.high, step, log, when=when or None)

    def _point(self, share: float) -> Value:
        value = self.low * (self.high / self.low) ** share if self.log else self.low + (self.high - self.low) * share
        if self.whole:
            return int(self.low) + round((value - self.low) / self.step) * self.step
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Choice:
    """One of several options: plain values, or parts of a candidate with open settings of their own.

    Attributes:
        name, setting: as of a range.
        options: by label, in the order of the file.
    """

    name: str
    setting: str
    options: dict[Value, Any] = field(hash=False)
    kind: str = "choice"

    @property
    def ends(self) -> list[Value]:
        """All labels."""
        return list(self.options)

    @property
    def grid(self) -> list[Value]:
        """All labels."""
        return list(self.options)

    def suggest(self, trial: "optuna.Trial") -> Value:
        """Ask a trial."""
        found: Value = trial.suggest_categorical(self.name, list(self.options))
        return found

    @property
    def distribution(self) -> "BaseDistribution":
        """As Optuna stores it."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(list(self.options))

    def holds(self, value: Value) -> bool:
        """Whether a value is legal here."""
        return any(value == label and type(value) is type(label) for label in self.options)

    def value_in(self, settings: Mapping[str, str]) -> Value:
        """The first option whose plain settings are among those of a training; else the first."""
        labels = (label for label, option in self.options.items() if _among(settings, self.setting, option))
        return next(labels, self.ends[0])

    def recorded(self, when: Mapping[str, Value]) -> recorded.Dimension:
        """For study.json. Args: when: the choices under which it is in play."""
        return recorded.Dimension(self.name, self.kind, choices=tuple(self.options), when=when or None)


Dimension = Range | Choice


def _among(settings: Mapping[str, str], name: str, part: Any) -> bool:
    """Whether a training had this part of a candidate, whatever is open in it. Numbers may be written otherwise."""
    if isinstance(part, Mapping):
        return all(_among(settings, f"{name}.{key}", value) for key, value in part.items())
    if isinstance(part, Range | Choice):
        return True
    said = settings.get(name)
    if isinstance(part, list):
        return said in (str(part), str(tuple(part)))
    number = isinstance(part, int | float) and not isinstance(part, bool)
    return said is not None and (said == str(part) or (number and said == str(float(part))))


def parse(name: str, setting: str, given: dict[Any, Any]) -> Dimension | None:
    """What a mapping leaves open; None where it is a plain part of a candidate.

    Args:
        name, setting: see `Range`.

    Raises:
        ValueError: it is meant as a space, but is not one.
    """
    found = [key for key in KINDS if key in given]
    if not found:
        return None
    kind, said = found[0], f"{name} is {given}"
    other = [key for key in given if key not in (kind, _POINTS)]
    if other:
        raise ValueError(f"{said}: {kind} stands alone or with points; take {other[0]!r} out")
    if kind == "choice":
        return Choice(name, setting, _options(given[kind], said))
    return _range(name, setting, given, said)


def _options(options: Any, said: str) -> dict[Value, Any]:
    if not isinstance(options, list) or not options:
        raise ValueError(f"{said}: a choice names its options; write {{choice: [a, b]}}")
    labels = [_label(option, options) for option in options]
    for place, label in enumerate(labels):
        if label in labels[:place]:
            raise ValueError(f"{said}: the option {label!r} is there twice, or equals another; take one out")
    return dict(zip(labels, options, strict=True))


def _label(option: Any, options: list[Any]) -> Value:
    """A plain value itself; a mapping by its method where that tells it from the others."""
    if option is None or isinstance(option, bool | int | float | str):
        return option
    if isinstance(option, dict):
        methods = [one.get("method") for one in options if isinstance(one, dict)]
        method = option.get("method")
        if isinstance(method, str) and methods.count(method) == 1:
            return method
    return json.dumps(option)


def _range(name: str, setting: str, given: dict[Any, Any], said: str) -> Range:
    kind = next(iter(given.keys() - {_POINTS}))
    ends, points = given[kind], given.get(_POINTS)
    form = "[4, 64, step 4]" if kind == "int" else "[1e-5, 1e-2]"
    if not isinstance(ends, list) or not 2 <= len(ends) <= (3 if kind == "int" else 2):
        raise ValueError(f"{said}: a range has two ends; write {{{kind}: {form}}}")
    low, high = ends[:2]
    wanted = int if kind == "int" else int | float
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, wanted):
            raise ValueError(f"{said}: the end {end!r} is not a number of that kind; write {{{kind}: {form}}}")
    if low >= high:
        raise ValueError(f"{said}: the low end must be below the high end; write the smaller number first")
    step, log = _spacing(ends[2], low, high, said) if len(ends) == 3 else (1, kind == "log")
    if log and low <= 0:
        raise ValueError(f"{said}: a log range cannot reach or pass through 0; start it above 0")
    if points is not None and (isinstance(points, bool) or not isinstance(points, int) or points < 2):
        raise ValueError(f"{said}: points {points!r} is not a number of points; write 2 or more")
    return Range(name, setting, low, high, kind == "int", log, step, points)


def _spacing(word: Any, low: int, high: int, said: str) -> tuple[int, bool]:
    """The step and whether the range is logarithmic, from the third entry of an int range."""
    if word == "log":
        return 1, True
    parts = word.split() if isinstance(word, str) else []
    if len(parts) != 2 or parts[0] != "step" or not parts[1].isdigit() or int(parts[1]) < 1:
        raise ValueError(f"{said}: {word!r} is no spacing; write `step 4` or `log` as the third entry")
    step = int(parts[1])
    if (high - low) % step:
        raise ValueError(
            f"{said}: steps of {step} from {low} do not reach {high}; end it at {high - (high - low) % step}"
        )
    return step, False
